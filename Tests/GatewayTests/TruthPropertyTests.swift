import MarketData
import TestSupport
import Testing

@testable import Gateway

/// Goal: whatever happens between the ingester and the gateway, no client sees a trade twice or one
/// missing unsaid, nor an older value after a newer one; and in the end each sees the newest. Method:
/// many short markets by seed, each client's messages held against what the board made.
@Suite struct TruthPropertyTests {
  @Test(arguments: seeds(count: 100))
  func clientsSeeWhatIsTrueInOrder(seed: UInt64) throws {
    let market = try HostileMarket(seed: seed)
    try market.run(steps: 800)
    for (index, topic) in market.topics.enumerated() {
      for client in market.clients {
        let seen = client.seen[topic.key] ?? []
        let faults =
          topic.carriesEvents
          ? faultsOfTrades(seen, topic) : faultsOfStates(seen, topic)
        #expect(faults.isEmpty, "seed \(seed), \(topic.key): \(faults.prefix(3))")
        guard !topic.carriesEvents, market.holds(client, index) else { continue }
        #expect(
          endsWithTheNewest(seen, market.key(index)),
          "seed \(seed), \(topic.key): \(seen.suffix(3)), key \(market.key(index) ?? "none")")
      }
    }
  }

  /// The key's value, or the word that there is none any more.
  private func endsWithTheNewest(_ seen: [HostileClient.Seen], _ key: String?) -> Bool {
    guard let last = seen.last(where: { $0.kind != "began" }) else { return key == nil }
    return key == nil ? last.kind == "stale" : last.text == key
  }

  private func faultsOfStates(_ seen: [HostileClient.Seen], _ topic: HostileTopic) -> [String] {
    var faults: [String] = []
    var last: SequenceNumber?
    var mayRepeat = false
    for one in seen {
      guard let sequence = one.sequence else {
        // After a notice the same value is vouched for again; a new subscriber gets the newest.
        mayRepeat = true
        continue
      }
      if !topic.written.contains(one.text) { faults.append("never written: \(one.text)") }
      if let last, sequence < last || sequence == last && !mayRepeat {
        faults.append("\(sequence) after \(last)")
      }
      last = sequence
      mayRepeat = false
    }
    return faults
  }

  private func faultsOfTrades(_ seen: [HostileClient.Seen], _ topic: HostileTopic) -> [String] {
    var faults: [String] = []
    var newest: SequenceNumber?
    /// The last trade of this subscription.
    var last: SequenceNumber?
    var gaps: [UInt64?] = []
    var before = ""
    for one in seen {
      defer { before = one.kind }
      switch one.kind {
      case "began": (last, gaps) = (nil, [])
      case "gap":
        // A notice between two has its own place in the order; without one they are told as one.
        if before == "gap" { faults.append("gap upon gap: \(one.text)") }
        gaps.append(one.missed)
      case "t":
        let sequence = one.sequence!
        if !topic.written.contains(one.text) { faults.append("never written: \(one.text)") }
        if let newest, sequence <= newest { faults.append("\(sequence) after \(newest)") }
        if let last { faults += faultsOfGap(from: last, to: sequence, gaps, topic) }
        (newest, last, gaps) = (sequence, sequence, [])
      default: break
      }
    }
    return faults
  }

  private func faultsOfGap(
    from last: SequenceNumber, to next: SequenceNumber, _ gaps: [UInt64?], _ topic: HostileTopic
  ) -> [String] {
    let lost = topic.made.count { $0 > last && $0 < next }
    if lost > 0, gaps.isEmpty { return ["\(lost) lost unsaid before \(next)"] }
    let known = gaps.compactMap { $0 }
    if known.count == gaps.count, !gaps.isEmpty, known.reduce(0, +) != UInt64(lost) {
      return ["\(lost) lost before \(next), \(known) said"]
    }
    return []
  }
}
