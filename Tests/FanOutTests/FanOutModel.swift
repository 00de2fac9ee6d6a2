// The slow simple model of a distributor. It keeps, for each client, every entry the client is owed,
// and strikes it out when a message brings it or a gap accounts for it. It knows nothing of cursors,
// queues or storage, only the promises:
//   events  exactly once and in order, or told as a gap with the exact number; a loss only if the
//           topic's ring or the wildcard's log no longer holds the entry
//   states  the newest, never twice, never an older one
// `*` gaps account for wildcard entries in the group's order.

@testable import FanOut

final class ModelTopic {
  let uid: Int
  let name: String
  let isEvents: Bool
  let ringMax: Int
  var group: ModelGroup?
  /// Of an event topic: what became of each entry, for clients that come back.
  var history: [ModelEntry] = []
  /// Made without a group, and not in it yet.
  var laterGroup: ModelGroup?
  let isBook: Bool
  /// Something urgent was offered since the last flush.
  var isUrgent = false
  var isRemoved = false
  /// Events: entries so far. State: the newest version (0: none).
  var count = 0

  init(
    _ uid: Int, isEvents: Bool, ringMax: Int, group: ModelGroup?, isBook: Bool = false
  ) {
    self.uid = uid
    name = "S\(uid)"
    self.isEvents = isEvents
    self.ringMax = ringMax
    self.group = group
    self.isBook = isBook
  }
}

final class ModelGroup {
  let isEvents: Bool
  let channel: String
  let isBook: Bool
  var positions = 0

  init(isEvents: Bool, channel: String, isBook: Bool = false) {
    self.isBook = isBook
    self.isEvents = isEvents
    self.channel = channel
  }
}

struct ModelEntry {
  enum Kind { case message, bad, notice, gap }
  var topic: ModelTopic
  var number: Int
  var position: Int
  var kind: Kind
  var weight: UInt64
  var isUnknown = false
  /// Owed by the wildcard, not by an explicit subscription.
  var byWildcard = false
  /// Whether it must be told when it is lost; a notice need not.
  var matters: Bool { weight > 0 || isUnknown }
}

final class ModelClient {
  let encoding: ClientEncoding
  var explicit: [Int: ModelTopic] = [:]
  var wildcards: [ObjectIdentifier: ModelGroup] = [:]
  /// Event entries owed, in the order offered.
  var owed: [ModelEntry] = []
  /// State topics of interest -> version seen (0: none).
  var seen: [Int: Int] = [:]
  /// Channels on which a wildcard was ever held: there a null may stand for a known number when
  /// the wildcard was taken away from a client that lagged.
  var everWildcard: Set<String> = []
  /// Channels on which something was skipped behind a wildcard: what the ring or the log then loses of
  /// it counts as missed too, so gaps there are not judged.
  var skipped: Set<String> = []
  /// By uid, and by group.
  var depths: [Int: BookDepth] = [:]
  var wildcardDepths: [ObjectIdentifier: BookDepth] = [:]
  var isHeld = false
  /// Held, and to be served all the same at the next flush; or it may be.
  var isHurried = false
  var mayBeServed = false

  init(_ encoding: ClientEncoding) { self.encoding = encoding }

  func isInterested(_ topic: ModelTopic) -> Bool {
    explicit[topic.uid] != nil || holdsWildcard(of: topic.group)
  }

  func holdsWildcard(of group: ModelGroup?) -> Bool {
    guard let group else { return false }
    return wildcards[ObjectIdentifier(group)] != nil
  }

  func forget(_ topic: ModelTopic) {
    owed.removeAll { $0.topic === topic }
    seen[topic.uid] = nil
  }

  /// How many levels the client sees.
  func depth(of topic: ModelTopic) -> BookDepth {
    if explicit[topic.uid] != nil { return depths[topic.uid] ?? .full }
    return topic.group.flatMap { wildcardDepths[ObjectIdentifier($0)] } ?? .full
  }
}

struct ModelFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// What the model needs to know of the bounds in force; nil: losses are not judged (arena bound).
struct ModelBounds {
  var logMax: Int?
}

extension [ModelEntry] {
  fileprivate mutating func strike(_ told: [ModelEntry]) {
    removeAll { entry in
      told.contains { $0.topic === entry.topic && $0.number == entry.number }
    }
  }
}

extension ModelClient {
  /// Strikes out what `received` brings; `topics` by uid.
  func receive(_ received: Received, _ topics: [ModelTopic], _ bounds: ModelBounds) throws {
    switch received {
    case .text:
      guard let uid = received.number("t"), let version = received.number("v") else {
        throw ModelFailure("not a message of ours: \(received)")
      }
      let topic = topics[uid]
      if topic.isEvents {
        try receiveEvent(topic, version, bounds)
      } else {
        try receiveState(topic, version)
        let cut = [BookDepth.full: nil, .five: 5, .one: 1][depth(of: topic)] ?? nil
        if topic.isBook && received.number("cut") != cut {
          throw ModelFailure("\(topic.name): \(received), not cut to \(depth(of: topic))")
        }
      }
    case .gap(let symbol, let channel, let missed):
      try receiveGap(symbol, channel, missed, topics, bounds)
    }
  }

  private func receiveState(_ topic: ModelTopic, _ version: Int) throws {
    guard let before = seen[topic.uid] else { throw ModelFailure("not held: \(topic.name)") }
    guard version == topic.count else {
      throw ModelFailure("\(topic.name): \(version) is not the newest, \(topic.count)")
    }
    guard version > before else { throw ModelFailure("\(topic.name): \(version) again") }
    seen[topic.uid] = version
  }

  private func receiveEvent(_ topic: ModelTopic, _ number: Int, _ bounds: ModelBounds) throws {
    guard let at = owed.firstIndex(where: { $0.topic === topic && $0.number == number }) else {
      throw ModelFailure("\(topic.name) \(number): not owed, or again")
    }
    for skipped in owed[..<at] where skipped.topic === topic && skipped.matters {
      throw ModelFailure("\(topic.name) \(skipped.number): skipped without a gap")
    }
    owed.removeAll { $0.topic === topic && $0.number <= number }
  }

  /// A gap stands for all that is lost up to the next entry that can still be had: of one explicit
  /// subscription, or of a wildcard in the group's order.
  private func receiveGap(
    _ symbol: String, _ channel: String, _ missed: UInt64?, _ topics: [ModelTopic],
    _ bounds: ModelBounds
  ) throws {
    let topic = symbol == "*" ? nil : topics[Int(symbol.dropFirst())!]
    let explicit = topic == nil ? [] : owed.filter { !$0.byWildcard && $0.topic === topic }
    var run = lostPrefix(explicit, missed, bounds)
    if !run.contains(where: \.matters) {
      run = lostPrefix(
        owed.filter { $0.byWildcard && $0.topic.group?.channel == channel }, missed, bounds)
    }
    let name = "gap of \(missed.map(String.init) ?? "null") on \(symbol)/\(channel)"
    let sum = run.reduce(0) { $0 + $1.weight }
    if skipped.contains(channel) {
      owed.strike(run)
      // One that was told by hand covers what the ring had lost by then.
      if missed == nil { owed.removeAll { $0.topic === topic && isGone($0, bounds) } }
      return
    }
    guard run.contains(where: \.matters) else { throw ModelFailure("\(name): nothing is lost") }
    if let topic, run.contains(where: { $0.matters && $0.topic !== topic }) {
      throw ModelFailure("\(name): others' events are lost too")
    }
    if let missed {
      if run.contains(where: \.isUnknown) { throw ModelFailure("\(name): it is unknown") }
      if missed != sum { throw ModelFailure("\(name): it is \(sum)") }
    } else if !run.contains(where: \.isUnknown) && !everWildcard.contains(channel) {
      throw ModelFailure("\(name): it is \(sum)")
    }
    owed.strike(run)
  }

  /// With the bounds known: the entries before the first that can still be had. In a full arena,
  /// where losses come earlier: as many as `missed` says.
  private func lostPrefix(
    _ entries: [ModelEntry], _ missed: UInt64?, _ bounds: ModelBounds
  ) -> [ModelEntry] {
    guard bounds.logMax == nil, let missed else {
      // One that is there but cannot be derived is found out after the gap before it is written.
      var isFirst = true
      return Array(
        entries.prefix { entry in
          defer { isFirst = isFirst && !entry.matters }
          return isGone(entry, bounds) || entry.kind == .gap || entry.kind == .bad && isFirst
        })
    }
    var sum: UInt64 = 0
    return Array(
      entries.prefix { entry in
        guard sum < missed else { return false }
        sum += entry.weight
        return true
      })
  }

  /// Neither in its topic's ring nor, where the wildcard owes it, in the log.
  private func isGone(_ entry: ModelEntry, _ bounds: ModelBounds) -> Bool {
    if entry.topic.isRemoved { return true }
    if entry.number < entry.topic.count - entry.topic.ringMax { return true }
    guard entry.byWildcard, let logMax = bounds.logMax else { return false }
    return entry.position <= (entry.topic.group?.positions ?? 0) - logMax
  }

  /// After a flush that drained: nothing may be owed.
  func checkDrained(_ topics: [ModelTopic]) throws {
    for entry in owed where entry.matters {
      throw ModelFailure("\(entry.topic.name) \(entry.number): still owed after a drained flush")
    }
    owed = []
    for (uid, version) in seen where topics[uid].count != version {
      throw ModelFailure("\(topics[uid].name): has \(version), newest \(topics[uid].count)")
    }
  }
}
