// The fuzz run's steps for what clients choose: depths, intervals, where a subscription begins, topics
// that join their group when it is known that they belong to it.

import TestSupport

@testable import FanOut

extension FuzzRun {
  func choose() {
    switch random.below(6) {
    case 0: hold()
    case 1: expedite()
    case 2: resume()
    case 3: skip()
    case 4: tellLoss()
    default: join()
    }
  }

  // MARK: Topics

  /// As `addTopic`, with books, and topics that will be in a group later.
  func addTopicForChoices() {
    let (id, group) = groups[random.below(groups.count)]
    let isLater = random.chance(40)
    let ringMax = 1 << random.below(5)
    let model = ModelTopic(
      topics.count, isEvents: group.isEvents, ringMax: ringMax, group: isLater ? nil : group,
      isBook: group.isBook)
    model.laterGroup = isLater ? group : nil
    let kind: TopicKind =
      group.isEvents ? .events(ringMessagesMax: ringMax) : group.isBook ? .book : .state
    topics.append(model)
    ids.append(
      distributor.addTopic(
        kind, symbol: model.name, channel: group.channel, group: isLater ? nil : id)!)
  }

  func join() {
    guard let (topic, id) = anyTopic() else { return }
    guard let group = topic.laterGroup, let (groupID, _) = groups.first(where: { $0.1 === group })
    else {
      return check(!distributor.join(id, groups[0].0), "it has a group")
    }
    check(distributor.join(id, groupID), "join")
    topic.group = group
    topic.laterGroup = nil
    for (_, client) in clients where client.holdsWildcard(of: group) && !topic.isEvents {
      if client.seen[topic.uid] == nil { client.seen[topic.uid] = 0 }
    }
  }

  // MARK: Depths

  private func anyDepth() -> BookDepth? {
    guard shape.usesChoices else { return nil }
    return [nil, BookDepth.full, .five, .one][random.below(4)]
  }

  /// What the client asks for, and what it then has.
  func chooseDepth(_ client: ModelClient, _ topic: ModelTopic) -> BookDepth? {
    let depth = anyDepth()
    let before = client.depth(of: topic)
    let wasHeld = client.isInterested(topic)
    if depth != nil || client.explicit[topic.uid] == nil {
      client.depths[topic.uid] = depth ?? (wasHeld ? before : .full)
    }
    if let depth, wasHeld, depth != before, topic.isBook, let seen = client.seen[topic.uid] {
      client.seen[topic.uid] = max(0, min(seen, topic.count - 1))
    }
    return depth
  }

  func chooseDepth(_ client: ModelClient, _ group: ModelGroup) -> BookDepth? {
    let depth = anyDepth()
    let name = ObjectIdentifier(group)
    let wasHeld = client.holdsWildcard(of: group)
    let before = client.wildcardDepths[name] ?? .full
    if depth != nil || !wasHeld { client.wildcardDepths[name] = depth ?? .full }
    if let depth, wasHeld, depth != before, group.isBook {
      for topic in topics where topic.group === group && !topic.isRemoved {
        client.seen[topic.uid] = 0
      }
    }
    return depth
  }

  // MARK: Intervals

  private func hold() {
    guard let (handle, client) = anyClient() else { return }
    client.isHeld.toggle()
    client.isHurried = false
    check(distributor.setHeld(handle, client.isHeld), "setHeld")
  }

  private func expedite() {
    guard let (handle, client) = anyClient() else { return }
    let isOwed = distributor.hasPending(handle)
    check(distributor.expedite(handle) == isOwed, "expedite is not \(isOwed)")
    if client.isHeld && isOwed { (client.isHurried, client.mayBeServed) = (true, true) }
  }

  func hurry(_ topic: ModelTopic) {
    topic.isUrgent = true
    for (_, client) in clients where client.isInterested(topic) {
      client.mayBeServed = true
      client.isHurried = client.isHeld
    }
  }

  /// What was urgent when it was given up may have hurried its client already.
  func noteUrgency(_ client: ModelClient) {
    if topics.contains(where: { $0.isUrgent && client.isInterested($0) }) {
      client.mayBeServed = true
    }
  }

  /// Who was to be served has been, unless the transport keeps it back.
  func checkHurried() {
    guard failure == nil else { return }
    for topic in topics { topic.isUrgent = false }
    for (handle, client) in clients {
      let isHurried = client.isHurried
      client.isHurried = false
      guard !slow.contains(handle) else { continue }
      client.mayBeServed = false
      guard isHurried else { continue }
      do {
        try client.checkDrained(topics)
      } catch {
        failure = ModelFailure("hurried, \(error)")
      }
    }
  }

  // MARK: Where a subscription begins

  private func resume() {
    guard let (handle, client) = anyClient(), let (topic, id) = anyTopic(), topic.isEvents,
      !client.isInterested(topic)
    else { return }
    check(distributor.subscribe(handle, to: id) == .added, "subscribe")
    client.explicit[topic.uid] = topic
    client.depths[topic.uid] = .full
    var entries: [UInt64] = []
    distributor.forEachEntry(of: id) { entry, bytes in
      check((bytes == nil) == (topic.history[Int(entry)].kind == .gap), "entry \(entry)")
      entries.append(entry)
      return true
    }
    var backwards: [UInt64] = []
    distributor.forEachEntryBackwards(of: id) { entry, _ in
      backwards.append(entry)
      return true
    }
    check(entries == backwards.reversed(), "the ring backwards")
    check(entries.count == min(topic.count, topic.ringMax), "the ring")
    let start = entries.isEmpty ? topic.count : topic.count - random.below(entries.count + 1)
    let afterLoss = random.chance(30)
    check(
      !distributor.rewind(handle, id, to: UInt64(topic.count + 1)), "an entry that is to come")
    check(distributor.rewind(handle, id, to: UInt64(start), afterLoss: afterLoss), "rewind")
    if afterLoss { client.owed.append(loss(topic, before: start)) }
    for entry in topic.history[start...] {
      var owed = entry
      if owed.kind == .bad && client.encoding == .json { owed.kind = .message }
      client.owed.append(owed)
    }
  }

  private func loss(_ topic: ModelTopic, before number: Int) -> ModelEntry {
    ModelEntry(
      topic: topic, number: number - 1, position: 0, kind: .gap, weight: 0, isUnknown: true)
  }

  private func skip() {
    guard let (handle, client) = anyClient(), let (topic, id) = anyTopic(), topic.isEvents
    else { return }
    let isHeld = client.explicit[topic.uid] != nil
    // A hidden record may be left behind a wildcard; then it is skipped too.
    let did = distributor.skip(handle, id)
    check(did || !isHeld, "skip")
    guard did else { return }
    client.owed.removeAll { $0.topic === topic }
    noteSkipped(client, topic)
  }

  private func tellLoss() {
    guard let (handle, client) = anyClient(), let (topic, id) = anyTopic(), topic.isEvents
    else { return }
    let isHeld = client.explicit[topic.uid] != nil
    let did = distributor.tellLoss(handle, id)
    check(did || !isHeld, "tellLoss")
    guard did else { return }
    let first = client.owed.firstIndex { $0.topic === topic }
    let number = first.map { client.owed[$0].number } ?? topic.count
    client.owed.insert(loss(topic, before: number), at: first ?? client.owed.count)
    // It stands for what the ring had lost by then, too.
    noteSkipped(client, topic)
  }

  private func noteSkipped(_ client: ModelClient, _ topic: ModelTopic) {
    if let group = topic.group, client.holdsWildcard(of: group) {
      client.skipped.insert(group.channel)
    }
  }
}
