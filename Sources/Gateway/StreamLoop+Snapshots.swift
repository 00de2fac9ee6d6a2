// `snapshot`: the newest event of each topic newly subscribed to, marked `"snapshot":true`. From the
// topic's ring where it has one, else from the key, by a read that is bounded for the loop. It comes
// before any event newer than it, or not at all: once a live one has come the client needs none.
import FanOut
import MarketData
import RedisClient
import WebTransport

/// Whose newest event a client is still to be told.
struct OwedSnapshot {
  let topic: TopicID
  /// The topic's newest event when the client subscribed.
  let newest: SequenceNumber
}

/// Reads of keys for snapshots that are under way, and the clients that wait for room.
struct SnapshotReads {
  var underWay = 0
  private var clients: [ConnectionID] = []
  private var head = 0

  mutating func wait(_ id: ConnectionID) { clients.append(id) }

  mutating func next() -> ConnectionID? {
    guard head < clients.count else {
      clients.removeAll(keepingCapacity: true)
      head = 0
      return nil
    }
    defer { head += 1 }
    return clients[head]
  }
}

extension StreamLoop {
  func owedSnapshot(_ topic: TopicID) -> OwedSnapshot? {
    guard let record = directory.record(topic.index), record.name.isCarried,
      record.name.channel.key.carriesEvents
    else { return nil }
    return OwedSnapshot(topic: topic, newest: record.state.last)
  }

  /// Tells what is owed, some in a frame; the rest when that has left, or when there is room for reads.
  func tellOwedSnapshots(_ id: ConnectionID) {
    while let session = sessions[id], session.stage == .authenticated, session.blockedAt == 0,
      session.snapshotsTold < session.owedSnapshots.count
    {
      var events: [[UInt8]] = []
      var bytes = 0
      var at = session.snapshotsTold
      var isWaiting = false
      while at < session.owedSnapshots.count, events.count < GatewayLimits.noticesPerFrameMax,
        bytes < GatewayLimits.snapshotFrameBytes
      {
        let owed = session.owedSnapshots[at]
        if isWanted(owed) {
          if let event = newestEvent(owed.topic, session.encoding) {
            events.append(event)
            bytes += event.count
          } else {
            guard snapshotReads.underWay < GatewayLimits.snapshotReadsMax else {
              isWaiting = true
              break
            }
            read(owed, for: id)
          }
        }
        at += 1
      }
      sessions.update(id) {
        $0.snapshotsTold = at
        if at == $0.owedSnapshots.count { ($0.snapshotsTold, $0.owedSnapshots) = (0, []) }
      }
      if !events.isEmpty { say(id) { ControlMessage.events(events, $0, into: &$1) } }
      if isWaiting { return snapshotReads.wait(id) }
    }
  }

  /// Neither stale nor overtaken by an event that came live.
  private func isWanted(_ owed: OwedSnapshot) -> Bool {
    guard let record = directory.record(owed.topic.index), record.id == owed.topic else {
      return false
    }
    return !record.state.isStale && record.state.last == owed.newest
  }

  private func newestEvent(_ topic: TopicID, _ encoding: ClientEncoding) -> [UInt8]? {
    var event: [UInt8]?
    distributor.forEachEntryBackwards(of: topic) { _, bytes in
      guard let bytes, StreamLoop.eventHeader(bytes) != nil else { return true }
      event = bytes.withUnsafeBytes { ControlMessage.event($0, isSnapshot: true, encoding) }
      return false
    }
    return event
  }

  private func read(_ owed: OwedSnapshot, for id: ConnectionID) {
    guard let record = directory.record(owed.topic.index), redis.isReady else { return }
    snapshotReads.underWay += 1
    redis.sendForView(
      Redis.Get(key(of: record.name)),
      { [weak self] in self?.snapshotAnswered($0, owed, id) })
  }

  private func snapshotAnswered(
    _ result: Result<RedisReplyView, RedisError>, _ owed: OwedSnapshot, _ id: ConnectionID
  ) {
    snapshotReads.underWay -= 1
    if case .success(let reply) = result, !reply.isNull, isWanted(owed), let session = sessions[id],
      isHeld(owed.topic, by: session)
    {
      if session.blockedAt != 0 {
        // Read again when what is under way has left.
        sessions.update(id) { $0.owedSnapshots.append(owed) }
      } else {
        reply.withBytes { bytes in
          bytes.withUnsafeBytes { value in
            if isEvent(value) { _ = sayEvent(id, value, isSnapshot: true) }
          }
        }
      }
    }
    while snapshotReads.underWay < GatewayLimits.snapshotReadsMax,
      let waiting = snapshotReads.next()
    {
      tellOwedSnapshots(waiting)
    }
  }

  private func isHeld(_ topic: TopicID, by session: StreamSession) -> Bool {
    if distributor.isSubscribed(session.client, to: topic) { return true }
    guard let name = directory.record(topic.index)?.name,
      let group = groups[StreamGroup(path: name.path, channel: name.channel)]
    else { return false }
    return session.stage == .authenticated && distributor.holdsWildcard(session.client, of: group)
  }

  private func isEvent(_ value: UnsafeRawBufferPointer) -> Bool {
    do {
      return try !checkedHeader(value).isStaleMarker
    } catch {
      return false
    }
  }
}
