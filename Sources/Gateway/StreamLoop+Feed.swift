// What comes from Redis: the feed's heartbeat and symbol list, acknowledged subscriptions, values
// and events; and what each of them changes for the clients.
import EventLoops
import FanOut
import Logging
import MarketData
package import RedisClient
import ServiceSupport

extension StreamLoop: RedisSubscriberDelegate {
  /// Tokens are dense: the heartbeat, our own probe, then a topic's is its index plus two.
  private static let heartbeatToken: UInt32 = 0
  private static let probeToken: UInt32 = 1
  private static let topicTokensFrom: UInt32 = 2

  func token(of topic: TopicID) -> UInt32 { topic.index + StreamLoop.topicTokensFrom }

  func subscribeToFeed() {
    var name = FeedKey.heartbeat.name(feed: configuration.feed)
    name.withUTF8 { name in
      _ = subscriber.subscribe(
        UnsafeRawBufferPointer(name).bytes, token: StreamLoop.heartbeatToken)
    }
    probeChannel.withUnsafeBytes { name in
      _ = subscriber.subscribe(name.bytes, token: StreamLoop.probeToken)
    }
  }

  /// Asks Redis for a topic's messages. A name that no message can come for is not asked for.
  func carry(_ record: TopicDirectory.Record) {
    guard record.name.isCarried else { return }
    key(of: record.name).withUnsafeBytes { key in
      _ = subscriber.subscribe(key.bytes, token: token(of: record.id))
    }
  }

  func key(of name: TopicDirectory.Name) -> [UInt8] {
    var key = ByteWriter(capacity: 64)
    name.symbol.withBytes { name.channel.key.append(symbol: $0.bytes, to: &key) }
    return key.withUnsafeBytes { Array($0) }
  }

  // MARK: - The subscriber's link

  package func redisLinkUp() {}

  package func redisLinkDown(_ reason: RedisLinkDown) {
    linkFailed(reason)
    // The link was silent for a while before it was found dead; the last heartbeat was its last sign.
    let heard = watch.heardMilliseconds
    for index in directory.indexes {
      _ = directory.update(index) { $0.linkLost(sinceMilliseconds: heard) }
    }
    mayBeUnjoined = true
  }

  package func redisAttemptFailed(_ reason: RedisLinkDown) { linkFailed(reason) }

  package func redisSubscribed(_ token: UInt32) {
    if token >= StreamLoop.topicTokensFrom { read(token - StreamLoop.topicTokensFrom) }
  }

  package func redisMessage(_ token: UInt32, _ payload: RawSpan) {
    payload.withUnsafeBytes { payload in
      switch token {
      case StreamLoop.heartbeatToken: receiveHeartbeat(payload)
      case StreamLoop.probeToken: receiveProbe(payload)
      default: receive(payload, topic: token - StreamLoop.topicTokensFrom)
      }
    }
  }

  /// Both come back by themselves; until then the topic's messages are lost, as with a lost link.
  package func redisRefused(_ token: UInt32, _ error: RedisServerError) {
    log.log(.warning, kind: "refused", "Redis refused a channel", metadata: ["error": "\(error)"])
    redisRevoked(token)
  }

  package func redisRevoked(_ token: UInt32) {
    guard token >= StreamLoop.topicTokensFrom else { return }
    let now = loop.nowMilliseconds
    _ = directory.update(token - StreamLoop.topicTokensFrom) {
      $0.linkLost(sinceMilliseconds: now)
    }
    mayBeUnjoined = true
  }

  func linkFailed(_ reason: RedisLinkDown) {
    guard reason != .closed else { return }  // our own
    judgeReadiness()
    log.log(
      .warning, kind: "link", "no link to Redis", metadata: ["reason": "\(reason)"])
  }

  // MARK: - Messages

  private func receive(_ payload: UnsafeRawBufferPointer, topic index: UInt32) {
    counters.messages &+= 1
    let header: MessageHeader
    do {
      header = try checkedHeader(payload)
    } catch {
      return malformed(index, "\(error)")
    }
    guard vouches(for: header, topic: index) else {
      counters.unvouched &+= 1
      return
    }
    let now = loop.nowMilliseconds
    let verdict = directory.update(index) { $0.receive(header, nowMilliseconds: now) }
    guard let verdict else { return }
    carryOut(verdict, payload, topic: index, header)
  }

  /// Whether a message is to be passed on. Not what a former run writes, and no state while nobody is
  /// heard who vouches for it: it may have waited in a Redis that stood still. The newest is read when
  /// the feed lives again. An event is not kept back, for it would be lost, but marked.
  private func vouches(for header: MessageHeader, topic index: UInt32) -> Bool {
    guard header.sequence.epoch >= watch.run else { return false }
    let now = loop.nowMilliseconds
    guard !watch.isHeard(nowMilliseconds: now), !header.isStaleMarker else { return true }
    feedChanged(watch.tick(nowMilliseconds: now))
    return directory.record(index)?.name.channel.key.carriesEvents ?? false
  }

  /// `isAnswer`: to whoever joined, who is not to wait for it. The header is that of what came live.
  func carryOut(
    _ verdict: TopicState.Verdict, _ payload: UnsafeRawBufferPointer, topic index: UInt32,
    _ header: MessageHeader? = nil, isAnswer: Bool = false
  ) {
    guard let record = directory.record(index) else { return }
    switch verdict {
    case .drop:
      counters.dropped &+= 1
      return
    case .deliver, .deliverAfterGap:
      let afterGap = verdict == .deliverAfterGap
      if afterGap { counters.gaps &+= 1 }
      if let header, resumes.isAwaited(index) {
        offerToAwaiting(header, payload, record, afterGap: afterGap)
      } else {
        if afterGap { distributor.offerGap(record.id, missed: nil) }
        offer(record, payload, isUrgent: isAnswer)
      }
    case .announceStale: announceStale(record, since: markerTime(payload))
    case .withdrawNotice: return  // only what is verified gives it
    }
    if record.name.channel.key.carriesEvents {
      if watch.isStale { eventsUnvouched.append(index) }
      keepRingFromOverflowing(index)
    } else {
      askForFlush()
    }
  }

  private func offer(
    _ record: TopicDirectory.Record, _ payload: UnsafeRawBufferPointer, isUrgent: Bool
  ) {
    guard distributor.offer(record.id, payload.bytes, isUrgent: isUrgent) != .accepted,
      !record.name.channel.key.carriesEvents
    else { return }
    // No room for it: what is shown is not the newest. It is read again until there is.
    callStale(record)
  }

  /// A burst of one symbol's events that would leave the ring before the flush is due: clients who
  /// keep up get it at once, and gaps remain for those who do not.
  private func keepRingFromOverflowing(_ index: UInt32) {
    let flush = counters.flushes
    let offered = directory.update(index) { $0.offered(inFlush: flush) } ?? 0
    if offered >= configuration.fanOut.trades / 2 { flushNow() } else { askForFlush() }
  }

  func malformed(_ index: UInt32, _ reason: String) {
    counters.malformed &+= 1
    let name = directory.record(index).map { String(decoding: key(of: $0.name), as: UTF8.self) }
    log.log(
      .warning, kind: "value", "malformed value from Redis",
      metadata: ["key": "\(name ?? "unknown")", "reason": "\(reason)"])
  }

  func announceStale(_ record: TopicDirectory.Record, since: Timestamp) {
    counters.staleNotices &+= 1
    control.removeAll()
    ControlMessage.staleNotice(
      symbol: record.name.symbol, channel: record.name.channel, since: since, into: &control)
    control.withBytes { _ = distributor.offerNotice(record.id, $0) }
  }

  private func markerTime(_ marker: UnsafeRawBufferPointer) -> Timestamp {
    StaleMarker.since(marker) ?? Timestamp(nanoseconds: EventLoop.wallNanoseconds)
  }

  // MARK: - The feed as a whole

  private func receiveHeartbeat(_ payload: UnsafeRawBufferPointer) {
    let heartbeat: FeedHeartbeat
    do {
      heartbeat = try FeedHeartbeat(parsing: payload)
    } catch {
      counters.malformed &+= 1
      log.log(
        .warning, kind: "heartbeat", "malformed heartbeat", metadata: ["reason": "\(error)"])
      return
    }
    // Before the feed may be live again: what comes then stands behind the notice.
    markUnvouchedEvents()
    let staleBefore = watch.heartbeat?.stale
    let change = watch.receive(
      heartbeat, nowMilliseconds: loop.nowMilliseconds, isPrompt: probe.isPrompt)
    if heartbeat.stale != staleBefore, case .symbols(let names) = heartbeat.stale {
      staleSymbols = Set(names.compactMap { SymbolName($0) })
    }
    if heartbeat.stale != staleBefore, heartbeat.stale != .symbols([]) { staleSymbolsChanged() }
    if heartbeat.symbolsVersion != symbolList.version {
      symbolListWanted = heartbeat.symbolsVersion
      readSymbolList()
    }
    feedChanged(change)
    if change != nil || readinessFault != nil { judgeReadiness() }
    // A paused feed that is taken event by event: each is shown, and is nobody's live price after it.
    if change == nil, watch.isStale { announceAllStale() }
  }

  func checkFeed() {
    let now = loop.nowMilliseconds
    feedChanged(watch.tick(nowMilliseconds: now))
    checkTopics()
    sendProbe()
    judgeReadiness()
  }

  func feedChanged(_ change: FeedWatch.Change?) {
    switch change {
    case nil: return
    case .becameStale:
      let silence = watch.silence(nowMilliseconds: loop.nowMilliseconds)
      log.log(
        .warning, kind: "stale", "the feed is stale",
        metadata: [
          "feed": "\(configuration.feed)",
          "silent_ms": "\(silence)", "state": "\(watch.heartbeat?.state.rawValue ?? "unknown")",
        ])
      announceAllStale()
    case .becameLive:
      log.log(
        .notice, kind: "live", "the feed is live", metadata: ["feed": "\(configuration.feed)"])
      // A quiet symbol's value has not changed: it is read again, and clears the notice.
      for index in directory.indexes {
        guard let state = directory.record(index)?.state, state.phase == .joined else { continue }
        if state.isStale || state.hasNothing { read(index) }
      }
    }
  }

  /// On every topic that has not been told.
  private func announceAllStale() {
    var isNews = false
    for index in directory.indexes {
      guard let record = directory.record(index), record.name.isCarried,
        directory.update(index, { $0.feedStopped() }) == true
      else { continue }
      announceStale(record, since: lastSign)
      isNews = true
    }
    if isNews { askForFlush() }
  }

  /// A topic that is made while the feed is down tells so, instead of a value.
  func announceIfStale(_ record: TopicDirectory.Record) {
    guard record.name.isCarried, watch.isStale,
      directory.update(record.id.index, { $0.feedStopped() }) == true
    else { return }
    announceStale(record, since: lastSign)
  }

  /// The wall time of the feed's last heartbeat: the `since` of stale notices.
  var lastSign: Timestamp {
    let silence = watch.silence(nowMilliseconds: loop.nowMilliseconds)
    return Timestamp(nanoseconds: EventLoop.wallNanoseconds - Int64(silence) * 1_000_000)
  }

  // MARK: - The symbol list

  func readSymbolList() {
    guard let wanted = symbolListWanted, redis.isReady else { return }
    symbolListWanted = nil
    let key = FeedKey.symbols.name(feed: configuration.feed)
    redis.sendForView(
      Redis.Get(key),
      { [weak self] result in
        self?.symbolListAnswered(result, wanted: wanted)
      })
  }

  private func symbolListAnswered(
    _ result: Result<RedisReplyView, RedisError>, wanted: UInt64
  ) {
    guard case .success(let reply) = result, !reply.isNull else {
      symbolListWanted = wanted  // asked for again with the next heartbeat
      return
    }
    reply.withBytes { bytes in
      bytes.withUnsafeBytes { bytes in
        do throws(JSONError) {
          symbolList = try FeedSymbolList(parsing: bytes)
        } catch {
          counters.malformed &+= 1
          log.log(
            .warning, kind: "symbols", "malformed symbol list", metadata: ["reason": "\(error)"])
        }
      }
    }
    symbolsListed()
    for (group, id) in groups where distributor.wildcardCount(of: id) > 0 {
      carryAll(of: group)
    }
    askForFlush()
  }
}

/// The `since` of a stale marker as the ingester writes it.
enum StaleMarker {
  static func since(_ marker: UnsafeRawBufferPointer) -> Timestamp? {
    var reader = JSONReader(marker)
    do throws(JSONError) {
      try reader.beginObject()
      while let key = try reader.nextKey() {
        if key.equals("since") { return Timestamp(parsing: try reader.string().raw) }
        try reader.skipValue()
      }
    } catch {
      return nil
    }
    return nil
  }
}
