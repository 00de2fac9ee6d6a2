// Topics and groups come and go.

extension FanOutState {
  /// The topic's index, or nil when it was removed.
  @inline(__always)
  func live(_ id: TopicID) -> UInt32? {
    guard Int(id.index) < topics.count, details[id.index].generation == id.generation,
      topics[id.index].isInUse
    else { return nil }
    return id.index
  }

  func id(ofTopic topic: UInt32) -> TopicID {
    TopicID(index: topic, generation: details[topic].generation)
  }

  static func variants(of kind: TopicKind) -> UInt8 { kind == .book ? 6 : 2 }

  mutating func addGroup(_ kind: TopicKind, label: TopicLabel) -> GroupID {
    precondition(groups.count < limits.groupsMax, "more groups than groupsMax")
    groups.append(
      Group(isEvents: kind.isEvents, label: label, variants: Self.variants(of: kind)))
    return GroupID(index: UInt32(groups.count - 1))
  }

  mutating func addTopic(_ kind: TopicKind, label: TopicLabel, group: GroupID?) -> TopicID? {
    var topic = Topic()
    var detail = TopicDetail(label: label)
    topic.isInUse = true
    topic.isEvents = kind.isEvents
    topic.variants = Self.variants(of: kind)
    if case .events(let ringMessagesMax) = kind {
      precondition(
        1...FanOutLimits.ringMessagesMax ~= ringMessagesMax, "a ring holds 1...2,048 messages")
      while Int(detail.ringMax) < ringMessagesMax { detail.ringMax *= 2 }
    }
    if let group {
      precondition(
        groups[group.index].isEvents == topic.isEvents
          && groups[group.index].variants == topic.variants,
        "a group's topics are of its kind")
      topic.group = group.index
    }
    let number: UInt32
    if let old = freeTopics.popLast() {
      number = old
      detail.generation = details[old].generation
      topics[number] = topic
      details[number] = detail
    } else {
      guard topics.count < limits.topicsMax else { return nil }
      number = UInt32(topics.count)
      topics.append(topic)
      details.append(detail)
    }
    topicsInUse += 1
    return id(ofTopic: number)
  }

  mutating func removeTopic(_ id: TopicID) -> Bool {
    guard let number = live(id) else { return false }
    removeSubscribers(ofTopic: number)
    while topics[number].count > 0 { evictOldest(number) }
    arena.release(topics[number].ring)
    let group = topics[number].group
    if group != noIndex {
      if groups[group].isEvents {
        forgetInLog(number, group)
      } else if details[number].newestPosition != 0 {
        unlinkFromGroup(number, group)
      }
    }
    topics[number] = Topic()
    details[number].generation &+= 1
    freeTopics.append(number)
    topicsInUse -= 1
    return true
  }

  private mutating func removeSubscribers(ofTopic topic: UInt32) {
    while topics[topic].subscribers.count > 0 {
      let list = topics[topic].subscribers
      removeRecord(lists.record(list, list.count - 1))
    }
    // Passive records are in no list; their clients hold the wildcard.
    let group = topics[topic].group
    guard group != noIndex else { return }
    let holders = groups[group].subscribers
    for place in 0..<holders.count {
      let client = records[lists.record(holders, place)].client
      let record = index.find(client, topic, in: records)
      if record != noIndex { removeRecord(record) }
    }
  }

  /// Entries of a removed topic still count as missed for those who have not seen them.
  private mutating func forgetInLog(_ topic: UInt32, _ group: UInt32) {
    let count = UInt64(groups[group].logCount)
    guard count > 0, details[topic].newestPosition >= groups[group].oldest else { return }
    for position in groups[group].oldest...groups[group].head {
      let at = logIndex(group, position)
      if logs[at].topic == topic { logs[at].forgetTopic() }
    }
  }

  // MARK: The list of a state group, ordered by each topic's newest position

  mutating func unlinkFromGroup(_ topic: UInt32, _ group: UInt32) {
    let detail = details[topic]
    if detail.previous == noIndex {
      groups[group].first = detail.next
    } else {
      details[detail.previous].next = detail.next
    }
    if detail.next == noIndex {
      groups[group].last = detail.previous
    } else {
      details[detail.next].previous = detail.previous
    }
  }

  mutating func moveToEndOfGroup(_ topic: UInt32, _ group: UInt32, position: UInt64) {
    let last = groups[group].last
    if last != topic {
      if details[topic].newestPosition != 0 { unlinkFromGroup(topic, group) }
      let end = groups[group].last
      details[topic].previous = end
      details[topic].next = noIndex
      if end == noIndex {
        groups[group].first = topic
      } else {
        details[end].next = topic
      }
      groups[group].last = topic
    }
    details[topic].newestPosition = position
  }

  // MARK: The log of an event group

  @inline(__always)
  func logIndex(_ group: UInt32, _ position: UInt64) -> UInt32 {
    let capacity = UInt64(ExtentSlab<LogEntry>.capacity(ofClass: groups[group].logClass))
    return groups[group].logExtent + UInt32((position - 1) & (capacity - 1))
  }

  /// Adds the entry that got position `head`; nothing is kept while nobody holds the wildcard.
  mutating func appendToLog(_ group: UInt32, _ entry: LogEntry) {
    guard groups[group].subscribers.count > 0 else { return }
    if groups[group].logExtent == noIndex {
      groups[group].logClass = 0
      groups[group].logExtent = logs.allocate(ofClass: 0)
    }
    let capacity = ExtentSlab<LogEntry>.capacity(ofClass: groups[group].logClass)
    if Int(groups[group].logCount) == capacity {
      if capacity < limits.groupLogEntriesMax {
        growLog(group)
      } else {
        let oldest = groups[group].head - UInt64(groups[group].logCount)
        if logs[logIndex(group, oldest)].isUnknown { groups[group].evictedUnknown = oldest }
        groups[group].logCount -= 1
      }
    }
    logs[logIndex(group, groups[group].head)] = entry
    groups[group].logCount += 1
  }

  /// Called when the position of the entry to come is already given (`head`).
  private mutating func growLog(_ group: UInt32) {
    let old = groups[group]
    groups[group].logClass += 1
    groups[group].logExtent = logs.allocate(ofClass: groups[group].logClass)
    let capacity = UInt64(ExtentSlab<LogEntry>.capacity(ofClass: old.logClass))
    for position in (old.head - UInt64(old.logCount))..<old.head {
      logs[logIndex(group, position)] =
        logs[old.logExtent + UInt32((position - 1) & (capacity - 1))]
    }
    logs.release(old.logExtent, ofClass: old.logClass)
  }

  mutating func releaseLog(_ group: UInt32) {
    guard groups[group].logExtent != noIndex else { return }
    logs.release(groups[group].logExtent, ofClass: groups[group].logClass)
    groups[group].logExtent = noIndex
    groups[group].logCount = 0
  }
}
