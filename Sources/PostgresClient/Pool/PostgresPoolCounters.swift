/// What a pool has done and holds, for metrics.
public struct PostgresPoolCounters: Hashable, Sendable {
  public var statements: UInt64 = 0
  public var transactions: UInt64 = 0
  /// Statements that the server refused.
  public var errors: UInt64 = 0
  public var timeouts: UInt64 = 0
  public var commitsUnknown: UInt64 = 0
  /// Callers refused since the bound on waiting was reached, and since they waited too long.
  public var refusedFull: UInt64 = 0
  public var refusedLate: UInt64 = 0
  public var connects: UInt64 = 0
  public var connectFailures: UInt64 = 0
  public var connectionsLost: UInt64 = 0
  /// Now.
  public var connections = 0
  public var statementsUnderWay = 0
  public var waiters = 0

  public init() {}
}
