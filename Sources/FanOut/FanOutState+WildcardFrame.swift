// Serving a wildcard: the same promises as for one topic, with one cursor for the whole group.

extension FanOutState {
  /// The topic longest unchanged among those a cursor has not seen, or `noIndex`. The list is walked
  /// from both ends at once, so the cost is the smaller of what was seen and what was not.
  private func firstUnseen(_ group: Group, after cursor: UInt64) -> UInt32 {
    var fromStart = group.first
    var fromEnd = group.last
    var found = noIndex
    while fromStart != noIndex {
      if details[fromStart].newestPosition > cursor { return fromStart }
      fromStart = details[fromStart].next
      if details[fromEnd].newestPosition <= cursor { return found }
      found = fromEnd
      fromEnd = details[fromEnd].previous
    }
    return noIndex
  }

  mutating func serveStateGroup<Deriver: VariantDeriver>(
    _ number: UInt32, _ encoding: ClientEncoding, _ deriver: Deriver
  ) -> Bool {
    let record = records[number]
    let client = record.client
    let group = groups[record.target]
    let hasExplicit = clients[client].explicit > 0
    var cursor = record.cursor
    var served: UInt64 = 0
    var isFinished = true
    var target = firstUnseen(group, after: cursor)
    while target != noIndex {
      let topic = topics[target]
      let explicit = hasExplicit ? index.find(client, target, in: records) : noIndex
      // Nothing is there where a state was withdrawn.
      if topic.count > 0, explicit == noIndex || records[explicit].cursor != topic.head {
        let isShown = explicit != noIndex && !records[explicit].isHidden
        let depth = isShown ? records[explicit].depth : record.depth
        let variant = Self.variant(topic.variants, encoding, depth)
        if append(topic, topic.head - 1, variant, deriver) == .full {
          isFinished = false
          break
        }
        if explicit != noIndex { records[explicit].cursor = topic.head }
      }
      cursor = details[target].newestPosition
      served += 1
      target = details[target].next
    }
    records[number].cursor = cursor
    // Each position is one offered message; a join (cursor 0) passes over nothing.
    if record.cursor > 0 && cursor - record.cursor > served {
      countConflated(client, cursor - record.cursor - served)
    }
    return isFinished
  }

  mutating func serveEventGroup<Deriver: VariantDeriver>(
    _ number: UInt32, _ encoding: ClientEncoding, _ deriver: Deriver
  ) -> Bool {
    let record = records[number]
    let client = record.client
    let groupNumber = record.target
    let group = groups[groupNumber]
    let variant = MessageVariant(encoding: encoding, depth: .full)
    var cursor = EventCursor(record.cursor)
    var position = cursor.number(before: group.head + 1)
    var debt = GapDebt()
    var isFinished = true
    if position < group.oldest {
      guard frame.fits(FanOutLimits.gapBytesMax) else { return false }
      let oldestWeight = groupWeight(groupNumber, group, before: group.oldest)
      debt.addMixed(
        oldestWeight &- cursor.weight, isUnknown: group.evictedUnknown >= position)
      position = group.oldest
      cursor.weight = oldestWeight
      placePassives(client, groupNumber, at: position)
    }
    while position <= group.head {
      let entry = logs[logIndex(groupNumber, position)]
      let after = groupWeight(groupNumber, group, before: position + 1)
      let weight = after &- entry.groupWeight
      let explicit = passiveRecord(client, entry.topic)
      let seen = EventCursor(number: entry.sequence &+ 1, weight: entry.topicWeight &+ weight)
      if explicit != noIndex, !records[explicit].owesUnknown,
        !seen.isAhead(of: EventCursor(records[explicit].cursor))
      {
        // The client said that it has it, when it resumed.
        advancePassive(explicit, to: seen)
        position += 1
        cursor.weight = after
        continue
      }
      let place = placeInRing(entry)
      if let (topic, sequence) = place, header(topic, sequence).kind < EntryKind.gap.rawValue {
        settle(&debt, client, group: groupNumber)
        let result = append(topic, sequence, variant, deriver)
        if result == .full
          || result == .failed && !frame.fits(FanOutLimits.gapBytesMax)
        {
          isFinished = false
          break
        }
        if result == .failed { debt.add(weight, isUnknown: false, topic: entry.topic) }
      } else if weight > 0 {
        guard !debt.isEmpty || frame.fits(FanOutLimits.gapBytesMax) else {
          isFinished = false
          break
        }
        if entry.topic == LogEntry.removedTopic {
          debt.addMixed(weight, isUnknown: entry.isUnknown)
        } else {
          debt.add(weight, isUnknown: entry.isUnknown, topic: entry.topic)
        }
      }
      if explicit != noIndex { advancePassive(explicit, to: seen) }
      position += 1
      cursor.weight = after
    }
    settle(&debt, client, group: groupNumber)
    cursor.number = UInt32(truncatingIfNeeded: position)
    records[number].cursor = cursor.packed
    return isFinished
  }

  /// The group's weight before a position that the log holds, or the next to come.
  @inline(__always)
  private func groupWeight(_ number: UInt32, _ group: Group, before position: UInt64) -> UInt32 {
    position <= group.head ? logs[logIndex(number, position)].groupWeight : group.weight
  }

  /// The topic and the full number of a logged entry, if its ring still holds it.
  private func placeInRing(_ entry: LogEntry) -> (Topic, UInt64)? {
    guard entry.topic != LogEntry.removedTopic else { return nil }
    let topic = topics[entry.topic]
    let sequence = EventCursor(number: entry.sequence, weight: 0).number(before: topic.head)
    guard sequence >= topic.oldest, sequence < topic.head else { return nil }
    return (topic, sequence)
  }
}
