// Joining a topic: its channel is acknowledged, then its key is read once.
import EventLoops
import FanOut
import MarketData
import RedisClient

extension StreamLoop {
  /// Reads a topic's value; again when something happens meanwhile that makes it stale.
  func read(_ index: UInt32) {
    let now = loop.nowMilliseconds
    guard directory.update(index, { $0.subscribed(nowMilliseconds: now) }) != nil else { return }
    mayBeUnjoined = true
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
    // A former run's key may still be there for the rest of its TTL.
    if let read = header, read.sequence.epoch < watch.run { header = nil }
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

  func isNamedStale(_ symbol: SymbolName) -> Bool {
    watch.heartbeat?.stale == .all || staleSymbols.contains(symbol)
  }

  /// A topic may have been joined after its symbol's marker was published and before the heartbeat
  /// named the symbol.
  func staleSymbolsChanged() {
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
}
