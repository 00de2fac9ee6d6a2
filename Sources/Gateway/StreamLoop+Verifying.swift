// What is shown and may not be vouched for any more, topic by topic: one that is not joined again in
// time, one whose writer's run has ended, one whose newest value was lost on its channel or whose key is
// gone. Looked at a few times a second, at a bounded cost.
import EventLoops
import FanOut
import Logging
import MarketData
import RedisClient
import ServiceSupport

extension StreamLoop {
  func checkTopics() {
    let now = loop.nowMilliseconds
    if watch.earlierRunEnds(nowMilliseconds: now) { endEarlierRuns() }
    callOverdueTopicsStale(now)
    if watch.isLive { verifySlice(now) }
  }

  /// Tells a topic's subscribers, if they have not been told.
  func callStale(_ record: TopicDirectory.Record) {
    guard directory.update(record.id.index, { $0.feedStopped() }) == true else { return }
    announceStale(record, since: lastSign)
    askForFlush()
  }

  private func endEarlierRuns() {
    let run = watch.run
    var count = 0
    for index in directory.indexes {
      guard let record = directory.record(index), record.name.isCarried, !record.state.isStale,
        !record.state.hasNothing, record.state.newest.epoch < run
      else { continue }
      callStale(record)
      count += 1
    }
    noteStale(count, "values of a run that has ended")
  }

  /// A link that is down is noticed by the heartbeat first; this is for the time after it, until each
  /// topic is joined again, and for a dead link of which only the commands go.
  private func callOverdueTopicsStale(_ now: UInt64) {
    // With both links up a first join is slow, not impossible, and nothing old is shown meanwhile.
    let isLinked = redis.isReady && subscriber.isReady
    guard mayBeUnjoined else { return }
    mayBeUnjoined = false
    var count = 0
    for index in directory.indexes {
      guard let record = directory.record(index), record.name.isCarried,
        record.state.phase != .joined
      else { continue }
      mayBeUnjoined = true
      guard record.state.isOverdue(nowMilliseconds: now), !isLinked || !record.state.hasNothing
      else { continue }
      callStale(record)
      count += 1
    }
    noteStale(count, "topics that could not be joined")
  }

  private func noteStale(_ count: Int, _ what: String) {
    guard count > 0 else { return }
    log.log(.warning, kind: "stale-topics", "stale: \(what)", metadata: ["topics": "\(count)"])
  }

  /// An event that came while the feed was stale is passed on, and nobody's live price after it.
  func markUnvouchedEvents() {
    guard !eventsUnvouched.isEmpty else { return }
    defer { eventsUnvouched.removeAll(keepingCapacity: true) }
    for index in eventsUnvouched {
      guard let record = directory.record(index) else { continue }
      callStale(record)
    }
  }

  // MARK: - Verifying

  /// Reads the keys of a slice of the quiet topics. Joins come first, and so do answers of the last
  /// slice: where Redis is slow this is done less often.
  private func verifySlice(_ now: UInt64) {
    guard redis.isReady, verifying == 0, joins.count == 0, joins.underWay == 0 else { return }
    let end = directory.indexes.upperBound
    guard end > 0 else { return }
    let slice = (Int(end) + GatewayLimits.verifySlices - 1) / GatewayLimits.verifySlices
    for _ in 0..<slice where verifying < GatewayLimits.verifyReadsPerCheckMax {
      verifyPlace = verifyPlace &+ 1 < end ? verifyPlace &+ 1 : 0
      guard let record = directory.record(verifyPlace), record.name.isCarried,
        record.state.wantsVerifying(nowMilliseconds: now)
      else { continue }
      verify(record)
    }
  }

  private func verify(_ record: TopicDirectory.Record) {
    let generation = record.state.generation
    verifying += 1
    redis.sendForView(
      Redis.Get(key(of: record.name)),
      { [weak self] result in
        self?.verifyAnswered(result, topic: record.id, generation: generation)
      })
  }

  private func verifyAnswered(
    _ result: Result<RedisReplyView, RedisError>, topic: TopicID, generation: UInt32
  ) {
    verifying -= 1
    guard case .success(let reply) = result, watch.isLive,
      let record = directory.record(topic.index), record.id == topic
    else { return }
    counters.verifyReads &+= 1
    guard !reply.isNull else { return verified(nil, nil, record, generation) }
    reply.withBytes { bytes in
      bytes.withUnsafeBytes { payload in
        do {
          let header = try MessageHeader(scanning: payload)
          // The whole is looked at only when it is to be shown.
          if header.sequence > record.state.newest || record.state.isStale {
            try WireJSON.check(payload)
          }
          verified(header, payload, record, generation)
        } catch {
          malformed(topic.index, "\(error)")
        }
      }
    }
  }

  private func verified(
    _ header: MessageHeader?, _ payload: UnsafeRawBufferPointer?, _ record: TopicDirectory.Record,
    _ generation: UInt32
  ) {
    let own = header.flatMap { $0.sequence.epoch < watch.run ? nil : $0 }
    let isNamed = isNamedStale(record.name.symbol)
    let verdict = directory.update(record.id.index) {
      $0.verify(own, generation: generation, isNamedStale: isNamed)
    }
    switch (verdict, payload) {
    case (.deliver?, let payload?):
      if !record.state.isStale { counters.repairs &+= 1 }
      carryOut(.deliver, payload, topic: record.id.index)
    case (.announceStale?, _):
      announceStale(record, since: lastSign)
      askForFlush()
    case (.withdrawNotice?, _):
      if !record.name.channel.key.carriesEvents { distributor.withdrawState(record.id) }
    default: break
    }
  }
}
