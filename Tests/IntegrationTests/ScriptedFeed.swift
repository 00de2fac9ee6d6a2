// An ingester that a test plays by hand: heartbeats by a timer, values as the test writes them.
import EventLoops
import MarketData
import RedisClient
import TestSupport
import Testing

/// `@unchecked Sendable`: everything below `loop` is touched on the loop only.
final class ScriptedFeed: @unchecked Sendable {
  static let name = "main"

  private let loop: EventLoop
  private var redis: RedisConnection!
  private var timer: LoopTimer!
  private var heartbeat = FeedHeartbeat(
    sequence: SequenceNumber(epoch: 1, number: 0), timestamp: Timestamp(nanoseconds: 0),
    state: .live, speedThousandths: 1_000, symbolsVersion: 0, stale: .symbols([]))
  private var isSilent = false
  private var symbols: [String] = []
  private var refused = 0

  private init(_ loop: EventLoop) { self.loop = loop }

  /// Connected, and its first heartbeat written.
  static func start(_ server: PrivateRedis) async throws -> ScriptedFeed {
    let url = try RedisURL(server.url)
    let loop = try EventLoop.start(name: "scripted-feed")
    let feed = ScriptedFeed(loop)
    try await loop.run {
      feed.redis = RedisConnection(loop: loop, url: url, options: quickOptions)
      feed.redis.start()
      feed.timer = LoopTimer(loop: loop) { [unowned feed] in feed.beat() }
      feed.timer.start(afterMilliseconds: 1, repeatingMilliseconds: 100)
    }
    try await feed.settle()
    return feed
  }

  func close() async {
    _ = try? await loop.run { [self] in
      timer.close()
      redis.close()
    }
    loop.stop()
    loop.join()
  }

  private func beat() {
    guard !isSilent, redis.isReady else { return }
    var value = ByteWriter()
    heartbeat.append(to: &value)
    let text = value.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    write(FeedKey.heartbeat.name(feed: ScriptedFeed.name), text, 2_000, true)
  }

  private func write(_ key: String, _ value: String, _ ttl: Int64, _ isPublished: Bool) {
    let key = Array(key.utf8)
    let value = Array(value.utf8)
    let taken =
      isPublished
      ? redis.setAndSpublish(
        key: key.span.bytes, value: value.span.bytes, ttlMilliseconds: ttl)
      : redis.set(key: key.span.bytes, value: value.span.bytes, ttlMilliseconds: ttl)
    if taken != .queued { refused += 1 }
  }

  // MARK: - What a test does

  /// What is done in `body` leaves in one write.
  func atOnce(_ body: @escaping @Sendable (ScriptedFeed) -> Void) {
    loop.submit { [self] in body(self) }
  }

  /// SET and SPUBLISH, in the order of the calls.
  func put(_ key: String, _ value: String, ttlMilliseconds: Int64 = 60_000) {
    loop.submit { [self] in write(key, value, ttlMilliseconds, true) }
  }

  /// SET alone.
  func set(_ key: String, _ value: String) {
    loop.submit { [self] in write(key, value, 60_000, false) }
  }

  /// SPUBLISH alone.
  func publish(_ channel: String, _ message: [UInt8]) {
    let channel = Array(channel.utf8)
    loop.submit { [self] in
      if redis.spublish(channel: channel.span.bytes, message: message.span.bytes) != .queued {
        refused += 1
      }
    }
  }

  func publish(_ channel: String, _ message: String) { publish(channel, Array(message.utf8)) }

  func delete(_ key: String) {
    let key = Array(key.utf8)
    loop.submit { [self] in _ = redis.delete(key: key.span.bytes) }
  }

  /// Changes what the heartbeats say, and says it at once.
  func say(_ change: @escaping @Sendable (inout FeedHeartbeat) -> Void) {
    loop.submit { [self] in
      change(&heartbeat)
      beat()
    }
  }

  /// Stops and resumes the heartbeats.
  func beSilent(_ silent: Bool) {
    loop.submit { [self] in
      isSilent = silent
      beat()
    }
  }

  /// Lists symbols, for `"*"`.
  func list(_ names: [String]) {
    loop.submit { [self] in
      var value = ByteWriter()
      FeedSymbolList(version: UInt64(names.count), symbols: names).append(to: &value)
      let text = value.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      write(FeedKey.symbols.name(feed: ScriptedFeed.name), text, 60_000, false)
      heartbeat.symbolsVersion = UInt64(names.count)
      beat()
    }
  }

  /// Returns when Redis has answered everything so far.
  func settle(milliseconds: Int32 = 5_000) async throws {
    let deadline = Deadline(milliseconds: milliseconds)
    while try await loop.run({ [self] in !redis.isReady || redis.pendingCount > 0 }) {
      try #require(!deadline.hasPassed, "Redis does not answer the scripted feed")
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  /// Writes that the link did not take.
  func refusals() async throws -> Int { try await loop.run { [self] in refused } }
}

/// Values as an ingester writes them.
enum Value {
  static func quote(_ symbol: String, _ number: Int, epoch: Int = 1, price: Int = 100) -> String {
    "{\"E\":\(epoch),\"N\":\(number),\"T\":\"q\",\"S\":\"\(symbol)\","
      + "\"t\":\"2026-11-21T06:23:00.123456789Z\",\"bp\":\(price).25,\"bs\":3,"
      + "\"ap\":\(price).5,\"as\":2}"
  }

  static func trade(
    _ symbol: String, _ number: Int, after previous: Int, epoch: Int = 1, padding: Int = 0
  ) -> String {
    let conditions = padding > 0 ? ",\"c\":[\"\(String(repeating: "x", count: padding))\"]" : ""
    return "{\"E\":\(epoch),\"N\":\(number),\"P\":\(previous),\"T\":\"t\",\"S\":\"\(symbol)\","
      + "\"t\":\"2026-11-21T06:23:00.123456789Z\",\"p\":189.97,\"s\":10\(conditions)}"
  }

  static func book(_ symbol: String, _ number: Int, epoch: Int = 1, levels: Int = 2) -> String {
    func side(_ base: Int, _ step: Int) -> String {
      (0..<levels).map { "{\"p\":\(base + step * $0).5,\"s\":0.25}" }.joined(separator: ",")
    }
    return "{\"E\":\(epoch),\"N\":\(number),\"T\":\"o\",\"S\":\"\(symbol)\","
      + "\"t\":\"2026-11-21T06:23:00.123456789Z\",\"b\":[\(side(64_999, -1))],"
      + "\"a\":[\(side(65_000, 1))],\"r\":true}"
  }

  static func stale(_ symbol: String, _ number: Int, epoch: Int = 1) -> String {
    "{\"E\":\(epoch),\"N\":\(number),\"T\":\"stale\",\"S\":\"\(symbol)\","
      + "\"since\":\"2026-11-21T06:23:00Z\"}"
  }
}
