// Subscriptions that do not begin at the newest event: a client that comes back says what it saw last,
// its caller finds the entry behind it in the ring and places the cursor there. The distributor knows
// entries by their numbers only; what is older or newer is the caller's to say.
//
// A client may also be ahead of the ring, having come from a place that is. Then its caller `skip`s
// what it has already, entry by entry, and `tellLoss`es when the first new one says that something is
// missing between.
//
// Behind a wildcard all this is done by a passive record: what it owes goes out before the wildcard is
// served, and what it is ahead of the wildcard passes over. Hidden and `kept`, it does so for a client
// that named no topic.

extension FanOutState {
  /// An explicit subscription's record, hidden ones included.
  private func record(_ handle: ClientHandle, _ id: TopicID) -> UInt32? {
    guard let client = live(handle), let topic = live(id) else { return nil }
    let number = index.find(client, topic, in: records)
    return number == noIndex ? nil : number
  }

  /// Oldest first, until `body` says no; nil is a gap.
  func forEachEntry(_ id: TopicID, _ body: (UInt64, RawSpan?) -> Bool) {
    guard let number = live(id) else { return }
    let topic = topics[number]
    guard topic.isEvents else { return }
    for sequence in topic.oldest..<topic.head where !visit(topic, sequence, body) { return }
  }

  /// Newest first, until `body` says no; nil is a gap.
  func forEachEntryBackwards(_ id: TopicID, _ body: (UInt64, RawSpan?) -> Bool) {
    guard let number = live(id) else { return }
    let topic = topics[number]
    guard topic.isEvents else { return }
    for sequence in (topic.oldest..<topic.head).reversed() where !visit(topic, sequence, body) {
      return
    }
  }

  private func visit(
    _ topic: Topic, _ sequence: UInt64, _ body: (UInt64, RawSpan?) -> Bool
  ) -> Bool {
    if header(topic, sequence).kind >= EntryKind.gap.rawValue { return body(sequence, nil) }
    let cell = arena.load(topic.ring, topic.cellOffset(of: sequence, 0), as: Cell.self)
    return arena.withBytes(cell.slot, count: Int(cell.length)) { body(sequence, $0) }
  }

  /// Moves an active subscription to events back to an entry of the ring. False, and nothing changes,
  /// when there is no such subscription or the ring does not hold the entry.
  mutating func rewind(_ handle: ClientHandle, _ id: TopicID, to entry: UInt64, afterLoss: Bool)
    -> Bool
  {
    guard let number = record(handle, id) else { return false }
    let topic = topics[records[number].target]
    guard topic.isEvents, !records[number].isPassive, entry >= topic.oldest, entry <= topic.head
    else { return false }
    records[number].cursor =
      EventCursor(
        number: UInt32(truncatingIfNeeded: entry), weight: weight(topic, before: entry)
      ).packed
    records[number].owesUnknown = afterLoss
    if afterLoss || entry < topic.head { markDirty(number) }
    return true
  }

  /// The client has all that the topic has so far.
  mutating func skip(_ handle: ClientHandle, _ id: TopicID) -> Bool {
    guard let number = record(handle, id), topics[records[number].target].isEvents else {
      return false
    }
    records[number].cursor = eventHead(topics[records[number].target]).packed
    records[number].owesUnknown = false
    return true
  }

  /// A gap of unknown size before whatever the client is owed of the topic next.
  mutating func tellLoss(_ handle: ClientHandle, _ id: TopicID) -> Bool {
    guard let number = record(handle, id), topics[records[number].target].isEvents else {
      return false
    }
    records[number].owesUnknown = true
    if records[number].isPassive {
      // Nothing else was lost on its way to where the wildcard is.
      if !records[number].isDirty {
        records[number].place = EventCursor(records[number].cursor).weight
      }
      promote(number)
    } else {
      markDirty(number)
    }
    return true
  }

  /// Takes a topic out of what is listed, behind the wildcard that its client holds. With `isKept` its
  /// place is kept until `release`.
  mutating func hide(_ handle: ClientHandle, _ id: TopicID, isKept: Bool) -> Bool {
    guard let number = record(handle, id), records[number].isPassive, !records[number].isHidden
    else { return false }
    records[number].isKept = isKept
    if isNeededByWildcard(number) { hide(number) } else { removeRecord(number) }
    return true
  }

  mutating func release(_ handle: ClientHandle, _ id: TopicID) {
    guard let number = record(handle, id), records[number].isKept else { return }
    records[number].isKept = false
    if records[number].isHidden && !isNeededByWildcard(number) { removeRecord(number) }
  }

  /// First in its client's queue: what it owes goes out before its wildcard is served.
  mutating func promote(_ number: UInt32) {
    let client = records[number].client
    let relative = number - clients[client].extent
    if records[number].isDirty {
      clients[client].ready = without(relative, clients[client].ready, client)
      clients[client].incoming = without(relative, clients[client].incoming, client)
    }
    records[number].isDirty = true
    records[number].next = clients[client].ready
    clients[client].ready = relative
    enqueue(client)
  }

  /// The list without one record; its first.
  private mutating func without(
    _ relative: UInt32, _ first: UInt32, _ client: UInt32
  ) -> UInt32 {
    let extent = clients[client].extent
    if first == relative { return records[extent + relative].next }
    var at = first
    while at != noIndex {
      let next = records[extent + at].next
      if next == relative {
        records[extent + at].next = records[extent + relative].next
        return first
      }
      at = next
    }
    return first
  }

  // MARK: A topic that joins its group later

  mutating func join(_ id: TopicID, _ group: GroupID) -> Bool {
    guard let number = live(id), topics[number].group == noIndex else { return false }
    precondition(
      groups[group.index].isEvents == topics[number].isEvents
        && groups[group.index].variants == topics[number].variants,
      "a group's topics are of its kind")
    // What subscribers are owed so far is theirs to get, not the wildcard's.
    markTouched()
    topics[number].group = group.index
    var place = topics[number].subscribers.count
    while place > 0 {
      place -= 1
      let explicit = lists.record(topics[number].subscribers, place)
      let record = records[explicit]
      guard wildcardRecord(record.client, number) != noIndex else { continue }
      leaveTopicList(record)
      records[explicit].isPassive = true
      records[explicit].place = topics[number].weight
      if topics[number].isEvents && record.isDirty { promote(explicit) }
    }
    if !topics[number].isEvents && topics[number].count > 0 {
      groups[group.index].head += 1
      moveToEndOfGroup(number, group.index, position: groups[group.index].head)
      touch(number)
    }
    return true
  }
}
