/// When a session's row in Postgres is written: at its first use here, and then at most once a minute.
/// The statement itself also moves no row that another process moved within the minute.
struct LastSeenRule {
  private let everyMilliseconds: UInt64
  private let entriesMax: Int
  private var written: [String: UInt64] = [:]

  init(
    everyMilliseconds: UInt64 = CredentialsLimits.lastSeenMilliseconds,
    entriesMax: Int = CredentialsLimits.lastSeenEntriesMax
  ) {
    self.everyMilliseconds = everyMilliseconds
    self.entriesMax = entriesMax
  }

  /// Whether this use is to be written; then it counts as written.
  mutating func isDue(_ session: String, now: UInt64) -> Bool {
    if let last = written[session], now &- last < everyMilliseconds { return false }
    if written.count >= entriesMax, written[session] == nil {
      written = written.filter { now &- $0.value < everyMilliseconds }
      if written.count >= entriesMax { written.removeAll(keepingCapacity: true) }
    }
    written[session] = now
    return true
  }

  /// The write did not happen: the next use is to be written.
  mutating func failed(_ session: String) { written[session] = nil }

  mutating func forget(_ session: String) { written[session] = nil }

  var count: Int { written.count }
}
