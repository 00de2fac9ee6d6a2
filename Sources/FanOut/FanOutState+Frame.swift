// From a client's queue to one frame. A record is served until it is owed nothing more or the frame
// is full; a record that was not finished stays first, its cursor after the last message sent.
//
// Gaps: `debt` collects what a cursor passes over. It is only taken on while a gap message still fits
// into the frame, and it is written before the next message or at the end of the walk, in the same
// call; so a cursor never moves past a loss that was not told.

enum AppendResult {
  case appended
  /// No room: the message waits for the next frame.
  case full
  /// The variant cannot be made from it.
  case failed
}

extension FanOutState {
  /// The next frame of a client, or nil when it is owed nothing, is blocked or gone. `bytesMax` is
  /// the bound of the last one in this turn (0: there was none) and becomes that of this one.
  mutating func nextFrame<Deriver: VariantDeriver>(
    _ handle: ClientHandle, bytesMax: inout Int, _ deriver: Deriver
  ) -> (payload: UnsafeMutableRawBufferPointer, encoding: ClientEncoding)? {
    guard let client = live(handle), !clients[client].isBlocked else { return nil }
    // A frame for a whole interval is not cut into small ones.
    let first = clients[client].isHeld ? limits.frameBytesHardMax : limits.frameBytesMax
    bytesMax = bytesMax == 0 ? first : min(bytesMax * 2, limits.frameBytesHardMax)
    guard let payload = fillFrame(client, bytesMax: bytesMax, deriver) else { return nil }
    return (payload, clients[client].encoding)
  }

  private mutating func fillFrame<Deriver: VariantDeriver>(
    _ client: UInt32, bytesMax: Int, _ deriver: Deriver
  ) -> UnsafeMutableRawBufferPointer? {
    let encoding = clients[client].encoding
    frame.begin(encoding, bytesMax: bytesMax)
    while let number = firstDirty(client) {
      let record = records[number]
      let isFinished: Bool
      if record.isDead {
        isFinished = true
      } else if record.isWildcard {
        isFinished =
          groups[record.target].isEvents
          ? serveEventGroup(number, encoding, deriver) : serveStateGroup(number, encoding, deriver)
      } else if topics[record.target].isEvents {
        isFinished = serveEvents(number, encoding, deriver)
      } else {
        isFinished = serveState(number, encoding, deriver)
      }
      if !isFinished { break }
      popDirty(client, number)
      if record.isHidden && !record.isDead && !isNeededByWildcard(number) { removeRecord(number) }
    }
    let messages = UInt64(frame.messages)
    guard messages > 0 else { return nil }
    let payload = frame.finish()
    clients[client].frames &+= 1
    clients[client].messages &+= messages
    clients[client].bytes &+= UInt64(payload.count)
    counters.frames += 1
    counters.messages += messages
    counters.bytes += UInt64(payload.count)
    return payload
  }

  mutating func countConflated(_ client: UInt32, _ count: UInt64) {
    clients[client].conflated &+= UInt32(truncatingIfNeeded: count)
    counters.conflated &+= count
  }

  /// The cell of the variant that a subscription gets.
  @inline(__always)
  static func variant(_ variants: UInt8, _ encoding: ClientEncoding, _ depth: BookDepth)
    -> MessageVariant
  {
    MessageVariant(encoding: encoding, depth: variants > 2 ? depth : .full)
  }

  @inline(__always)
  mutating func append<Deriver: VariantDeriver>(
    _ topic: Topic, _ sequence: UInt64, _ variant: MessageVariant, _ deriver: Deriver
  ) -> AppendResult {
    let offset = topic.cellOffset(of: sequence, Int(variant.rawValue))
    let cell = arena.load(topic.ring, offset, as: Cell.self)
    guard cell.slot != .none else {
      return appendDerived(topic, sequence, variant, cell, deriver)
    }
    guard frame.fits(Int(cell.length)) else { return .full }
    frame.append(cell.slot, count: Int(cell.length), from: arena)
    return .appended
  }

  @inline(never)
  private mutating func appendDerived<Deriver: VariantDeriver>(
    _ topic: Topic, _ sequence: UInt64, _ variant: MessageVariant, _ cell: Cell,
    _ deriver: Deriver
  ) -> AppendResult {
    if cell.length == Cell.failed { return .failed }
    let offset = topic.cellOffset(of: sequence, Int(variant.rawValue))
    let original = arena.load(topic.ring, topic.cellOffset(of: sequence, 0), as: Cell.self)
    counters.derivations += 1
    guard
      let count = frame.derive(
        variant, of: original.slot, count: Int(original.length), in: arena, with: deriver)
    else {
      counters.derivationFailures += 1
      arena.store(Cell(slot: .none, length: Cell.failed), in: topic.ring, at: offset)
      return .failed
    }
    // A full arena only costs a second derivation for the next client.
    if let slot = arena.allocate(count) {
      frame.storeScratch(count, in: slot, of: arena)
      arena.store(Cell(slot: slot, length: UInt32(count)), in: topic.ring, at: offset)
    }
    guard frame.fits(count) else { return .full }
    frame.appendScratch(count)
    return .appended
  }

  @inline(__always)
  private mutating func serveState<Deriver: VariantDeriver>(
    _ number: UInt32, _ encoding: ClientEncoding, _ deriver: Deriver
  ) -> Bool {
    let record = records[number]
    let topic = topics[record.target]
    guard topic.count > 0, record.cursor != topic.head else { return true }
    let variant = Self.variant(topic.variants, encoding, record.depth)
    if append(topic, topic.head - 1, variant, deriver) == .full { return false }
    records[number].cursor = topic.head
    let passedOver = topic.head - record.cursor - 1
    if passedOver > 0 { countConflated(record.client, passedOver) }
    return true
  }

  /// Writes what is owed. The room was seen to when the debt was taken on.
  mutating func settle(_ debt: inout GapDebt, _ client: UInt32, group: UInt32) {
    if debt.isEmpty { return }
    let label = debt.isMixed ? groups[group].label : details[debt.topic].label
    frame.appendGap(GapText(debt, label: label, encoding: clients[client].encoding))
    counters.gaps += 1
    countConflated(client, debt.missed)
    debt = GapDebt()
  }

  /// Moves an event cursor that fell off its ring to the oldest entry; what it passed over.
  private func lostFromRing(
    _ record: Subscription, _ topic: Topic, _ next: inout UInt64, _ before: inout UInt32,
    upTo stopWeight: UInt32
  ) -> GapDebt {
    var debt = GapDebt()
    guard next < topic.oldest else {
      debt.add(0, isUnknown: true, topic: record.target)
      return debt
    }
    let oldestWeight = weight(topic, before: topic.oldest)
    let lost = min(oldestWeight &- before, stopWeight &- before)
    // An unknown gap weighs 1: where nothing was lost before the wildcard's start, it came after it.
    let isUnknown = lost > 0 && details[record.target].evictedUnknown > next
    debt.add(lost, isUnknown: isUnknown || record.owesUnknown, topic: record.target)
    next = topic.oldest
    before = oldestWeight
    return debt
  }

  private mutating func serveEvents<Deriver: VariantDeriver>(
    _ number: UInt32, _ encoding: ClientEncoding, _ deriver: Deriver
  ) -> Bool {
    let record = records[number]
    let target = record.target
    let topic = topics[target]
    var cursor = EventCursor(record.cursor)
    var next = cursor.number(before: topic.head)
    // A passive record delivers up to the wildcard's start.
    var stop = UInt64.max
    var stopWeight = topic.weight
    if record.isPassive {
      let wildcard = wildcardRecord(record.client, target)
      stop = nextPosition(records[wildcard], groups[topic.group])
      stopWeight = record.place
    }
    let variant = MessageVariant(encoding: encoding, depth: .full)
    var debt = GapDebt()
    var isFinished = true
    let fellOff = next < topic.oldest
    if record.owesUnknown || fellOff {
      guard frame.fits(FanOutLimits.gapBytesMax) else { return false }
      debt = lostFromRing(record, topic, &next, &cursor.weight, upTo: stopWeight)
    }
    while next < topic.head {
      let entry = header(topic, next)
      if entry.position >= stop { break }
      let after = weight(topic, before: next + 1)
      if entry.kind >= EntryKind.gap.rawValue {
        guard !debt.isEmpty || frame.fits(FanOutLimits.gapBytesMax) else {
          isFinished = false
          break
        }
        let isUnknown = entry.kind == EntryKind.unknownGap.rawValue
        debt.add(after &- entry.weightBefore, isUnknown: isUnknown, topic: target)
      } else {
        settle(&debt, record.client, group: topic.group)
        let result = append(topic, next, variant, deriver)
        if result == .full
          || result == .failed && !frame.fits(FanOutLimits.gapBytesMax)
        {
          isFinished = false
          break
        }
        if result == .failed {
          debt.add(after &- entry.weightBefore, isUnknown: false, topic: target)
        }
      }
      next += 1
      cursor.weight = after
    }
    settle(&debt, record.client, group: topic.group)
    cursor.number = UInt32(truncatingIfNeeded: next)
    records[number].cursor = cursor.packed
    records[number].owesUnknown = false
    if isFinished && record.isPassive {
      placePassive(number, at: stop, having: fellOff ? nil : cursor)
    }
    return isFinished
  }
}
