// One transaction, from its lease of a connection to COMMIT or ROLLBACK.
//
// BEGIN has no round trip of its own: it leaves in front of the first statement, under that one's
// sync. COMMIT is waited for whatever happens to the task, for its answer decides what the caller may
// believe; where nothing was written its answer decides nothing, so a read-only transaction does not
// wait for it.
import EventLoops

extension PostgresPool {
  /// Runs `body` in one transaction on a connection of its own: COMMIT when it returns, ROLLBACK when
  /// it throws. A body without statements touches nothing.
  ///
  /// Throws what `body` throws, or a `PostgresError`. `.commitUnknown`: COMMIT was sent and not
  /// answered; never repeat it blindly. `.rolledBack`: `body` ignored the error of a statement.
  public func transaction<Value>(
    _ mode: PostgresTransactionMode = .readCommitted,
    _ body: (PostgresTransaction) async throws -> Value
  ) async throws -> Value {
    let link = try await lease()
    guard link.state == .ready else { throw PostgresError(.notConnected) }
    let transaction = PostgresTransaction(mode: mode, link: link)
    let value: Value
    do {
      value = try await body(transaction)
    } catch {
      await transaction.rollback { [self] in giveBack(link) }
      throw error
    }
    if mode.isReadOnly {
      transaction.endReading { [self] in giveBack(link) }
      return value
    }
    do throws(PostgresError) { try await transaction.commit() } catch {
      if error.code == .commitUnknown { tallied.commitsUnknown += 1 }
      giveBack(link)
      throw error
    }
    giveBack(link)
    return value
  }
}

/// One transaction under way; valid inside its body only.
public final class PostgresTransaction {
  private let mode: PostgresTransactionMode
  private let link: PostgresLink
  private var hasBegun = false
  private var isOver = false

  init(mode: PostgresTransactionMode, link: PostgresLink) {
    self.mode = mode
    self.link = link
  }

  /// Runs one statement and returns its rows. After an error of the server the transaction is lost:
  /// throw it on.
  public func query<Row: Sendable>(
    _ statement: PostgresStatement<Row>, _ parameters: [PostgresParameter] = []
  ) async throws(PostgresError) -> [Row] {
    try await run(statement, parameters).rows
  }

  /// As `query`; returns how many rows it changed (or returned).
  @discardableResult
  public func execute(
    _ statement: PostgresStatement<Void>, _ parameters: [PostgresParameter] = []
  ) async throws(PostgresError) -> Int {
    try await run(statement, parameters).count
  }

  private func run<Row: Sendable>(
    _ statement: PostgresStatement<Row>, _ parameters: [PostgresParameter]
  ) async throws(PostgresError) -> StatementRun<Row> {
    link.loop.preconditionInLoop()
    precondition(!isOver, "a statement of a transaction that is over")
    guard !Task.isCancelled else { throw PostgresError(.cancelled, statement: statement.name) }
    let run = StatementRun(statement, parameters, .inTransaction, on: link.loop)
    guard link.state == .ready else { throw run.lossError(timedOut: false, server: nil) }
    if !hasBegun {
      try link.send(ControlStatement(mode.begin, .inTransaction) { _ in }, hasSync: false)
      hasBegun = true
    }
    try link.send(run)
    try await run.outcome()
    return run
  }

  /// The connection, in the transaction and with nothing under way.
  func ownLink() async throws(PostgresError) -> PostgresLink {
    link.loop.preconditionInLoop()
    precondition(!isOver, "a statement of a transaction that is over")
    guard !Task.isCancelled else { throw PostgresError(.cancelled) }
    guard link.state == .ready else {
      throw PostgresError(.connectionLost(mayHaveExecuted: false))
    }
    if !hasBegun {
      hasBegun = true
      if let error = await control(mode.begin, .inTransaction).error { throw error }
    }
    return link
  }

  // MARK: - The end

  func commit() async throws(PostgresError) {
    isOver = true
    guard hasBegun else { return }
    // COMMIT was never sent, so the server has rolled back.
    guard link.state == .ready else { throw PostgresError(.connectionLost(mayHaveExecuted: false)) }
    let (error, tag) = await control("COMMIT", .commit)
    if let error { throw error }
    if tag != "COMMIT" { throw PostgresError(.rolledBack) }
  }

  /// When it comes back the locks are free, unless the task is cancelled: then it is not waited for.
  func rollback(_ done: @escaping () -> Void) async {
    let wait = LoopWait<Void>(loop: link.loop)
    end("ROLLBACK") {
      done()
      wait.finish(())
    }
    await wait.value(ifCancelled: ())
  }

  func endReading(_ done: @escaping () -> Void) { end("COMMIT", done) }

  /// Calls `done` when the server has answered or the connection is gone.
  private func end(_ sql: String, _ done: @escaping () -> Void) {
    isOver = true
    guard hasBegun, link.state == .ready else { return done() }
    let statement = ControlStatement(sql, .inTransaction) { _ in done() }
    do throws(PostgresError) { try link.send(statement) } catch { done() }
  }

  /// Not cancelled with its task: a COMMIT under way has to be heard of.
  private func control(
    _ sql: String, _ place: StatementPlace
  ) async -> (error: PostgresError?, tag: String) {
    let wait = LoopWait<(PostgresError?, String)>(loop: link.loop)
    let statement = ControlStatement(sql, place) { wait.finish(($0.error, $0.tag)) }
    do throws(PostgresError) { try link.send(statement) } catch { return (error, "") }
    let (error, tag) = await wait.value()
    return (error.map { PostgresTransaction.certain($0, place) }, tag)
  }

  /// A report in class 08 or 40003 in answer to COMMIT says itself that the outcome is unknown.
  private static func certain(_ error: PostgresError, _ place: StatementPlace) -> PostgresError {
    guard place == .commit, let state = error.sqlState else { return error }
    let isUnknown = state.hasPrefix("08") || state == "40003"
    return isUnknown ? PostgresError(.commitUnknown, server: error.server) : error
  }
}
