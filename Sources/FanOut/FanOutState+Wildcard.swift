// `"*"` beside explicit subscriptions of the same group, without losing or repeating a message.
//
// While a client holds the wildcard, its explicit records of the group are passive: out of the
// topics' lists, and moved along by the wildcard as it delivers. A record that was still owed
// messages when the wildcard came stays in the dirty queue, ahead of the wildcard (the queue is first
// in, first out), and delivers up to the wildcard's start itself. So, once the wildcard is served, a
// passive record says exactly what its client has of the topic, and when the wildcard goes the record
// becomes active again from there.

extension FanOutState {
  /// The client's wildcard record for the group of `topic`, or `noIndex`.
  @inline(__always)
  func wildcardRecord(_ client: UInt32, _ topic: UInt32) -> UInt32 {
    let group = topics[topic].group
    guard group != noIndex, clients[client].wildcards > 0 else { return noIndex }
    return index.find(client, Subscription.key(group, isWildcard: true), in: records)
  }

  mutating func subscribeAll(_ handle: ClientHandle, _ id: GroupID, _ depth: BookDepth)
    -> SubscribeResult
  {
    guard let client = live(handle) else { return .noSuchClient }
    let group = id.index
    let held = index.find(client, Subscription.key(group, isWildcard: true), in: records)
    if held != noIndex {
      if records[held].depth != depth {
        records[held].depth = depth
        if groups[group].variants > 2 && groups[group].last != noIndex {
          records[held].cursor = 0
          forgetSeen(client, group)
          markDirty(held)
        }
      }
      return .alreadyHeld
    }
    // What explicit records are owed goes into the queue before the wildcard does.
    markTouched()
    guard
      let number = addRecord(
        Subscription(client: client, target: group, isWildcard: true, depth: depth, cursor: 0))
    else { return .full }
    joinGroupList(number)
    let state = groups[group]
    if state.isEvents {
      records[number].cursor =
        EventCursor(number: UInt32(truncatingIfNeeded: state.head + 1), weight: state.weight).packed
    }
    for relative in 0..<clients[client].used {
      let explicit = clients[client].extent + relative
      guard isExplicit(explicit, of: group) else { continue }
      let record = records[explicit]
      leaveTopicList(record)
      records[explicit].isPassive = true
      records[explicit].place = topics[record.target].weight
    }
    if !state.isEvents && state.last != noIndex { markDirty(number) }
    return .added
  }

  mutating func unsubscribeAll(_ handle: ClientHandle, _ id: GroupID) -> Bool {
    guard let client = live(handle) else { return false }
    let group = id.index
    let wildcard = index.find(client, Subscription.key(group, isWildcard: true), in: records)
    guard wildcard != noIndex else { return false }
    markTouched()
    for relative in 0..<clients[client].used {
      let explicit = clients[client].extent + relative
      guard isExplicit(explicit, of: group) else { continue }
      if records[explicit].isHidden { removeRecord(explicit) } else { activate(explicit) }
    }
    removeRecord(wildcard)
    return true
  }

  func holdsWildcard(_ handle: ClientHandle, _ id: GroupID) -> Bool {
    guard let client = live(handle) else { return false }
    return index.find(client, Subscription.key(id.index, isWildcard: true), in: records)
      != noIndex
  }

  private func isExplicit(_ number: UInt32, of group: UInt32) -> Bool {
    let record = records[number]
    return !record.isDead && !record.isWildcard && topics[record.target].group == group
  }

  private mutating func activate(_ number: UInt32) {
    records[number].isPassive = false
    joinTopicList(number)
    let record = records[number]
    let topic = topics[record.target]
    let isOwed =
      topic.isEvents
      ? record.owesUnknown || record.cursor != eventHead(topic).packed
      : topic.count > 0 && record.cursor != topic.head
    if isOwed { markDirty(number) }
  }

  /// Gives a new passive record the cursor that says what the wildcard has delivered of its topic.
  mutating func placePassive(_ number: UInt32, behind wildcard: UInt32) {
    let target = records[number].target
    let topic = topics[target]
    if topic.isEvents {
      let next = nextPosition(records[wildcard], groups[topic.group])
      placePassive(number, at: next)
    } else {
      let isSeen = details[target].newestPosition <= records[wildcard].cursor
      records[number].cursor = isSeen ? topic.head : topic.head - UInt64(topic.count)
    }
  }

  /// The next position that an event wildcard will look at.
  @inline(__always)
  func nextPosition(_ wildcard: Subscription, _ group: Group) -> UInt64 {
    EventCursor(wildcard.cursor).number(before: group.head + 1)
  }

  /// Places an event cursor before the topic's first entry at or after `position` in its group.
  mutating func placePassive(_ number: UInt32, at position: UInt64) {
    let target = records[number].target
    let topic = topics[target]
    records[number].owesUnknown = details[target].evictedPosition >= position
    guard details[target].newestPosition >= position, topic.count > 0 else {
      records[number].cursor = eventHead(topic).packed
      return
    }
    var low = topic.oldest
    var high = topic.head
    while low < high {
      let middle = low + (high - low) / 2
      if header(topic, middle).position >= position { high = middle } else { low = middle + 1 }
    }
    records[number].cursor =
      EventCursor(
        number: UInt32(truncatingIfNeeded: low), weight: weight(topic, before: low)
      ).packed
  }

  /// After a wildcard fell off its log: its passive records go on from where it does.
  mutating func placePassives(_ client: UInt32, _ group: UInt32, at position: UInt64) {
    guard clients[client].explicit > 0 else { return }
    for relative in 0..<clients[client].used {
      let explicit = clients[client].extent + relative
      if isExplicit(explicit, of: group) { placePassive(explicit, at: position) }
    }
  }

  /// The wildcard has dealt with the topic's entry before `cursor`.
  @inline(__always)
  mutating func advancePassive(_ client: UInt32, _ topic: UInt32, to cursor: EventCursor) {
    guard clients[client].explicit > 0 else { return }
    let number = index.find(client, topic, in: records)
    guard number != noIndex, !records[number].isDirty else { return }
    let seen = EventCursor(records[number].cursor)
    // Modulo 2^32: a passive record is at most a log's length from its wildcard.
    if Int32(bitPattern: cursor.number &- seen.number) >= 0 {
      records[number].cursor = cursor.packed
      records[number].owesUnknown = false
    }
  }

  /// Whether an unsubscribed record still keeps its client from being told twice or not at all.
  func isNeededByWildcard(_ number: UInt32) -> Bool {
    let record = records[number]
    if record.isDirty { return true }
    let topic = topics[record.target]
    if topic.isEvents { return false }
    let wildcard = wildcardRecord(record.client, record.target)
    return record.cursor == topic.head
      && details[record.target].newestPosition > records[wildcard].cursor
  }

  /// The wildcard starts anew at another depth: passive records must not hold it back.
  private mutating func forgetSeen(_ client: UInt32, _ group: UInt32) {
    for relative in 0..<clients[client].used {
      let explicit = clients[client].extent + relative
      guard isExplicit(explicit, of: group) else { continue }
      let topic = topics[records[explicit].target]
      records[explicit].cursor = topic.head - UInt64(topic.count)
    }
  }
}
