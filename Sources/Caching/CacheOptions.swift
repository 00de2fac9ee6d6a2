import PostgresClient

/// Times and bounds of a `CacheAside`; the defaults are the production values.
public struct CacheOptions: Sendable {
  /// The classes of keys that lie in this Redis; only for `CachingLimits.pendingKeysMax` and for
  /// whose log entries are asked after a loss.
  public var policies = CachePolicies.all.filter { $0.strategy != .writeThrough }

  /// How long Redis may take to answer before the reader goes to the database. A hit takes under
  /// 1 ms; a Redis that forks stops for some 100 ms.
  public var answerMilliseconds: UInt64 = 250

  /// Unanswered commands in a row after which Redis is left alone.
  public var breakerFailuresMax = 5

  /// The wait before Redis is asked whether it serves again; doubles up to the maximum.
  public var probeDelayBaseMilliseconds: UInt64 = 100
  public var probeDelayMaxMilliseconds: UInt64 = 2_000

  /// The wait before another try when the log of writes could not be worked through.
  public var synchronizeRetryMilliseconds: UInt64 = 250

  /// How often deadlines are looked at.
  public var tickMilliseconds: UInt64 = 20

  public var flightsMax = CachingLimits.flightsMax
  public var localEntriesMax = CachingLimits.localEntriesMax
  public var localBytesMax = CachingLimits.localBytesMax

  /// Whether a load failed because there is no database. Then, if the cache was held off only since
  /// the database's notifications are lost, what Redis holds is the answer: nobody can have written.
  public var isDatabaseAway: @Sendable (any Error) -> Bool = { error in
    switch (error as? PostgresError)?.code {
    case .notConnected, .connectionLost, .closed: true
    default: false
    }
  }

  /// Every TTL is divided by this: for a benchmark that lets time pass faster. 1 in production.
  public var timeDivisor: UInt64 = 1

  public init() {}

  /// For the Redis that holds sessions.
  public static var durable: CacheOptions {
    var options = CacheOptions()
    options.policies = CachePolicies.all.filter { $0.strategy == .writeThrough }
    return options
  }
}
