// Whether this loop can serve: its links are up, the feed is heard, and what it publishes to itself
// comes back.
import EventLoops
import Logging
import MarketData
import RedisClient
import ServiceSupport

extension StreamLoop {
  func sendProbe() {
    let canSend = redis.isReady && subscriber.isReady
    guard let number = probe.next(nowMilliseconds: loop.nowMilliseconds, canSend: canSend) else {
      return
    }
    probeSentNanoseconds = EventLoop.monotonicNanoseconds
    let text = Array(String(number).utf8)
    // What the link has no room for is a probe that does not come back.
    probeChannel.withUnsafeBytes { channel in
      text.withUnsafeBytes { text in
        _ = redis.spublish(channel: channel.bytes, message: text.bytes)
      }
    }
  }

  func receiveProbe(_ payload: UnsafeRawBufferPointer) {
    guard let number = UInt64(String(decoding: payload.prefix(20), as: UTF8.self)),
      probe.returned(number, nowMilliseconds: loop.nowMilliseconds)
    else { return }
    let trip = EventLoop.monotonicNanoseconds - probeSentNanoseconds
    probeSeconds.record(Double(trip) / 1e9)
    if readinessFault != nil { judgeReadiness() }
  }

  /// Called with each check, and when something happens that may change it.
  func judgeReadiness() {
    let fault = servingFault()
    guard fault != readinessFault else { return }
    let before = readinessFault
    readinessFault = fault
    if let fault { readiness.fail(checkName, fault) } else { readiness.pass(checkName) }
    switch (before, fault) {
    case (nil, let fault?):
      log.log(.warning, kind: "not-ready", "not ready", metadata: ["reason": "\(fault)"])
    case (_?, nil): log.log(.notice, kind: "is-ready", "ready")
    default: break
    }
  }

  private func servingFault() -> String? {
    let now = loop.nowMilliseconds
    if let reason = subscriber.lastFailure { return "redis: \(reason)" }
    if let reason = redis.lastFailure { return "redis: \(reason)" }
    guard watch.isHeard(nowMilliseconds: now) else {
      return "no heartbeat of feed \(configuration.feed)"
    }
    return probe.isPassing(nowMilliseconds: now)
      ? nil : "what is published to Redis does not come back"
  }
}
