/// The bounds of this target, each with the arithmetic that chose it.
public enum CachingLimits {
  /// Bytes of one cached value. At 64 KiB a hit costs Redis and the loop about 50 us each; what is
  /// larger saves the database little and evicts hundreds of small values. Larger: not stored,
  /// counted as `tooLarge`.
  public static let valueBytesMax = 65_536

  /// Bytes of a key: the longest of ours, a profile's, has 60. Longer: the cache is passed by.
  public static let keyBytesMax = 512

  /// How long the absence of a row is remembered: an id that nobody has costs one query in 5 s.
  public static let absentMilliseconds: UInt64 = 5_000

  /// The term of a lease: the longest statement (5,000 ms), so that a reader that still loads keeps
  /// its lease. A reader that died costs the others `waitMilliseconds` each for so long.
  public static let leaseMilliseconds: UInt64 = 5_000

  /// How long a reader waits for another's load. A load takes some ms; at 2 s the database is in
  /// trouble or the loader is dead, and one query more per process does not matter.
  public static let waitMilliseconds: UInt64 = 2_000

  /// Keys being read at a time in one process: one per connection that a loop accepts (65,536). At
  /// some 500 bytes each 32 MiB. More: the read goes past the cache, and the pool of database
  /// connections refuses what it has no room for.
  public static let flightsMax = 65_536

  /// Values kept in the process: 12,000 stocks, 3,000 pairs and the keys of some thousand clients.
  /// Full: the oldest gives way.
  public static let localEntriesMax = 20_000

  /// Bytes of them: 20,000 assets of 500 bytes are 10 MB; the index of all is at most 64 KiB.
  public static let localBytesMax = 32 << 20

  /// Refreshes ahead of expiry at a time: fewer than the pool has connections (8), so that they never
  /// stand before a reader who waits. More: not refreshed, the next reader draws again.
  public static let refreshesMax = 4

  /// Keys whose invalidation could not be told to Redis yet; at 1,000 writes a minute 10 minutes of
  /// outage. More: when Redis is back, every key of every policy is deleted.
  public static let pendingKeysMax = 10_000

  /// Patterns likewise; full as `pendingKeysMax`.
  public static let pendingPatternsMax = 100

  /// Keys looked at in one SCAN: about 0.1 ms of Redis.
  static let scanCount: Int64 = 500

  /// Invalidations under way at a time when many keys are deleted: 1,000 scripts are 2 ms of Redis.
  static let invalidationsInFlightMax = 1_000

  /// Share of reads without a query under which a class is not worth its cache.
  public static let hitRateWanted = 0.8
}
