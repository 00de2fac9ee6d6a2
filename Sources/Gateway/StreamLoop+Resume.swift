// `since`: a client that comes back says what it saw last of a symbol, and is sent what came after it
// as far as the topic's ring goes back; where it does not, one gap. Its order is (E, N), of whatever
// channel: an event follows what the client saw when its predecessor P is not newer than that.
//
// The client may be ahead of this gateway, or the first to ask for the topic. Then nothing can be said
// yet: it waits (ResumeTable) for the topic's next event, which names its predecessor, or for the
// value that is read at the join. What it has already is not sent to it again.
import FanOut
import MarketData
import WebTransport

extension StreamLoop {
  /// Places a new subscription to events behind what its client saw last. True when it is owed
  /// nothing of the ring.
  func resume(
    _ client: ClientHandle, _ topic: TopicID, after sequence: SequenceNumber
  ) -> Bool {
    var first: (entry: UInt64, header: MessageHeader)?
    var newest: SequenceNumber?
    var isReached = false
    var gapBetween = false
    distributor.forEachEntryBackwards(of: topic) { entry, bytes in
      guard let bytes else {
        gapBetween = true
        return true
      }
      // A stale notice has no number.
      guard let header = StreamLoop.eventHeader(bytes) else { return true }
      newest = newest ?? header.sequence
      isReached = header.sequence <= sequence
      guard !isReached else { return false }
      first = (entry, header)
      gapBetween = false
      return true
    }
    if let first {
      let isComplete =
        first.header.previous.map { $0 <= sequence } ?? (isReached && !gapBetween)
      distributor.rewind(client, topic, to: first.entry, afterLoss: !isComplete)
      return false
    }
    if newest == sequence { return true }
    resumes.add(client, topic.index, after: sequence)
    if newest == nil, directory.record(topic.index)?.state.phase == .joined { read(topic.index) }
    return true
  }

  /// Of what lies in a ring; nil for a stale notice.
  static func eventHeader(_ bytes: RawSpan) -> MessageHeader? {
    do {
      let header = try MessageHeader(scanning: bytes)
      return header.isStaleMarker ? nil : header
    } catch {
      return nil
    }
  }

  // MARK: - What waits is decided

  /// An event for whose topic clients wait.
  func offerToAwaiting(
    _ header: MessageHeader, _ payload: UnsafeRawBufferPointer, _ record: TopicDirectory.Record,
    afterGap: Bool
  ) {
    let waiting = resumes.take(record.id.index)
    if afterGap { distributor.offerGap(record.id, missed: nil) }
    for (client, sequence) in waiting {
      if header.sequence <= sequence || header.previous.map({ $0 <= sequence }) ?? false {
        // What was lost on the way here, it has.
        if afterGap { distributor.skip(client, record.id) }
      } else if !afterGap {
        distributor.tellLoss(client, record.id)
      }
    }
    distributor.offer(record.id, payload.bytes)
    for (client, sequence) in waiting {
      if header.sequence > sequence {
        distributor.release(client, record.id)
      } else if distributor.skip(client, record.id) {
        resumes.add(client, record.id.index, after: sequence)
      }
    }
  }

  /// The value that was read at a join: the newest event, which may or may not come live as well.
  func readForAwaiting(
    _ header: MessageHeader, _ payload: UnsafeRawBufferPointer, _ record: TopicDirectory.Record
  ) {
    for (client, sequence) in resumes.take(record.id.index) {
      guard header.sequence > sequence else {
        resumes.add(client, record.id.index, after: sequence)
        continue
      }
      let isOnlyOne = header.previous.map { $0 <= sequence } ?? false
      if isOnlyOne, let id = sessions.connection(of: client), sayEvent(id, payload) {
        resumes.add(client, record.id.index, after: header.sequence)
      } else {
        distributor.tellLoss(client, record.id)
        distributor.release(client, record.id)
      }
    }
    askForFlush()
  }

  /// One event to one client, before any that is to come. False: it was not sent, for a frame is still
  /// leaving or the event cannot be put into the client's encoding.
  func sayEvent(
    _ id: ConnectionID, _ payload: UnsafeRawBufferPointer, isSnapshot: Bool = false
  ) -> Bool {
    guard let session = sessions[id], session.stage == .authenticated, session.blockedAt == 0
    else { return false }
    guard let event = ControlMessage.event(payload, isSnapshot: isSnapshot, session.encoding) else {
      return false
    }
    say(id) { ControlMessage.events([event], $0, into: &$1) }
    return true
  }

  // MARK: - Behind a wildcard

  /// Places what a wildcard to come is to deliver: a subscription by name for each symbol, which goes
  /// into hiding when the wildcard is there. Gives those, and which of them are owed nothing.
  func resumeAll(
    _ session: StreamSession, _ channel: StreamChannel,
    _ since: [SymbolName: SequenceNumber]
  ) -> (placed: [TopicID], owed: Set<TopicID>) {
    var placed: [TopicID] = []
    var owed: Set<TopicID> = []
    for (symbol, sequence) in since where symbol.assetClass == session.path {
      let name = TopicDirectory.Name(symbol: symbol, channel: channel, path: session.path)
      guard let topic = directory.find(name), let record = directory.record(topic.index),
        record.isGrouped
      else {
        resumes.addUnlisted(session.client, name, after: sequence)
        continue
      }
      guard !distributor.isSubscribed(session.client, to: topic),
        distributor.subscribe(session.client, to: topic) == .added
      else { continue }
      placed.append(topic)
      if !resume(session.client, topic, after: sequence) { owed.insert(topic) }
    }
    return (placed, owed)
  }

  func hideResumed(_ client: ClientHandle, _ topics: [TopicID]) {
    for topic in topics {
      distributor.hide(client, topic, isKept: resumes.isWaiting(client, for: topic.index))
    }
  }

  /// A topic that now belongs to a wildcard's group; `join` puts it there.
  func resumeListed(_ record: TopicDirectory.Record, _ group: GroupID, join: () -> Void) {
    let waiting = resumes.takeUnlisted(record.name)
    var placed: [ClientHandle] = []
    for (client, sequence) in waiting where distributor.holdsWildcard(client, of: group) {
      guard !distributor.isSubscribed(client, to: record.id),
        distributor.subscribe(client, to: record.id) == .added
      else { continue }
      placed.append(client)
      _ = resume(client, record.id, after: sequence)
    }
    join()
    for client in placed { hideResumed(client, [record.id]) }
  }
}
