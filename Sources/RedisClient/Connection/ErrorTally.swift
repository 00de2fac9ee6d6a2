/// Counts error replies that nobody awaits by their kind, and says which ones are worth a line: the
/// first of a kind, then at most one per interval with the number since the last. Pure; allocates
/// only for a kind that is new or reported. Full (`RedisLimits.errorKindsMax`): further kinds are
/// counted together as `OTHER`.
struct ErrorTally {
  private struct Entry {
    let kind: [UInt8]
    var total: UInt64
    var unreported: UInt64
    var reportedAt: UInt64?
  }

  private var entries: [Entry] = []
  let reportEveryMilliseconds: UInt64

  init(reportEveryMilliseconds: UInt64 = 10_000) {
    self.reportEveryMilliseconds = reportEveryMilliseconds
  }

  /// Total by kind.
  var totals: [String: UInt64] {
    Dictionary(
      uniqueKeysWithValues: entries.map { (String(decoding: $0.kind, as: UTF8.self), $0.total) })
  }

  /// The number of errors of this kind since its last report when one is due, else nil.
  mutating func count(_ line: UnsafeRawBufferPointer, now: UInt64) -> UInt64? {
    let at = index(of: line.prefix { $0 != UInt8(ascii: " ") })
    entries[at].total += 1
    entries[at].unreported += 1
    if let last = entries[at].reportedAt, now - last < reportEveryMilliseconds { return nil }
    defer { entries[at].unreported = 0 }
    entries[at].reportedAt = now
    return entries[at].unreported
  }

  private mutating func index(of kind: Slice<UnsafeRawBufferPointer>) -> Int {
    if let known = entries.firstIndex(where: { $0.kind.elementsEqual(kind) }) { return known }
    if entries.count == RedisLimits.errorKindsMax { return entries.count - 1 }
    let isLast = entries.count == RedisLimits.errorKindsMax - 1
    let name = isLast || kind.count > 64 ? Array("OTHER".utf8) : Array(kind)
    if let known = entries.firstIndex(where: { $0.kind == name }) { return known }
    entries.append(Entry(kind: name, total: 0, unreported: 0, reportedAt: nil))
    return entries.count - 1
  }
}
