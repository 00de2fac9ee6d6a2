// What comes from Redis: the feed's heartbeat and symbol list, acknowledged subscriptions, values
// and events; and what each of them changes for the clients.
import EventLoops
import FanOut
import Logging
import MarketData
package import RedisClient
import ServiceSupport

extension StreamLoop: RedisSubscriberDelegate {
  /// Tokens are dense: 0 is the heartbeat, a topic's is its index plus one.
  private static let heartbeatToken: UInt32 = 0

  func token(of topic: TopicID) -> UInt32 { topic.index + 1 }

  func subscribeToFeed() {
    var name = FeedKey.heartbeat.name(feed: configuration.feed)
    name.withUTF8 { name in
      _ = subscriber.subscribe(
        UnsafeRawBufferPointer(name).bytes, token: StreamLoop.heartbeatToken)
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
    for index in directory.indexes { _ = directory.update(index) { $0.linkLost() } }
  }

  package func redisAttemptFailed(_ reason: RedisLinkDown) { linkFailed(reason) }

  package func redisSubscribed(_ token: UInt32) {
    if token != StreamLoop.heartbeatToken { read(token - 1) }
  }

  package func redisMessage(_ token: UInt32, _ payload: RawSpan) {
    payload.withUnsafeBytes { payload in
      if token == StreamLoop.heartbeatToken {
        receiveHeartbeat(payload)
      } else {
        receive(payload, topic: token - 1)
      }
    }
  }

  /// Both come back by themselves; until then the topic's messages are lost, as with a lost link.
  package func redisRefused(_ token: UInt32, _ error: RedisServerError) {
    log.log(.warning, kind: "refused", "Redis refused a channel", metadata: ["error": "\(error)"])
    redisRevoked(token)
  }

  package func redisRevoked(_ token: UInt32) {
    guard token != StreamLoop.heartbeatToken else { return }
    _ = directory.update(token - 1) { $0.linkLost() }
  }

  func linkFailed(_ reason: RedisLinkDown) {
    guard reason != .closed else { return }  // our own
    readiness.fail(checkName, "redis: \(reason)")
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
    guard let verdict = directory.update(index, { $0.receive(header) }) else { return }
    carryOut(verdict, payload, topic: index, header)
  }

  /// `isAnswer`: to whoever joined, who is not to wait for it. The header is that of what came live.
  private func carryOut(
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
        distributor.offer(record.id, payload.bytes, isUrgent: isAnswer)
      }
    case .announceStale: announceStale(record, since: markerTime(payload))
    }
    if record.name.channel.key.carriesEvents {
      keepRingFromOverflowing(index)
    } else {
      askForFlush()
    }
  }

  /// A burst of one symbol's events that would leave the ring before the flush is due: clients who
  /// keep up get it at once, and gaps remain for those who do not.
  private func keepRingFromOverflowing(_ index: UInt32) {
    let flush = counters.flushes
    let offered = directory.update(index) { $0.offered(inFlush: flush) } ?? 0
    if offered >= configuration.fanOut.trades / 2 { flushNow() } else { askForFlush() }
  }

  private func malformed(_ index: UInt32, _ reason: String) {
    counters.malformed &+= 1
    let name = directory.record(index).map { String(decoding: key(of: $0.name), as: UTF8.self) }
    log.log(
      .warning, kind: "value", "malformed value from Redis",
      metadata: ["key": "\(name ?? "unknown")", "reason": "\(reason)"])
  }

  private func announceStale(_ record: TopicDirectory.Record, since: Timestamp) {
    counters.staleNotices &+= 1
    control.removeAll()
    ControlMessage.staleNotice(
      symbol: record.name.symbol, channel: record.name.channel, since: since, into: &control)
    control.withBytes { _ = distributor.offerNotice(record.id, $0) }
  }

  private func markerTime(_ marker: UnsafeRawBufferPointer) -> Timestamp {
    StaleMarker.since(marker) ?? Timestamp(nanoseconds: EventLoop.wallNanoseconds)
  }

  // MARK: - Joining

  /// Reads a topic's value; again when something happens meanwhile that makes it stale.
  func read(_ index: UInt32) {
    guard directory.update(index, { $0.subscribed() }) != nil else { return }
    joins.add(index)
    sendReads()
  }

  private func sendReads() {
    guard redis.isReady else { return }
    while let index = joins.next() {
      guard let record = directory.record(index), record.state.phase == .reading else {
        joins.answered()
        continue
      }
      let generation = record.state.generation
      redis.sendForView(
        Redis.Get(key(of: record.name)),
        { [weak self] result in
          self?.readAnswered(result, topic: record.id, generation: generation)
        })
    }
  }

  private func readAnswered(
    _ result: Result<RedisReplyView, RedisError>, topic: TopicID, generation: UInt32
  ) {
    joins.answered()
    defer { sendReads() }
    guard let record = directory.record(topic.index), record.id == topic else { return }
    switch result {
    case .success(let reply) where !reply.isNull:
      reply.withBytes { bytes in
        bytes.withUnsafeBytes { hasRead($0, record, generation: generation) }
      }
    case .success: hasRead(nil, record, generation: generation)
    // The key holds something that is no string: as good as no value.
    case .failure(.server(let error)):
      malformed(topic.index, "\(error)")
      hasRead(nil, record, generation: generation)
    // Asked anew when the link is ready again.
    case .failure: return
    }
    counters.joinReads &+= 1
  }

  private func hasRead(
    _ payload: UnsafeRawBufferPointer?, _ record: TopicDirectory.Record, generation: UInt32
  ) {
    var header: MessageHeader?
    if let payload {
      do {
        header = try checkedHeader(payload)
      } catch {
        malformed(record.id.index, "\(error)")
      }
    }
    let verdict = directory.update(record.id.index) {
      $0.read(header, generation: generation, feedIsLive: watch.isLive)
    }
    if let verdict, let payload, verdict != .drop {
      carryOut(verdict, payload, topic: record.id.index, isAnswer: true)
    }
    if let header, let payload, !header.isStaleMarker, resumes.isAwaited(record.id.index) {
      readForAwaiting(header, payload, record)
    }
    if header == nil { joinedWithoutValue(record) }
  }

  /// The header of a value that can be put into a frame as it is.
  func checkedHeader(
    _ payload: UnsafeRawBufferPointer
  ) throws(MarketDataError) -> MessageHeader {
    let header = try MessageHeader(scanning: payload)
    try WireJSON.check(payload)
    return header
  }

  /// A key that is not there means little: nothing has happened yet. But when the heartbeat names
  /// the symbol, its key was withdrawn, and late subscribers are to know.
  private func joinedWithoutValue(_ record: TopicDirectory.Record) {
    guard isNamedStale(record.name.symbol),
      directory.update(record.id.index, { $0.feedStopped() }) == true
    else { return }
    announceStale(record, since: Timestamp(nanoseconds: EventLoop.wallNanoseconds))
    askForFlush()
  }

  private func isNamedStale(_ symbol: SymbolName) -> Bool {
    watch.heartbeat?.stale == .all || staleSymbols.contains(symbol)
  }

  /// A topic may have been joined after its symbol's marker was published and before the heartbeat
  /// named the symbol.
  private func staleSymbolsChanged() {
    for index in directory.indexes {
      guard let record = directory.record(index), record.state.joinedWithoutValue else { continue }
      joinedWithoutValue(record)
    }
  }

  func redisReady() {
    // Reads that were under way when the link went are asked anew.
    for index in directory.indexes where directory.record(index)?.state.phase == .reading {
      read(index)
    }
    if symbolListWanted != nil { readSymbolList() }
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
    let staleBefore = watch.heartbeat?.stale
    let change = watch.receive(heartbeat, nowMilliseconds: loop.nowMilliseconds)
    if heartbeat.stale != staleBefore, case .symbols(let names) = heartbeat.stale {
      staleSymbols = Set(names.compactMap { SymbolName($0) })
    }
    if heartbeat.stale != staleBefore, heartbeat.stale != .symbols([]) { staleSymbolsChanged() }
    if redis.isReady { readiness.pass(checkName) }
    if heartbeat.symbolsVersion != symbolList.version {
      symbolListWanted = heartbeat.symbolsVersion
      readSymbolList()
    }
    feedChanged(change)
    // A paused feed that is taken event by event: each is shown, and is nobody's live price after it.
    if change == nil, watch.condition == .stale { announceAllStale() }
  }

  func checkFeed() {
    let change = watch.tick(nowMilliseconds: loop.nowMilliseconds)
    if change == .becameStale || watch.condition == .unknown {
      readiness.fail(checkName, "no heartbeat of feed \(configuration.feed)")
    }
    feedChanged(change)
  }

  private func feedChanged(_ change: FeedWatch.Change?) {
    switch change {
    case nil: return
    case .becameStale:
      let silence = loop.nowMilliseconds &- watch.heardMilliseconds
      log.log(
        .warning, kind: "stale", "the feed is stale",
        metadata: [
          "feed": "\(configuration.feed)",
          "silent_ms": "\(silence)", "state": "\(watch.heartbeat?.state.rawValue ?? "unknown")",
        ])
      announceAllStale()
    case .becameLive:
      log.log(
        .notice, kind: "live", "the feed is live again",
        metadata: ["feed": "\(configuration.feed)"])
      // A quiet symbol's value has not changed: it is read again, and clears the notice.
      for index in directory.indexes {
        guard let state = directory.record(index)?.state else { continue }
        if state.isStale, state.phase == .joined { read(index) }
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
    guard record.name.isCarried, !watch.isLive,
      directory.update(record.id.index, { $0.feedStopped() }) == true
    else { return }
    announceStale(record, since: lastSign)
  }

  /// The wall time of the feed's last heartbeat: the `since` of stale notices.
  var lastSign: Timestamp {
    let silence = loop.nowMilliseconds &- watch.heardMilliseconds
    return Timestamp(nanoseconds: EventLoop.wallNanoseconds - Int64(silence) * 1_000_000)
  }

  // MARK: - The symbol list

  private func readSymbolList() {
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
