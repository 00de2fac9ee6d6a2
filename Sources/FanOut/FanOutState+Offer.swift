// A new newest message. The cost does not depend on the number of subscribers: the topic is touched,
// and its subscribers are marked once at the flush, however many messages came.
//
// When the arena is full, an event topic gives up its own oldest entries: for the ring's growth one,
// for the message's bytes those up to the first whose slot is large enough, which is taken over. If
// it has none, the message is lost and stands in the ring as a gap of 1.

extension FanOutState {
  mutating func offer(_ id: TopicID, _ bytes: RawSpan, _ kind: EntryKind) -> OfferResult {
    guard let topic = live(id) else { return .noSuchTopic }
    counters.offered += 1
    guard 1...FanOutLimits.messageBytesMax ~= bytes.byteCount else {
      counters.refusedForSize += 1
      if kind == .message && topics[topic].isEvents { append(topic, .gap, weight: 1, bytes: nil) }
      return .badSize
    }
    if topics[topic].isEvents {
      guard let slot = slotForEvent(topic, bytes.byteCount) else {
        counters.refusedForMemory += 1
        if kind == .message { append(topic, .gap, weight: 1, bytes: nil) }
        return .noMemory
      }
      arena.store(bytes, in: slot)
      let cell = Cell(slot: slot, length: UInt32(bytes.byteCount))
      if !append(topic, kind, weight: kind == .message ? 1 : 0, bytes: cell) {
        counters.refusedForMemory += 1
        return .noMemory
      }
    } else {
      guard replaceState(topic, bytes) else {
        counters.refusedForMemory += 1
        return .noMemory
      }
    }
    return .accepted
  }

  mutating func offerGap(_ id: TopicID, missed: UInt64?) -> OfferResult {
    guard let topic = live(id) else { return .noSuchTopic }
    precondition(topics[topic].isEvents, "a state has no gaps: its next message repairs it")
    if let missed, missed <= FanOutLimits.missedMax {
      if missed > 0 { append(topic, .gap, weight: UInt32(missed), bytes: nil) }
    } else {
      append(topic, .unknownGap, weight: 1, bytes: nil)
    }
    return .accepted
  }

  // MARK: State

  private mutating func replaceState(_ topic: UInt32, _ bytes: RawSpan) -> Bool {
    var ring = topics[topic].ring
    if ring == .none {
      guard let block = arena.allocate(topics[topic].entryBytes) else { return false }
      ring = block
      topics[topic].ring = block
      topics[topic].capacity = 1
      writeEmptyCells(topic, 0)
    }
    let offset = topics[topic].cellOffset(of: 0, 0)
    let old = arena.load(ring, offset, as: Cell.self)
    let needed = Arena.bytes(ofClass: Arena.sizeClass(ofBytes: bytes.byteCount))
    var slot = old.slot
    if arena.capacity(of: old.slot) != needed {
      if let fresh = arena.allocate(bytes.byteCount) {
        arena.release(old.slot)
        slot = fresh
      } else if arena.capacity(of: old.slot) < needed {
        return false
      }
    }
    releaseVariants(topic, 0)
    arena.store(bytes, in: slot)
    arena.store(Cell(slot: slot, length: UInt32(bytes.byteCount)), in: ring, at: offset)
    topics[topic].head += 1
    topics[topic].count = 1
    let group = topics[topic].group
    if group != noIndex {
      groups[group].head += 1
      moveToEndOfGroup(topic, group, position: groups[group].head)
    }
    touch(topic)
    return true
  }

  mutating func withdrawState(_ id: TopicID) {
    guard let topic = live(id), topics[topic].count > 0 else { return }
    precondition(!topics[topic].isEvents, "an event cannot be taken back")
    releaseVariants(topic, 0)
    let offset = topics[topic].cellOffset(of: 0, 0)
    arena.release(arena.load(topics[topic].ring, offset, as: Cell.self).slot)
    arena.store(Cell(), in: topics[topic].ring, at: offset)
    topics[topic].count = 0
  }

  /// Gives back all variants but the original.
  private mutating func releaseVariants(_ topic: UInt32, _ sequence: UInt64) {
    for variant in 1..<Int(topics[topic].variants) {
      let offset = topics[topic].cellOffset(of: sequence, variant)
      let cell = arena.load(topics[topic].ring, offset, as: Cell.self)
      if cell.slot != .none { arena.release(cell.slot) }
      if cell.length != 0 { arena.store(Cell(), in: topics[topic].ring, at: offset) }
    }
  }

  private func writeEmptyCells(_ topic: UInt32, _ sequence: UInt64) {
    for variant in 0..<Int(topics[topic].variants) {
      arena.store(
        Cell(), in: topics[topic].ring, at: topics[topic].cellOffset(of: sequence, variant))
    }
  }

  // MARK: Events

  /// The header of an entry that is in the ring.
  @inline(__always)
  func header(_ topic: Topic, _ sequence: UInt64) -> EntryHeader {
    arena.load(topic.ring, topic.offset(of: sequence), as: EntryHeader.self)
  }

  /// The topic's weight before entry `sequence`, which is in the ring or the next to come.
  @inline(__always)
  func weight(_ topic: Topic, before sequence: UInt64) -> UInt32 {
    sequence < topic.head ? header(topic, sequence).weightBefore : topic.weight
  }

  private mutating func slotForEvent(_ topic: UInt32, _ count: Int) -> Slot? {
    if let slot = arena.allocate(count) { return slot }
    for sequence in topics[topic].oldest..<topics[topic].head {
      let offset = topics[topic].cellOffset(of: sequence, 0)
      let cell = arena.load(topics[topic].ring, offset, as: Cell.self)
      guard arena.capacity(of: cell.slot) >= count else { continue }
      arena.store(Cell(), in: topics[topic].ring, at: offset)
      while topics[topic].oldest <= sequence {
        evictOldest(topic)
        counters.evictedForMemory += 1
      }
      return cell.slot
    }
    return nil
  }

  /// Adds an entry. False when not even a ring of one could be had: then the entry is counted in
  /// number and weight, as one that has already left the ring, and its bytes are given back.
  @discardableResult
  private mutating func append(
    _ topic: UInt32, _ kind: EntryKind, weight: UInt32, bytes cell: Cell?
  ) -> Bool {
    let fits = makeRoom(topic)
    let sequence = topics[topic].head
    let weightBefore = topics[topic].weight
    topics[topic].head += 1
    topics[topic].weight &+= weight
    var position: UInt64 = 0
    let group = topics[topic].group
    if group != noIndex {
      groups[group].head += 1
      position = groups[group].head
      appendToLog(
        group,
        LogEntry(
          topic: topic, isUnknown: kind == .unknownGap,
          sequence: UInt32(truncatingIfNeeded: sequence), topicWeight: weightBefore,
          groupWeight: groups[group].weight))
      groups[group].weight &+= weight
      details[topic].newestPosition = position
    }
    if fits {
      topics[topic].count += 1
      let header = EntryHeader(
        weightBefore: weightBefore, kind: kind.rawValue, position: position)
      arena.store(header, in: topics[topic].ring, at: topics[topic].offset(of: sequence))
      writeEmptyCells(topic, sequence)
      if let cell {
        arena.store(
          cell, in: topics[topic].ring, at: topics[topic].cellOffset(of: sequence, 0))
      }
    } else {
      if let cell { arena.release(cell.slot) }
      if weight > 0 { details[topic].evictedPosition = position }
      if kind == .unknownGap { details[topic].evictedUnknown = sequence + 1 }
    }
    touch(topic)
    return fits
  }

  /// Makes room for one entry, by growing the ring or by giving up its oldest.
  private mutating func makeRoom(_ topic: UInt32) -> Bool {
    let state = topics[topic]
    if state.count < state.capacity { return true }
    if state.capacity < details[topic].ringMax {
      let capacity = state.capacity == 0 ? min(4, details[topic].ringMax) : state.capacity * 2
      if let block = arena.allocate(Int(capacity) * state.entryBytes) {
        move(topic, to: block, capacity: capacity)
        return true
      }
      if state.capacity == 0 { return false }
      counters.evictedForMemory += 1
    }
    evictOldest(topic)
    return true
  }

  private mutating func move(_ topic: UInt32, to block: Slot, capacity: UInt32) {
    let old = topics[topic]
    topics[topic].ring = block
    topics[topic].capacity = capacity
    for sequence in old.oldest..<old.head {
      arena.copy(
        old.ring, at: old.offset(of: sequence), to: block,
        at: topics[topic].offset(of: sequence), count: old.entryBytes)
    }
    arena.release(old.ring)
  }

  /// Drops the oldest entry of a ring that has one (of a state: its value).
  mutating func evictOldest(_ topic: UInt32) {
    let state = topics[topic]
    let sequence = state.oldest
    if state.isEvents {
      let header = header(state, sequence)
      // A notice is not missed.
      if weight(state, before: sequence + 1) != header.weightBefore {
        details[topic].evictedPosition = header.position
      }
      if header.kind == EntryKind.unknownGap.rawValue {
        details[topic].evictedUnknown = sequence + 1
      }
    }
    releaseVariants(topic, sequence)
    let cell = arena.load(state.ring, state.cellOffset(of: sequence, 0), as: Cell.self)
    arena.release(cell.slot)
    topics[topic].count -= 1
  }

  // MARK: Touched

  @inline(__always)
  mutating func touch(_ topic: UInt32) {
    if !topics[topic].isTouched && topics[topic].subscribers.count > 0 {
      topics[topic].isTouched = true
      touched.append(topic)
    }
    let group = topics[topic].group
    if group != noIndex && !groups[group].isTouched && groups[group].subscribers.count > 0 {
      groups[group].isTouched = true
      touched.append(group | 0x8000_0000)
    }
  }
}
