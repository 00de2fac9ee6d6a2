/// Where an answer came from. `localHit`, `hit` and `waited` cost no query.
public enum CacheOutcome: Sendable, Hashable {
  /// This process had it.
  case localHit
  /// Redis had it.
  case hit
  /// This caller's query made it.
  case miss
  /// Another caller's query, in this or another process, made it for this one too.
  case waited
  /// The database was asked past the cache.
  case bypass(CacheBypass)
}

/// Why the cache was passed by.
public enum CacheBypass: String, Sendable, Hashable, CaseIterable {
  /// Redis is away, or what it holds has not been checked against the log of writes yet.
  case unavailable
  /// The value is longer than its policy allows; it is not stored.
  case tooLarge
  /// The reader that was to load it did not within the bound.
  case waitedTooLong
  /// `CachingLimits.flightsMax` keys are being read.
  case full
}
