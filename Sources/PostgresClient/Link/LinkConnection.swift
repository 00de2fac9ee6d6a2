// The PGconn and the calls to libpq on it, each with its outcome as a value. One connection, made once,
// freed once; on the loop's thread.
import CLibpq

final class LinkConnection {
  enum Progress: Equatable {
    case wantsRead, wantsWrite, connected
    case failed
  }

  private let raw: OpaquePointer
  private let notices = NoticeBox()

  /// The last notice or error that came outside of any statement: why a server ended a session.
  var lastNotice: PostgresServerError? { notices.last }

  /// Begins to connect; nil: out of memory.
  init?(_ parameters: [(String, String)]) {
    let keywords = CStrings(parameters.map(\.0))
    let values = CStrings(parameters.map(\.1))
    guard let raw = PQconnectStartParams(keywords.pointers, values.pointers, 0) else { return nil }
    self.raw = raw
    // Verbose: the texts of failed connects then hold the server's code.
    PQsetErrorVerbosity(raw, PQERRORS_VERBOSE)
    // libpq would print notices to standard error. The box lives as long as the connection.
    PQsetNoticeReceiver(
      raw,
      { box, result in
        guard let box, let result else { return }
        let error = ResultText.serverError(result)
        Unmanaged<NoticeBox>.fromOpaque(box).takeUnretainedValue().last = error
      }, Unmanaged.passUnretained(notices).toOpaque())
  }

  deinit { PQfinish(raw) }

  /// -1 when there is none.
  var socket: Int32 { PQsocket(raw) }
  var isBad: Bool { PQstatus(raw) == CONNECTION_BAD }
  var processID: Int32 { PQbackendPID(raw) }
  var isInTransaction: Bool { PQtransactionStatus(raw) != PQTRANS_IDLE }

  var message: String { String(cString: PQerrorMessage(raw)) }

  func connectStep() -> Progress {
    switch PQconnectPoll(raw) {
    case PGRES_POLLING_READING: .wantsRead
    case PGRES_POLLING_WRITING: .wantsWrite
    case PGRES_POLLING_OK: .connected
    default: .failed
    }
  }

  func enterPipeline() -> Bool {
    PQsetErrorVerbosity(raw, PQERRORS_DEFAULT)
    return PQsetnonblocking(raw, 1) == 0 && PQenterPipelineMode(raw) == 1
  }

  /// Only while nothing is under way.
  func leavePipeline() -> Bool { PQexitPipelineMode(raw) == 1 }

  /// By the simple protocol; not in pipeline mode.
  func sendQuery(_ sql: String) -> Bool { PQsendQuery(raw, sql) == 1 }

  /// Queues bytes of a COPY. False: failed; room is always made for so small a piece.
  func putCopy(_ data: [UInt8], _ piece: Range<Int>) -> Bool {
    data.withUnsafeBytes { bytes in
      let part = UnsafeRawBufferPointer(rebasing: bytes[piece]).assumingMemoryBound(to: CChar.self)
      return PQputCopyData(raw, part.baseAddress, Int32(part.count)) == 1
    }
  }

  func endCopy() -> Bool { PQputCopyEnd(raw, nil) == 1 }

  func sendPrepare(_ name: String, _ sql: String, _ types: [PostgresType]) -> Bool {
    let numbers = types.map(\.rawValue)
    return PQsendPrepare(raw, name, sql, Int32(numbers.count), numbers) == 1
  }

  func sendPrepared(_ name: String, _ parameters: ParameterWriter) -> Bool {
    parameters.withPointers { PQsendQueryPrepared(raw, name, $1, $0, nil, nil, 0) } == 1
  }

  func sendPlain(_ sql: String) -> Bool {
    PQsendQueryParams(raw, sql, 0, nil, nil, nil, nil, 0) == 1
  }

  func sendSync() -> Bool { PQpipelineSync(raw) == 1 }

  /// 0: all has left; 1: the kernel's buffer is full; -1: failed.
  func flush() -> Int32 { PQflush(raw) }

  func consumeInput() -> Bool { PQconsumeInput(raw) == 1 }

  /// PQgetResult would block.
  var isBusy: Bool { PQisBusy(raw) != 0 }

  /// The caller frees it by PQclear.
  func nextResult() -> OpaquePointer? { PQgetResult(raw) }

  func nextNotification() -> (channel: String, payload: String)? {
    guard let found = PQnotifies(raw) else { return nil }
    defer { PQfreemem(found) }
    return (
      String(cString: found.pointee.relname),
      found.pointee.extra.map { String(cString: $0) } ?? ""
    )
  }

  private final class NoticeBox { var last: PostgresServerError? }
}

/// An array of C strings that ends with a null pointer. The copies are wiped, since one may be a
/// password.
private final class CStrings {
  let pointers: UnsafeMutablePointer<UnsafePointer<CChar>?>
  private let copies: [UnsafeMutableBufferPointer<CChar>]

  init(_ texts: [String]) {
    copies = texts.map { text in
      let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: text.utf8.count + 1)
      _ = copy.initialize(from: text.utf8.map { CChar(bitPattern: $0) } + [0])
      return copy
    }
    pointers = .allocate(capacity: texts.count + 1)
    pointers.initialize(repeating: nil, count: texts.count + 1)
    for (index, copy) in copies.enumerated() { pointers[index] = UnsafePointer(copy.baseAddress) }
  }

  deinit {
    for copy in copies {
      copy.update(repeating: 0)
      copy.deallocate()
    }
    pointers.deallocate()
  }
}
