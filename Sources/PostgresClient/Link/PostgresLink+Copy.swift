// COPY FROM STDIN on a connection that a transaction has to itself. Pipeline mode forbids COPY (libpq
// 15, manual 34.5), so the connection leaves it for as long as the COPY lasts; it can, because the
// transaction has nothing else under way.
//
// Invariant: `copy` is not nil exactly while the connection is out of pipeline mode. A COPY is not
// cancelled with its task: the connection would be left in the middle. Its time is bounded as any
// statement's.
import CLibpq
import EventLoops

/// One COPY under way, and who waits for it.
final class CopyRun {
  let sql: String
  let data: [UInt8]
  let startedAt: UInt64
  var machine: CopyStateMachine
  private(set) var server: PostgresServerError?
  private let wait: LoopWait<Result<Int, PostgresError>>

  init(sql: String, data: [UInt8], loop: EventLoop) {
    self.sql = sql
    self.data = data
    startedAt = loop.nowMilliseconds
    machine = CopyStateMachine(bytes: data.count)
    wait = LoopWait(loop: loop)
  }

  func isLate(now: UInt64, limit: UInt64?) -> Bool { limit.map { startedAt + $0 <= now } ?? false }

  func refused(_ error: PostgresServerError) { if server == nil { server = error } }

  func finish(_ result: Result<Int, PostgresError>) { wait.finish(result) }

  /// How many rows were copied.
  func outcome() async throws(PostgresError) -> Int { try await wait.value().get() }
}

extension PostgresLink {
  /// Sends COPY. Throws when it cannot be sent; then it is not under way.
  func start(_ run: CopyRun) throws(PostgresError) {
    guard state == .ready, let connection else {
      throw PostgresError(.connectionLost(mayHaveExecuted: false))
    }
    precondition(load == 0, "COPY beside other statements")
    guard connection.leavePipeline(), connection.sendQuery(run.sql) else {
      let reason = ResultText.bounded(connection.message)
      end(.lost(reason))
      throw PostgresError(.connectionLost(mayHaveExecuted: false), reason: reason)
    }
    copy = run
    flushCopy(run)
  }

  /// Whatever can leave leaves; when all has, the next piece follows.
  func flushCopy(_ run: CopyRun) {
    while copy === run, let connection {
      switch connection.flush() {
      case 0: break
      case 1: return watch([.readable, .writable])
      default: return watch(.readable)  // the reason is read from the socket
      }
      switch run.machine.left() {
      case .send(let piece):
        guard connection.putCopy(run.data, piece) else { return copyFailed(connection) }
      case .sendEnd:
        guard connection.endCopy() else { return copyFailed(connection) }
      default:
        watch(.readable)
        // While it sent, libpq may have taken in the answer already: the socket tells of it no more.
        return connection.isBusy ? () : drainCopy(run)
      }
    }
  }

  private func copyFailed(_ connection: LinkConnection) {
    end(.lost(ResultText.bounded(connection.message)))
  }

  /// Takes what the server answered.
  func drainCopy(_ run: CopyRun) {
    while copy === run, let connection, !connection.isBusy {
      // While data are due libpq would give the same PGRES_COPY_IN for ever.
      if run.machine.state == .sending { return flushCopy(run) }
      guard let result = connection.nextResult() else {
        return perform(run.machine.endedResults(), run)
      }
      defer { PQclear(result) }
      perform(took(result, run), run)
    }
  }

  private func took(_ result: OpaquePointer, _ run: CopyRun) -> CopyStateMachine.Action {
    switch PQresultStatus(result) {
    case PGRES_COPY_IN: return run.machine.received(.copyIn)
    case PGRES_COMMAND_OK:
      let rows = Int(String(cString: PQcmdTuples(result))) ?? 0
      return run.machine.received(.success(rows: rows))
    case PGRES_FATAL_ERROR:
      let error = ResultText.serverError(result)
      if error.isFatal {
        end(.endedByServer(sqlState: error.sqlState, reason: error.message), server: error)
        return .none
      }
      if error.sqlState.isEmpty {
        end(.lost(error.message))
        return .none
      }
      run.refused(error)
      return run.machine.received(.error)
    default: return run.machine.received(.unexpected)
    }
  }

  private func perform(_ action: CopyStateMachine.Action, _ run: CopyRun) {
    switch action {
    case .none: break
    case .send(let piece):
      guard let connection else { return }
      guard connection.putCopy(run.data, piece) else { return copyFailed(connection) }
      flushCopy(run)
    case .sendEnd:
      guard let connection else { return }
      guard connection.endCopy() else { return copyFailed(connection) }
      flushCopy(run)
    case .finished: finished(run)
    case .violated(let reason): end(.protocolViolated(reason))
    }
  }

  private func finished(_ run: CopyRun) {
    guard connection?.enterPipeline() == true else {
      return end(.lost("pipeline mode could not be entered again"))
    }
    copy = nil
    guard run.machine.hasFailed else { return run.finish(.success(run.machine.rows)) }
    let timedOut = run.server?.sqlState == "57014"
    run.finish(
      .failure(
        PostgresError(
          timedOut ? .timedOut(mayHaveExecuted: false) : .server, statement: "copy",
          server: run.server)))
  }

  /// The connection is over: nothing of the transaction was committed.
  func failCopy(timedOut: Bool, server: PostgresServerError?) {
    guard let run = copy else { return }
    copy = nil
    let code: PostgresError.Code =
      timedOut ? .timedOut(mayHaveExecuted: false) : .connectionLost(mayHaveExecuted: false)
    run.finish(.failure(PostgresError(code, statement: "copy", server: server)))
  }

  func check(_ run: CopyRun) {
    let limit = options.statementMilliseconds
    guard run.isLate(now: loop.nowMilliseconds, limit: limit) else { return }
    end(.statementTimedOut(milliseconds: limit))
  }
}

extension PostgresTransaction {
  /// Runs `COPY ... FROM STDIN` with `data` in its text format, at most
  /// `PostgresLimits.copyBytesMax` bytes, and returns how many rows were copied. After an error of the
  /// server the transaction is lost: throw it on. It is not cancelled with its task.
  public func copy(_ sql: String, _ data: [UInt8]) async throws(PostgresError) -> Int {
    let link = try await ownLink()
    guard data.count <= PostgresLimits.copyBytesMax else {
      throw PostgresError(
        .parameter, statement: "copy",
        reason: "\(data.count) bytes are more than \(PostgresLimits.copyBytesMax)")
    }
    let run = CopyRun(sql: sql, data: data, loop: link.loop)
    try link.start(run)
    return try await run.outcome()
  }
}
