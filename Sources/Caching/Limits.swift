/// The bounds of this target, each with the arithmetic that chose it.
public enum CachingLimits {
  /// Bytes of one cached value. At 64 KiB a hit costs Redis and the loop about 50 us each; what is
  /// larger saves the database little and evicts hundreds of small values. Larger: not stored,
  /// counted as `tooLarge`.
  public static let valueBytesMax = 65_536

  /// How long the absence of a row is remembered: an id that nobody has costs one query in 5 s.
  public static let absentMilliseconds: UInt64 = 5_000

  /// The term of a lease: the longest statement (5,000 ms), so that a reader that still loads keeps
  /// its lease. A reader that died costs the others `waitMilliseconds` each for so long.
  public static let leaseMilliseconds: UInt64 = 5_000

  /// How long a reader waits for another's load. A load takes some ms; at 2 s the database is in
  /// trouble or the loader is dead, and one query more per process does not matter.
  public static let waitMilliseconds: UInt64 = 2_000
}
