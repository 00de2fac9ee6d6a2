// One statement from its call to its end: what is sent, what came, who waits. The link tells it what
// the server answered, then `finish`, once; until then nothing is certain, for a transaction of one
// statement commits at its sync, after its rows have come.
import CLibpq
import EventLoops

/// What is sent for a statement.
struct StatementText {
  /// Nil: sent as it is, once; else prepared under this name.
  let name: String?
  let sql: String
  let types: [PostgresType]
}

/// What the loss of the connection means for a statement.
enum StatementPlace {
  /// A transaction of its own: it may have been committed.
  case alone
  /// Inside a transaction that was not committed yet: it had no effect.
  case inTransaction
  case commit
}

class PendingStatement {
  let text: StatementText
  let parameters: [PostgresParameter]
  let place: StatementPlace
  /// Why there is no result; the last one counts, since a COMMIT can fail after the rows have come.
  private(set) var error: PostgresError?
  private(set) var isFinished = false

  init(_ text: StatementText, _ parameters: [PostgresParameter], _ place: StatementPlace) {
    self.text = text
    self.parameters = parameters
    self.place = place
  }

  /// Rows or a command's end; the result is freed afterwards.
  func take(_ result: OpaquePointer) throws(PostgresError) {}

  final func fail(_ error: PostgresError) { self.error = error }

  /// It is over: tells whoever waits, the first time.
  final func finish() {
    guard !isFinished else { return }
    isFinished = true
    ended()
  }

  func ended() {}

  /// The error of a statement whose connection ended, `timedOut` since it took too long.
  final func lossError(timedOut: Bool, server: PostgresServerError?) -> PostgresError {
    if place == .commit { return PostgresError(.commitUnknown, server: server) }
    let may = place == .alone
    return PostgresError(
      timedOut ? .timedOut(mayHaveExecuted: may) : .connectionLost(mayHaveExecuted: may),
      statement: text.name, server: server)
  }
}

/// A statement of a caller who awaits its rows.
final class StatementRun<Row: Sendable>: PendingStatement {
  private let decode: PostgresStatement<Row>.Decode
  private let name: String
  private let wait: LoopWait<PostgresError?>
  private(set) var rows: [Row] = []
  private(set) var count = 0

  init(
    _ statement: PostgresStatement<Row>, _ parameters: [PostgresParameter], _ place: StatementPlace,
    on loop: EventLoop
  ) {
    // Both are written in the program: a mismatch is a mistake in it.
    precondition(
      parameters.count == statement.types.count,
      "\(statement.name): \(parameters.count) parameters for \(statement.types.count) types")
    for (parameter, type) in zip(parameters, statement.types) {
      precondition(parameter.fits(type), "\(statement.name): a parameter does not fit \(type)")
    }
    decode = statement.decode
    name = statement.name
    wait = LoopWait(loop: loop)
    super.init(
      StatementText(name: statement.name, sql: statement.sql, types: statement.types), parameters,
      place)
  }

  override func take(_ result: OpaquePointer) throws(PostgresError) {
    count = ResultText.changedRows(result)
    let total = PQntuples(result)
    guard total > 0 else { return }
    guard PQresultMemorySize(result) <= PostgresLimits.resultBytesMax else {
      throw PostgresError(
        .decoding, statement: name, reason: "over \(PostgresLimits.resultBytesMax) bytes")
    }
    rows.reserveCapacity(Int(total))
    for row in 0..<total {
      rows.append(try decode(PostgresRow(result: result, row: row, statement: name)))
    }
  }

  override func ended() { wait.finish(error) }

  /// Waits for the end; a cancelled task gets `.cancelled` at once, the statement goes on.
  func outcome() async throws(PostgresError) {
    let cancelled = PostgresError(.cancelled, statement: name)
    if let error = await wait.value(ifCancelled: cancelled) { throw error }
  }
}

/// BEGIN, COMMIT, LISTEN and the like: sent as they are, answered by a command tag.
final class ControlStatement: PendingStatement {
  private(set) var tag = ""
  private let done: (ControlStatement) -> Void

  init(_ sql: String, _ place: StatementPlace, _ done: @escaping (ControlStatement) -> Void) {
    self.done = done
    super.init(StatementText(name: nil, sql: sql, types: []), [], place)
  }

  override func take(_ result: OpaquePointer) throws(PostgresError) {
    tag = PQcmdStatus(result).map { String(cString: $0) } ?? ""
  }

  override func ended() { done(self) }
}
