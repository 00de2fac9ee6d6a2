// Random steps against the model, by seed.

import TestSupport
import Testing

@testable import FanOut

/// One run: the distributor, the model beside it, and the random walk.
final class FuzzRun: FrameTransport {
  struct Shape {
    var steps = 400
    var clients = 5
    var topics = 8
    var frameBytesMax = 200
    var frameBytesHardMax = 900
    var logMax = 16
    var arenaBytesMax = 64 << 20
    var usesWildcards = true
    var usesBadMessages = true
    var lengthMax = 40
    var usesUnknownGaps = true
    var givesUpWildcards = true
    /// Depths, intervals, cursors placed by hand, topics that join their group later.
    var usesChoices = false
  }

  let shape: Shape
  var random: SplitMix64
  let distributor: Distributor
  let deriver = ToyDeriver()
  var topics: [ModelTopic] = []
  var ids: [TopicID] = []
  var groups: [(GroupID, ModelGroup)] = []
  var clients: [ClientHandle: ModelClient] = [:]
  var gone: [ClientHandle] = []
  var failure: ModelFailure?
  /// Clients whose next frames the transport keeps back, and the bound of each client's next frame.
  var slow: Set<ClientHandle> = []
  var bounds: [ClientHandle: Int] = [:]
  var isDraining = false

  init(seed: UInt64, _ shape: Shape) {
    self.shape = shape
    random = SplitMix64(seed: seed)
    var limits = FanOutLimits()
    limits.frameBytesMax = shape.frameBytesMax
    limits.frameBytesHardMax = shape.frameBytesHardMax
    limits.groupLogEntriesMax = shape.logMax
    limits.arenaBytesMax = shape.arenaBytesMax
    distributor = Distributor(limits: limits)
    for (isEvents, channel) in [(false, "quotes"), (true, "trades"), (true, "bars")] {
      addGroup(isEvents ? .events(ringMessagesMax: 8) : .state, channel)
    }
    if shape.usesChoices { addGroup(.book, "orderbooks") }
    for _ in 0..<shape.topics { addTopic() }
    for _ in 0..<shape.clients { addClient() }
  }

  var modelBounds: ModelBounds {
    ModelBounds(logMax: shape.arenaBytesMax < 1 << 20 ? nil : shape.logMax)
  }

  // MARK: Transport

  func send(
    _ client: ClientHandle, _ payload: UnsafeMutableRawBufferPointer, encoding: ClientEncoding
  ) -> SendOutcome {
    guard let model = clients[client] else {
      failure = failure ?? ModelFailure("a frame for a forgotten client")
      return .closed
    }
    check(
      !model.isHeld || model.mayBeServed
        || topics.contains { $0.isUrgent && model.isInterested($0) },
      "a frame for a client that waits for its interval")
    let bound =
      bounds[client] ?? (model.isHeld ? shape.frameBytesHardMax : shape.frameBytesMax)
    bounds[client] = min(bound * 2, shape.frameBytesHardMax)
    guard let messages = FrameDecoding.decode(Array(payload), isJSON: encoding == .json),
      !messages.isEmpty
    else {
      failure = failure ?? ModelFailure("a malformed frame")
      return .drained
    }
    if messages.count > 1 && payload.count > bound {
      failure = failure ?? ModelFailure("a frame of \(payload.count) over \(bound)")
    }
    do {
      for message in messages { try model.receive(message, topics, modelBounds) }
    } catch {
      failure = failure ?? (error as? ModelFailure)
    }
    if isDraining { return .drained }
    if random.chance(1) {
      clients[client] = nil
      gone.append(client)
      // Either the transport tells, or its close comes back first.
      if random.chance(50) { distributor.removeClient(client) }
      return .closed
    }
    if slow.contains(client) || random.chance(10) {
      slow.insert(client)
      return .buffered
    }
    return .drained
  }

  func flush() {
    bounds = [:]
    distributor.flush(to: self, deriving: deriver)
    checkHurried()
  }

  func addGroup(_ kind: TopicKind, _ channel: String) {
    let group = ModelGroup(isEvents: kind.isEvents, channel: channel, isBook: kind == .book)
    groups.append((distributor.addGroup(kind, channel: channel), group))
  }

  // MARK: Steps

  func addTopic() {
    if shape.usesChoices { return addTopicForChoices() }
    let pick = random.below(8)
    let uid = topics.count
    let grouped = groups[pick % 3]
    let isEvents = pick < 6 ? grouped.1.isEvents : pick == 7
    let ringMax = 1 << random.below(5)
    let model = ModelTopic(
      uid, isEvents: isEvents, ringMax: ringMax, group: pick < 6 ? grouped.1 : nil)
    let id = distributor.addTopic(
      isEvents ? .events(ringMessagesMax: ringMax) : .state, symbol: model.name,
      channel: pick < 6 ? grouped.1.channel : "", group: nil)
    precondition(id == nil || pick < 6, "an empty channel is refused")
    if let id { distributor.removeTopic(id) }
    topics.append(model)
    ids.append(
      distributor.addTopic(
        isEvents ? .events(ringMessagesMax: ringMax) : .state, symbol: model.name,
        channel: pick < 6 ? grouped.1.channel : "none", group: pick < 6 ? grouped.0 : nil)!)
  }

  func addClient() {
    let encoding: ClientEncoding = random.chance(50) ? .json : .messagePack
    clients[distributor.addClient(encoding: encoding)!] = ModelClient(encoding)
  }

  func anyClient() -> (ClientHandle, ModelClient)? {
    let sorted = clients.sorted { $0.key.rawValue < $1.key.rawValue }
    guard !sorted.isEmpty else { return nil }
    return sorted[random.below(sorted.count)]
  }

  func anyTopic() -> (ModelTopic, TopicID)? {
    let alive = topics.filter { !$0.isRemoved }
    guard !alive.isEmpty else { return nil }
    let topic = alive[random.below(alive.count)]
    return (topic, ids[topic.uid])
  }

  func owe(_ topic: ModelTopic, _ kind: ModelEntry.Kind, _ weight: UInt64, unknown: Bool = false) {
    let number = topic.count
    topic.count += 1
    topic.group?.positions += 1
    topic.history.append(
      ModelEntry(
        topic: topic, number: number, position: topic.group?.positions ?? 0, kind: kind,
        weight: weight, isUnknown: unknown))
    for (_, client) in clients where client.isInterested(topic) {
      // A toy deriver fails for MessagePack only: JSON is never derived.
      let isBad = kind == .bad && client.encoding == .messagePack
      let known: ModelEntry.Kind = kind == .bad ? (isBad ? .bad : .message) : kind
      client.owed.append(
        ModelEntry(
          topic: topic, number: number, position: topic.group?.positions ?? 0, kind: known,
          weight: weight, isUnknown: unknown,
          byWildcard: client.holdsWildcard(of: topic.group)))
    }
  }

  func offer() {
    guard let (topic, id) = anyTopic() else { return }
    let length = random.below(shape.lengthMax)
    let pad = String(repeating: "x", count: length)
    let isNotice = random.chance(5)
    let isBad = topic.isEvents && shape.usesBadMessages && !isNotice && random.chance(3)
    let version = topic.isEvents ? topic.count : topic.count + 1
    let text =
      "{\"t\":\(topic.uid),\"v\":\(version)" + (isBad ? ",\"bad\":1" : "") + ",\"p\":\"\(pad)\"}"
    let isUrgent = isNotice || shape.usesChoices && random.chance(5)
    let result =
      isNotice
      ? distributor.offerNotice(id, text) : distributor.offer(id, text, isUrgent: isUrgent)
    if isUrgent && result == .accepted { hurry(topic) }
    guard topic.isEvents else {
      if result == .accepted {
        topic.count += 1
        topic.group?.positions += 1
      }
      return
    }
    switch (result, isNotice) {
    case (.accepted, true): owe(topic, .notice, 0)
    case (.accepted, false): owe(topic, isBad ? .bad : .message, 1)
    case (_, true): break
    case (_, false): owe(topic, .gap, 1)
    }
  }

  func offerGap() {
    guard let (topic, id) = anyTopic(), topic.isEvents else { return }
    if shape.usesUnknownGaps && random.chance(25) {
      distributor.offerGap(id, missed: nil)
      owe(topic, .gap, 1, unknown: true)
    } else {
      let missed = UInt64(1 + random.below(400))
      distributor.offerGap(id, missed: missed)
      owe(topic, .gap, missed)
    }
  }

  func check(_ isTrue: Bool, _ text: @autoclosure () -> String) {
    if !isTrue { failure = failure ?? ModelFailure(text()) }
  }

  func subscribe() {
    guard let (handle, client) = anyClient(), let (topic, id) = anyTopic() else { return }
    let wasHeld = client.explicit[topic.uid] != nil
    let wasInterested = client.isInterested(topic)
    let result = distributor.subscribe(handle, to: id, depth: chooseDepth(client, topic))
    check(result == (wasHeld ? .alreadyHeld : .added), "subscribe said \(result)")
    client.explicit[topic.uid] = topic
    if !wasInterested && !topic.isEvents { client.seen[topic.uid] = 0 }
  }

  func unsubscribe() {
    guard let (handle, client) = anyClient(), let (topic, id) = anyTopic() else { return }
    noteUrgency(client)
    client.isHurried = false
    let wasHeld = client.explicit.removeValue(forKey: topic.uid) != nil
    check(distributor.unsubscribe(handle, from: id) == wasHeld, "unsubscribe is not \(wasHeld)")
    if !client.isInterested(topic) { client.forget(topic) }
  }

  func subscribeAll() {
    guard let (handle, client) = anyClient() else { return }
    let (id, group) = groups[random.below(groups.count)]
    let depth = chooseDepth(client, group)
    let isNew = client.wildcards.updateValue(group, forKey: ObjectIdentifier(group)) == nil
    client.everWildcard.insert(group.channel)
    let result = distributor.subscribeAll(handle, of: id, depth: depth)
    check(result == (isNew ? .added : .alreadyHeld), "subscribeAll said \(result)")
    for topic in topics where topic.group === group && !topic.isRemoved && !topic.isEvents {
      if client.seen[topic.uid] == nil { client.seen[topic.uid] = 0 }
    }
  }

  func unsubscribeAll() {
    guard let (handle, client) = anyClient() else { return }
    let (id, group) = groups[random.below(groups.count)]
    noteUrgency(client)
    client.isHurried = false
    let wasHeld = client.wildcards.removeValue(forKey: ObjectIdentifier(group)) != nil
    check(distributor.unsubscribeAll(handle, of: id) == wasHeld, "unsubscribeAll not \(wasHeld)")
    guard wasHeld else { return }
    for topic in topics where topic.group === group && client.explicit[topic.uid] == nil {
      client.forget(topic)
    }
    for at in client.owed.indices where client.owed[at].topic.group === group {
      client.owed[at].byWildcard = false
    }
  }

  func removeTopic() {
    guard let (topic, id) = anyTopic() else { return }
    check(distributor.removeTopic(id), "removeTopic")
    check(!distributor.removeTopic(id), "removeTopic twice")
    for (_, client) in clients {
      noteUrgency(client)
      client.isHurried = false
      client.explicit[topic.uid] = nil
      client.seen[topic.uid] = nil
      client.owed.removeAll { $0.topic === topic && !$0.byWildcard }
    }
    topic.isRemoved = true
    addTopic()
    let made = topics[topics.count - 1]
    for (_, client) in clients where client.isInterested(made) && !made.isEvents {
      client.seen[made.uid] = 0
    }
  }

  func removeClient() {
    guard let (handle, _) = anyClient() else { return }
    clients[handle] = nil
    check(distributor.removeClient(handle), "removeClient")
    gone.append(handle)
    slow.remove(handle)
  }

  func unblock() {
    guard let handle = slow.sorted(by: { $0.rawValue < $1.rawValue }).first else { return }
    slow.remove(handle)
    _ = distributor.clientWritable(handle)
    if random.chance(50) {
      bounds = [:]
      clients[handle]?.mayBeServed = true
      clients[handle]?.isHurried = false
      distributor.flushClient(handle, to: self, deriving: deriver)
    }
  }

  func useStaleHandles() {
    guard let handle = gone.last, let (_, id) = anyTopic() else { return }
    check(distributor.subscribe(handle, to: id) == .noSuchClient, "a stale handle subscribed")
    check(!distributor.clientWritable(handle) && !distributor.removeClient(handle), "stale handle")
    check(distributor.counters(of: handle) == nil, "a stale handle has counters")
  }

  func step() {
    if shape.usesChoices && random.chance(25) { return choose() }
    switch random.below(100) {
    case ..<45: offer()
    case ..<49: offerGap()
    case ..<59: subscribe()
    case ..<65: unsubscribe()
    case ..<70: if shape.usesWildcards { subscribeAll() }
    case ..<73: if shape.givesUpWildcards { unsubscribeAll() }
    case ..<74: removeTopic()
    case ..<75: removeClient()
    case ..<77: if clients.count < shape.clients { addClient() }
    case ..<78: useStaleHandles()
    case ..<86: unblock()
    case ..<88: drain()
    default: flush()
    }
  }

  /// Everything is sent; then nothing may be owed, and the account of interests must agree.
  func drain() {
    for handle in slow.sorted(by: { $0.rawValue < $1.rawValue }) {
      _ = distributor.clientWritable(handle)
    }
    slow = []
    isDraining = true
    for (handle, client) in clients where client.isHeld {
      client.mayBeServed = true
      distributor.expedite(handle)
    }
    flush()
    isDraining = false
    guard failure == nil else { return }
    do {
      for (_, client) in clients { try client.checkDrained(topics) }
    } catch {
      failure = error as? ModelFailure
    }
    for (handle, client) in clients {
      let held = Set(distributor.held(by: handle).map(\.index))
      let expected = Set(client.explicit.keys.map { ids[$0].index })
      check(held == expected, "holds \(held), not \(expected)")
      check(distributor.subscriptionCount(of: handle) == expected.count, "count of held")
    }
    for topic in topics where !topic.isRemoved {
      let interested = clients.values.count { $0.isInterested(topic) }
      check(
        distributor.subscriberCount(of: ids[topic.uid]) == interested,
        "\(topic.name): not \(interested) subscribers")
    }
  }

  /// Runs all steps; the failure, if any, with its step.
  func run() -> String? {
    for number in 0..<shape.steps {
      step()
      if let failure { return "step \(number): \(failure)" }
    }
    drain()
    if let failure { return "last drain: \(failure)" }
    for handle in clients.keys { distributor.removeClient(handle) }
    for topic in topics where !topic.isRemoved { distributor.removeTopic(ids[topic.uid]) }
    let memory = distributor.memory
    if memory.arenaBytesUsed != 0 || memory.subscriptions != 0 || memory.subscriberEntries != 0
      || memory.clients != 0 || memory.topics != 0
    {
      return "memory after the end: \(memory)"
    }
    return nil
  }
}
