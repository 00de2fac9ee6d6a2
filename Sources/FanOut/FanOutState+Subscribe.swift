// One client, one topic. Subscribing is a union: what is held is neither repeated nor sent again.

extension FanOutState {
  mutating func subscribe(_ handle: ClientHandle, _ id: TopicID, _ depth: BookDepth?)
    -> SubscribeResult
  {
    guard let client = live(handle) else { return .noSuchClient }
    guard let topic = live(id) else { return .noSuchTopic }
    let held = index.find(client, topic, in: records)
    if held != noIndex { return subscribeAgain(held, depth) }
    let wildcard = wildcardRecord(client, topic)
    let inherited = wildcard == noIndex ? BookDepth.full : records[wildcard].depth
    guard
      let number = addRecord(
        Subscription(
          client: client, target: topic, isWildcard: false, depth: inherited, cursor: 0))
    else { return .full }
    if wildcard != noIndex {
      // The wildcard's record may have moved with the extent.
      records[number].isPassive = true
      placePassive(
        number,
        behind: index.find(
          client, Subscription.key(topics[topic].group, isWildcard: true), in: records))
      if let depth { changeDepth(number, depth) }
      return .added
    }
    records[number].depth = depth ?? .full
    joinTopicList(number)
    let state = topics[topic]
    if state.isEvents {
      records[number].cursor = eventHead(state).packed
    } else {
      records[number].cursor = state.head - UInt64(state.count)
      if state.count > 0 { markDirty(number) }
    }
    return .added
  }

  private mutating func subscribeAgain(_ number: UInt32, _ depth: BookDepth?) -> SubscribeResult {
    let record = records[number]
    if let depth { changeDepth(number, depth) }
    guard record.isHidden else { return .alreadyHeld }
    records[number].isHidden = false
    clients[record.client].hidden -= 1
    return .added
  }

  private mutating func changeDepth(_ number: UInt32, _ depth: BookDepth) {
    let topic = topics[records[number].target]
    guard records[number].depth != depth else { return }
    records[number].depth = depth
    // The new depth shows a different message: the newest one is sent in it.
    if topic.variants > 2 && topic.count > 0 {
      records[number].cursor = topic.head - 1
      markDirty(number)
    }
  }

  mutating func unsubscribe(_ handle: ClientHandle, _ id: TopicID) -> Bool {
    guard let client = live(handle), let topic = live(id) else { return false }
    let number = index.find(client, topic, in: records)
    guard number != noIndex, !records[number].isHidden else { return false }
    if records[number].isPassive && isNeededByWildcard(number) {
      hide(number)
    } else {
      removeRecord(number)
    }
    return true
  }

  /// Takes an acknowledged record out of what is listed; what it still delivers is the wildcard's.
  mutating func hide(_ number: UInt32) {
    let wildcard = wildcardRecord(records[number].client, records[number].target)
    records[number].depth = records[wildcard].depth
    records[number].isHidden = true
    clients[records[number].client].hidden += 1
  }

  func isSubscribed(_ handle: ClientHandle, _ id: TopicID) -> Bool {
    guard let client = live(handle), let topic = live(id) else { return false }
    let number = index.find(client, topic, in: records)
    return number != noIndex && !records[number].isHidden
  }

  func subscriptionCount(_ handle: ClientHandle) -> Int {
    guard let client = live(handle) else { return 0 }
    return Int(clients[client].explicit - clients[client].hidden)
  }

  /// The acknowledged subscription at or after `place`, which moves past it. A record's place does
  /// not change while it lives.
  func nextSubscription(_ handle: ClientHandle, _ place: inout UInt32) -> TopicID? {
    guard let client = live(handle) else { return nil }
    while place < clients[client].used {
      let record = records[clients[client].extent + place]
      place += 1
      if !record.isDead && !record.isWildcard && !record.isHidden {
        return id(ofTopic: record.target)
      }
    }
    return nil
  }

  /// The cursor of somebody who has seen all of an event topic.
  @inline(__always)
  func eventHead(_ topic: Topic) -> EventCursor {
    EventCursor(number: UInt32(truncatingIfNeeded: topic.head), weight: topic.weight)
  }
}
