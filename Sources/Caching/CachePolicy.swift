/// How one class of keys is cached. The table of all of them is `CachePolicies`.
public struct CachePolicy: Sendable, Hashable {
  /// How the value comes into Redis.
  public enum Strategy: Sendable, Hashable {
    /// Loaded at a miss, deleted at a write.
    case cacheAside
    /// As `cacheAside`; the key holds a version number, so a write makes a new key.
    case versioned
    /// Written at each write, newest version wins; loaded at a miss. Reading prolongs it.
    case writeThrough
  }

  /// The name in metrics and log lines.
  public let name: String
  /// The design's name of the key: `watchlist:{userId}`; what stands in braces varies.
  public let pattern: String
  public let strategy: Strategy
  public let ttlMilliseconds: UInt64
  /// How long it is remembered that there is no such row; 0: never.
  public let absentMilliseconds: UInt64
  /// Also kept in this process. Never for what its user can write.
  public let usesLocal: Bool
  /// The paper's beta; nil: no early refresh. Above 1 refreshes earlier.
  public let earlyRefreshBeta: Double?
  /// How long the one reader that was told to load may take until another one is told to.
  public let leaseMilliseconds: UInt64
  /// How long the other readers wait for it before they read the database themselves.
  public let waitMilliseconds: UInt64
  /// A longer value is not cached.
  public let bytesMax: Int

  public init(
    name: String, pattern: String, strategy: Strategy = .cacheAside, ttlMilliseconds: UInt64,
    absentMilliseconds: UInt64 = CachingLimits.absentMilliseconds, usesLocal: Bool = false,
    earlyRefreshBeta: Double? = nil,
    leaseMilliseconds: UInt64 = CachingLimits.leaseMilliseconds,
    waitMilliseconds: UInt64 = CachingLimits.waitMilliseconds,
    bytesMax: Int = CachingLimits.valueBytesMax
  ) {
    precondition(ttlMilliseconds > 0 && leaseMilliseconds > 0, "a cached value needs a TTL")
    precondition(bytesMax <= CachingLimits.valueBytesMax)
    self.name = name
    self.pattern = pattern
    self.strategy = strategy
    self.ttlMilliseconds = ttlMilliseconds
    self.absentMilliseconds = absentMilliseconds
    self.usesLocal = usesLocal
    self.earlyRefreshBeta = earlyRefreshBeta
    self.leaseMilliseconds = leaseMilliseconds
    self.waitMilliseconds = waitMilliseconds
    self.bytesMax = bytesMax
  }

  /// The same with its TTLs divided, see `CacheOptions.timeDivisor`.
  func compressed(by divisor: UInt64) -> CachePolicy {
    guard divisor != 1 else { return self }
    return CachePolicy(
      name: name, pattern: pattern, strategy: strategy,
      ttlMilliseconds: max(1, ttlMilliseconds / divisor),
      absentMilliseconds: absentMilliseconds / divisor, usesLocal: usesLocal,
      earlyRefreshBeta: earlyRefreshBeta, leaseMilliseconds: leaseMilliseconds,
      waitMilliseconds: waitMilliseconds, bytesMax: bytesMax)
  }

  /// Reading prolongs the value by its whole TTL (GETEX).
  public var isSliding: Bool { strategy == .writeThrough }
}

/// The classes of keys that are cached, as in the design's table "Redis: keys, channels, strategies".
/// Balances, positions, orders and fills are not here: they are never cached.
public enum CachePolicies {
  public static let watchlist = CachePolicy(
    name: "watchlist", pattern: "watchlist:{userId}", ttlMilliseconds: 300_000)

  public static let profile = CachePolicy(
    name: "profile", pattern: "user:{userId}:profile:v{n}", strategy: .versioned,
    ttlMilliseconds: 3_600_000)

  /// Points to the profile's key.
  public static let profileVersion = CachePolicy(
    name: "profile_version", pattern: "user:{userId}:version", ttlMilliseconds: 3_600_000)

  public static let asset = CachePolicy(
    name: "asset", pattern: "asset:{symbol}", ttlMilliseconds: 86_400_000, usesLocal: true,
    earlyRefreshBeta: 1)

  public static let assetIndex = CachePolicy(
    name: "asset_index", pattern: "config:assets", ttlMilliseconds: 86_400_000, usesLocal: true,
    earlyRefreshBeta: 1)

  public static let apiKey = CachePolicy(
    name: "apikey", pattern: "apikey:{keyId}", ttlMilliseconds: 60_000, usesLocal: true)

  /// In the durable Redis.
  public static let session = CachePolicy(
    name: "session", pattern: "session:{sessionId}", strategy: .writeThrough,
    ttlMilliseconds: 1_800_000, absentMilliseconds: 0)

  public static let all = [
    watchlist, profile, profileVersion, asset, assetIndex, apiKey, session,
  ]

  /// The policy that a key of Redis or of the invalidation log belongs to.
  public static func policy(of key: String) -> CachePolicy? {
    all.first { $0.matches(key) }
  }
}
