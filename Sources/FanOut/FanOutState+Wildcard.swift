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

  mutating func subscribeAll(_ handle: ClientHandle, _ id: GroupID, _ depth: BookDepth?)
    -> SubscribeResult
  {
    guard let client = live(handle) else { return .noSuchClient }
    let group = id.index
    let held = index.find(client, Subscription.key(group, isWildcard: true), in: records)
    if held != noIndex {
      if let depth, records[held].depth != depth {
        records[held].depth = depth
        showHidden(client, group, depth)
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
        Subscription(
          client: client, target: group, isWildcard: true, depth: depth ?? .full, cursor: 0))
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

  /// As above for a record whose client has all before `cursor`. It may be ahead of `position`, since
  /// the client said that it had more when it came back: then it stays there.
  mutating func placePassive(_ number: UInt32, at position: UInt64, having cursor: EventCursor?) {
    placePassive(number, at: position)
    guard let cursor, !EventCursor(records[number].cursor).isAhead(of: cursor) else { return }
    records[number].cursor = cursor.packed
    records[number].owesUnknown = false
  }

  /// After a wildcard fell off its log: its passive records go on from where it does.
  mutating func placePassives(_ client: UInt32, _ group: UInt32, at position: UInt64) {
    guard clients[client].explicit > 0 else { return }
    for relative in 0..<clients[client].used {
      let explicit = clients[client].extent + relative
      guard isExplicit(explicit, of: group) else { continue }
      // One that owes stands behind a loss.
      let record = records[explicit]
      let seen = record.owesUnknown ? nil : EventCursor(record.cursor)
      placePassive(explicit, at: position, having: seen)
    }
  }

  /// The record of a wildcard's client that says what the client has of the topic, or `noIndex`.
  /// One that is dirty delivers for itself first, and says nothing.
  @inline(__always)
  func passiveRecord(_ client: UInt32, _ topic: UInt32) -> UInt32 {
    guard clients[client].explicit > 0, topic != LogEntry.removedTopic else { return noIndex }
    let number = index.find(client, topic, in: records)
    return number != noIndex && records[number].isDirty ? noIndex : number
  }

  /// The wildcard has dealt with the topic's entry before `cursor`.
  @inline(__always)
  mutating func advancePassive(_ number: UInt32, to cursor: EventCursor) {
    if EventCursor(records[number].cursor).isAhead(of: cursor) { return }
    records[number].cursor = cursor.packed
    records[number].owesUnknown = false
    // Hidden, and in step with its wildcard: it has nothing to keep.
    if records[number].isHidden && !records[number].isKept { removeRecord(number) }
  }

  /// Whether an unsubscribed record still keeps its client from being told twice or not at all.
  func isNeededByWildcard(_ number: UInt32) -> Bool {
    let record = records[number]
    if record.isDirty || record.isKept { return true }
    let topic = topics[record.target]
    if topic.isEvents {
      let wildcard = wildcardRecord(record.client, record.target)
      let next = nextPosition(records[wildcard], groups[topic.group])
      let seen = EventCursor(record.cursor).number(before: topic.head)
      return !record.owesUnknown && seen > topic.oldest && header(topic, seen - 1).position >= next
    }
    let wildcard = wildcardRecord(record.client, record.target)
    return record.cursor == topic.head
      && details[record.target].newestPosition > records[wildcard].cursor
  }

  /// What is hidden is delivered as the wildcard delivers.
  private mutating func showHidden(_ client: UInt32, _ group: UInt32, _ depth: BookDepth) {
    guard clients[client].hidden > 0 else { return }
    for relative in 0..<clients[client].used {
      let explicit = clients[client].extent + relative
      guard isExplicit(explicit, of: group), records[explicit].isHidden else { continue }
      records[explicit].depth = depth
    }
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
