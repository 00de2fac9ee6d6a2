public import EventLoops

/// Connections to one database, on one loop: create, use and `close` it on that loop's thread, in
/// tasks that have the loop as their executor.
public final class PostgresPool {
  public let loop: EventLoop
  public let location: PostgresLocation
  public let options: PostgresOptions

  /// A connection serves: the first since the start or since `onDown`.
  public var onReady: (() -> Void)?
  /// The last connection is gone.
  public var onDown: ((PostgresDown) -> Void)?
  /// Worth a log line: a connection lost while others serve, an attempt that failed.
  public var onProblem: ((PostgresDown) -> Void)?

  /// Does nothing before `start`.
  public init(
    loop: EventLoop, location: PostgresLocation, options: PostgresOptions = PostgresOptions(),
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) {
    self.loop = loop
    self.location = location
    self.options = options
  }

  public func start() {}

  /// Ends it for good: waiting callers and statements under way fail, nothing is left open.
  public func close() {}

  public var isReady: Bool { false }

  public var counters: PostgresPoolCounters { PostgresPoolCounters() }

  /// Runs one statement in its own transaction and returns its rows. A write that returns here has
  /// been committed.
  public func query<Row: Sendable>(
    _ statement: PostgresStatement<Row>, _ parameters: [PostgresParameter] = []
  ) async throws(PostgresError) -> [Row] {
    throw PostgresError(.notConnected)
  }

  /// As `query`; returns how many rows it changed (or returned).
  @discardableResult
  public func execute(
    _ statement: PostgresStatement<Void>, _ parameters: [PostgresParameter] = []
  ) async throws(PostgresError) -> Int {
    throw PostgresError(.notConnected)
  }

  /// Runs `body` in one transaction on a connection of its own: COMMIT when it returns, ROLLBACK when
  /// it throws. BEGIN travels with the first statement; a body without statements touches nothing.
  ///
  /// Throws what `body` throws, or a `PostgresError`. `.commitUnknown`: COMMIT was sent and not
  /// answered; never repeat it blindly.
  public func transaction<Value>(
    _ mode: PostgresTransactionMode = .readCommitted,
    _ body: (PostgresTransaction) async throws -> Value
  ) async throws -> Value {
    throw PostgresError(.notConnected)
  }
}

/// One transaction under way; valid inside its body only.
public final class PostgresTransaction {
  init() {}

  public func query<Row: Sendable>(
    _ statement: PostgresStatement<Row>, _ parameters: [PostgresParameter] = []
  ) async throws(PostgresError) -> [Row] {
    throw PostgresError(.notConnected)
  }

  @discardableResult
  public func execute(
    _ statement: PostgresStatement<Void>, _ parameters: [PostgresParameter] = []
  ) async throws(PostgresError) -> Int {
    throw PostgresError(.notConnected)
  }
}
