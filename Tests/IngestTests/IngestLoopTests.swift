import EventLoops
import Feeds
import Logging
import MarketData
import RedisClient
import ServiceSupport
import TestSupport
import Testing

@testable import Ingest

/// ServiceSupport has one too, for `tapedeck up`.
private typealias PrivateRedis = TestSupport.PrivateRedis

/// A quote again and again, all at one moment, so that the feed is always behind its clock.
private final class EndlessQuotes: FeedSource {
  let context = FeedContext(report: { _ in })
  let name = "endless"
  private let quote: Quote
  private let countMax: UInt64
  private(set) var given: UInt64 = 0

  init(countMax: UInt64 = .max) throws {
    self.countMax = countMax
    quote = Quote(
      symbol: try context.symbols.intern("AAPL"), timestamp: BoardScene.time,
      bidPrice: .zero, bidSize: .zero, askPrice: .zero, askSize: .zero)
  }

  func next() -> FeedItem? {
    guard given < countMax else { return nil }
    given += 1
    return FeedItem(position: given, time: BoardScene.time, event: .quote(quote))
  }

  func rewind() { given = 0 }
}

/// The most that a source gave between two ends of turns.
private final class TurnMeter: TurnEndObserver {
  private let loop: EventLoop
  private let source: EndlessQuotes
  private var last: UInt64 = 0
  private(set) var most: UInt64 = 0
  private var isOver = false

  init(_ loop: EventLoop, _ source: EndlessQuotes) {
    self.loop = loop
    self.source = source
    loop.atTurnEnd(self)
  }

  func loopTurnEnded() {
    most = max(most, source.given - last)
    last = source.given
    if !isOver { loop.atTurnEnd(self) }
  }

  /// Else the loop would never come to its end.
  func stop() { isOver = true }
}

/// The loop with a real Redis on a private socket.
@Suite(.serialized) struct IngestLoopTests {
  /// `@unchecked Sendable`: the test's task and the loop never use the server at the same time.
  private struct ServerBox: @unchecked Sendable {
    let server: PrivateRedis
  }

  private func withRedis(
    _ body: @escaping @Sendable (EventLoop, PrivateRedis) async throws -> Void
  ) async throws {
    let redis = ServerBox(server: try PrivateRedis())
    defer { redis.server.close() }
    try await withLoop("ingest") { loop in try await body(loop, redis.server) }
  }

  private func ingest(
    _ loop: EventLoop, _ redis: PrivateRedis, _ source: EndlessQuotes, speed: FeedSpeed = .realTime
  ) throws -> IngestLoop {
    let ingest = IngestLoop(
      loop: loop,
      configuration: IngestLoop.Configuration(redis: try RedisURL(redis.url), feed: "test"),
      player: FeedPlayer(source: source, clock: FeedClock(speed: speed)),
      log: RateLimitedLog(
        Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        now: { loop.nowMilliseconds }))
    ingest.start()
    return ingest
  }

  private func connect(_ loop: EventLoop, _ redis: PrivateRedis) async throws -> RedisConnection {
    let connection = RedisConnection(loop: loop, url: try RedisURL(redis.url))
    connection.start()
    try #require(await connection.waitUntilReady(milliseconds: 5_000))
    return connection
  }

  private func text(_ connection: RedisConnection, _ key: String) async throws -> String? {
    try await connection.get(key).map { String(decoding: $0, as: UTF8.self) }
  }

  private func run(_ connection: RedisConnection, _ words: String...) async throws -> RedisValue {
    try await connection.send(Redis.RawCommand(words.map { Array($0.utf8) }))
  }

  @Test func anEpochIsLargerThanEveryOneBeforeAndTheTime() async throws {
    try await withRedis { loop, redis in
      let connection = try await connect(loop, redis)
      defer { connection.close() }
      func take(floor: UInt64) async throws -> Int64? {
        let answer = try await connection.send(EpochScript.command(feed: "f", floor: floor))
        if case .integer(let epoch) = answer { return epoch }
        return nil
      }
      let first = try #require(try await take(floor: 1))
      #expect(abs(first - EventLoop.wallNanoseconds / 1_000_000_000) <= 2)
      #expect(try #require(try await take(floor: 1)) > first)
      let floor = UInt64(first) + 1_000_000
      #expect(try await take(floor: floor) == Int64(floor))
      #expect(try await take(floor: 1) == Int64(floor) + 1)
      #expect(try await text(connection, "feed:f:epoch") == "\(floor + 1)")
      let ttl = try await run(connection, "PTTL", "feed:f:epoch")
      guard case .integer(let left) = ttl else { return #expect(Bool(false), "\(ttl)") }
      #expect(left > 0 && left <= Int64(FeedKey.epoch.ttlMilliseconds))
    }
  }

  /// Anybody may write to Redis: what is no plausible epoch counts as lost.
  @Test func aSpoiltEpochCountsAsLost() async throws {
    try await withRedis { loop, redis in
      let connection = try await connect(loop, redis)
      defer { connection.close() }
      for spoilt in ["", "abc", "-5", "1e300", "nan", "inf", "9007199254740993"] {
        _ = try await run(connection, "SET", "feed:f:epoch", spoilt)
        let answer = try await connection.send(EpochScript.command(feed: "f", floor: 7))
        guard case .integer(let epoch) = answer else {
          return #expect(Bool(false), "\(spoilt): \(answer)")
        }
        let seconds = EventLoop.wallNanoseconds / 1_000_000_000
        #expect((seconds - 2...seconds + 2).contains(epoch), "\(spoilt): \(epoch)")
      }
    }
  }

  /// Failed before: the epoch was asked for once a link, and this link stays.
  @Test func anEpochThatRedisRefusesIsAskedForAgain() async throws {
    try await withRedis { loop, redis in
      let connection = try await connect(loop, redis)
      defer { connection.close() }
      _ = try await run(connection, "RPUSH", "feed:test:epoch", "a list is no epoch")
      let source = try EndlessQuotes()
      let ingest = try ingest(loop, redis, source)
      defer { ingest.close() }
      await loop.sleep(milliseconds: 400)
      #expect(source.given == 0)
      _ = try await run(connection, "DEL", "feed:test:epoch")
      #expect(await loop.wait { source.given > 0 })
    }
  }

  /// Failed before: a turn went on for as long as the feed was behind, up to 4,096,000 items.
  @Test func aFeedThatIsBehindLeavesTheLoopItsTurns() async throws {
    try await withRedis { loop, redis in
      let source = try EndlessQuotes(countMax: 100_000)
      let ingest = try ingest(loop, redis, source)
      defer { ingest.close() }
      try #require(await loop.wait { source.given > 0 })
      let meter = TurnMeter(loop, source)
      await loop.sleep(milliseconds: 300)
      meter.stop()
      // One call by the timer and one by the turn before.
      #expect(meter.most <= 2 * UInt64(IngestLimits.itemsPerTurnMax) + 2)
      #expect(source.given > 10 * UInt64(IngestLimits.itemsPerTurnMax))
    }
  }

  /// A feed at full speed has no time of its own: it is not played to nobody.
  @Test func atFullSpeedTheFeedWaitsForRedis() async throws {
    try await withRedis { loop, redis in
      let connection = try await connect(loop, redis)
      defer { connection.close() }
      let source = try EndlessQuotes()
      let ingest = try ingest(loop, redis, source, speed: .max)
      defer { ingest.close() }
      try #require(await loop.wait { source.given > 0 })
      redis.kill()
      try #require(await loop.wait { !connection.isReady })
      await loop.sleep(milliseconds: 20)
      let given = source.given
      await loop.sleep(milliseconds: 100)
      #expect(source.given == given)
      try redis.start()
      #expect(await loop.wait { source.given > given })
    }
  }

  /// Failed before: a new link made an ended feed's last prices live for another TTL.
  @Test func anEndedFeedWritesNoPriceOnANewLink() async throws {
    try await withRedis { loop, redis in
      let connection = try await connect(loop, redis)
      defer { connection.close() }
      let ingest = try ingest(loop, redis, try EndlessQuotes(countMax: 1))
      defer { ingest.close() }
      let heartbeat = "feed:test:heartbeat"
      var said: String?
      while said?.contains(#""state":"ended""#) != true {
        said = try await text(connection, heartbeat)
        await loop.sleep(milliseconds: 5)
      }
      #expect(try await text(connection, "stock:AAPL:quote")?.hasPrefix(#"{"E":"#) == true)
      _ = try await run(connection, "DEL", "stock:AAPL:quote", heartbeat)
      _ = try await run(connection, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      said = nil
      while said == nil {
        said = try await text(connection, heartbeat)
        await loop.sleep(milliseconds: 5)
      }
      await loop.sleep(milliseconds: 20)
      #expect(try await text(connection, "stock:AAPL:quote") == nil)
    }
  }
}
