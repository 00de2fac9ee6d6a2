/// What became of the reads of one class.
public struct CacheCounters: Hashable, Sendable {
  public var localHits: UInt64 = 0
  public var hits: UInt64 = 0
  public var misses: UInt64 = 0
  public var waited: UInt64 = 0
  public var bypassed: [CacheBypass: UInt64] = [:]
  /// Times the database was asked: misses, bypasses, refreshes.
  public var loads: UInt64 = 0
  public var loadErrors: UInt64 = 0
  /// Loaded ahead of expiry.
  public var refreshes: UInt64 = 0
  /// Values whose lease an invalidation or its term had ended: not stored.
  public var fillsRefused: UInt64 = 0
  /// Values of Redis that are not of our making: deleted.
  public var malformed: UInt64 = 0

  public init() {}

  public var bypasses: UInt64 { bypassed.values.reduce(0, +) }
  public var reads: UInt64 { readsWithoutQuery + misses + bypasses }
  public var readsWithoutQuery: UInt64 { localHits + hits + waited }

  /// Share of reads without a query; nil before the first.
  public var hitRate: Double? {
    reads == 0 ? nil : Double(readsWithoutQuery) / Double(reads)
  }

  mutating func count(_ outcome: CacheOutcome) {
    switch outcome {
    case .localHit: localHits += 1
    case .hit: hits += 1
    case .miss: misses += 1
    case .waited: waited += 1
    case .bypass(let reason): bypassed[reason, default: 0] += 1
    }
  }
}

/// The counters of a cache, by the name of the policy.
public struct CacheStatistics: Sendable {
  public internal(set) var classes: [String: CacheCounters] = [:]
  /// Keys deleted because they were written; from here, from the log or from a pattern.
  public internal(set) var invalidations: UInt64 = 0
  /// Of those, the ones that had to be told again.
  public internal(set) var invalidationsDelayed: UInt64 = 0
  /// Times the log of writes was worked through.
  public internal(set) var synchronizations: UInt64 = 0
  /// Errors that Redis answered.
  public internal(set) var redisErrors: UInt64 = 0
  /// Commands without an answer in time.
  public internal(set) var unanswered: UInt64 = 0
  public internal(set) var breakerOpenings: UInt64 = 0

  public init() {}

  public subscript(policy: CachePolicy) -> CacheCounters {
    classes[policy.name] ?? CacheCounters()
  }

  mutating func update(_ policy: CachePolicy, _ body: (inout CacheCounters) -> Void) {
    body(&classes[policy.name, default: CacheCounters()])
  }
}

/// The hit rate of one class since the last report.
public struct HitRateLine: Hashable, Sendable, CustomStringConvertible {
  public let policy: String
  public let reads: UInt64
  public let readsWithoutQuery: UInt64

  public var hitRate: Double { Double(readsWithoutQuery) / Double(reads) }
  public var isBelowWanted: Bool { hitRate < CachingLimits.hitRateWanted }

  /// `cache watchlist: 94.2 % of 1234 reads without a query`
  public var description: String {
    let tenths = readsWithoutQuery * 1_000 / max(1, reads)
    let percent = "\(tenths / 10).\(tenths % 10) %"
    let judged =
      isBelowWanted ? ", below \(Int(CachingLimits.hitRateWanted * 100)) %: is it worth it?" : ""
    return "cache \(policy): \(percent) of \(reads) reads without a query\(judged)"
  }
}

/// Makes the lines of a report out of counters that only rise.
struct HitRateReport {
  private var last: [String: CacheCounters] = [:]

  /// A line for each class that was read since the last call, by name.
  mutating func lines(_ statistics: CacheStatistics) -> [HitRateLine] {
    defer { last = statistics.classes }
    return statistics.classes.keys.sorted().compactMap { name in
      let now = statistics.classes[name] ?? CacheCounters()
      let before = last[name] ?? CacheCounters()
      let reads = now.reads - before.reads
      guard reads > 0 else { return nil }
      return HitRateLine(
        policy: name, reads: reads,
        readsWithoutQuery: now.readsWithoutQuery - before.readsWithoutQuery)
    }
  }
}
