/// Times and bounds of a pool or a listener; the defaults are the production values.
public struct PostgresOptions: Hashable, Sendable {
  /// From connect() to a session that serves, per host.
  public var connectMilliseconds: UInt64 = 3_000

  /// A statement that is not answered for this long fails, and its connection is closed when that
  /// statement was the one the server worked at. The server itself cancels it somewhat earlier, see
  /// `serverStatementMilliseconds`.
  public var statementMilliseconds: UInt64 = 5_000

  /// A transaction that asks nothing for this long is ended by the server.
  public var transactionIdleMilliseconds: UInt64 = 10_000

  /// Connections of one pool.
  public var poolMax = 8

  /// Statements under way on one connection. One core of a server answers about 20,000 small ones a
  /// second, so 16 are 0.8 ms of work: enough to hide a round trip, little to wait behind.
  public var pipelineMax = 16

  /// Callers that wait for a connection. Over it: `.full`, for which HTTP has 503.
  public var waitersMax = 256

  /// How long a caller waits for a connection, then `.waitTimedOut`.
  public var waitMilliseconds: UInt64 = 2_000

  /// A connection that nobody used for this long is closed, but for the last one.
  public var idleMilliseconds: UInt64 = 60_000

  /// The wait before the n-th attempt to connect is drawn from 0 to min(max, base * 2^n).
  public var reconnectDelayBaseMilliseconds: UInt64 = 50
  public var reconnectDelayMaxMilliseconds: UInt64 = 2_000

  /// Listener: a connection on which nothing was asked for this long is asked, so that a server
  /// that only stopped answering is noticed.
  public var probeMilliseconds: UInt64 = 2_000

  /// How `pg_stat_activity` calls it.
  public var applicationName = "tapedeck"

  public init() {}

  /// The server's statement_timeout: a 20th below ours, so that its answer comes first.
  public var serverStatementMilliseconds: UInt64 {
    get { ownServerStatement ?? max(1, statementMilliseconds - statementMilliseconds / 20) }
    set { ownServerStatement = newValue }
  }
  private var ownServerStatement: UInt64?
}
