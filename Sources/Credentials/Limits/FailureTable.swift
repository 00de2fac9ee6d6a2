/// Moments by name, bounded. A name is kept as its hash, seeded anew in each process: 64 bits that
/// nobody outside can aim at another's entry.
struct FailureTable {
  private let entriesMax: Int
  private var moments: [Int: UInt64] = [:]
  /// For names that found the table full.
  private var shared: [UInt64] = []
  /// No purge before this: looking through a full table of the living for each newcomer would be the
  /// attack's success.
  private var purgeAfter: UInt64 = 0

  init(entriesMax: Int) { self.entriesMax = entriesMax }

  var count: Int { moments.count }

  /// No room for a newcomer until the next of them makes some.
  var isFull: Bool { moments.count >= entriesMax }

  // MARK: - Buckets

  func wait(_ name: some Hashable, _ rule: FailureRule, now: UInt64) -> UInt64 {
    let hash = name.hashValue
    let full = max(moments[hash] ?? 0, shared.isEmpty ? 0 : shared[slot(hash)])
    let allowed = now &+ (rule.burst - 1) &* rule.refillMilliseconds
    return full > allowed ? full - allowed : 0
  }

  mutating func take(_ name: some Hashable, _ rule: FailureRule, now: UInt64) {
    let hash = name.hashValue
    if moments[hash] != nil || makeRoom(now: now) {
      moments[hash] = max(moments[hash] ?? 0, now) &+ rule.refillMilliseconds
    } else {
      if shared.isEmpty {
        shared = [UInt64](repeating: 0, count: CredentialsLimits.sharedBuckets)
      }
      shared[slot(hash)] = max(shared[slot(hash)], now) &+ rule.refillMilliseconds
    }
  }

  private func slot(_ hash: Int) -> Int {
    Int(UInt(bitPattern: hash) % UInt(CredentialsLimits.sharedBuckets))
  }

  // MARK: - Plain moments

  func holds(_ name: some Hashable, now: UInt64) -> Bool {
    (moments[name.hashValue] ?? 0) > now
  }

  /// Not kept when the table is full.
  mutating func hold(_ name: some Hashable, until moment: UInt64, now: UInt64) {
    let hash = name.hashValue
    if moments[hash] != nil || makeRoom(now: now) { moments[hash] = moment }
  }

  mutating func forget(_ name: some Hashable) { moments[name.hashValue] = nil }

  /// Whether one more fits, after what is over was thrown away, at most once a second.
  private mutating func makeRoom(now: UInt64) -> Bool {
    if moments.count < entriesMax { return true }
    guard now >= purgeAfter else { return false }
    purgeAfter = now &+ 1_000
    moments = moments.filter { $0.value > now }
    return moments.count < entriesMax
  }
}
