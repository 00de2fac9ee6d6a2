// A tape's trades as bars in Redis and in the stream of history, through a real ingest loop.
import Bars
import Feeds
import Glibc
import Ingest
import MarketData
import RedisClient
import ServiceSupport
import TestSupport
import Testing

@Suite(.serialized) struct IngestBarsTests {
  private final class Tape {
    let path = "/tmp/tapedeck-bars-\(getpid())-\(UInt32.random(in: 0 ... .max)).ndjson"

    init(_ lines: [String]) throws {
      let file = try #require(fopen(path, "w"))
      fputs(lines.joined(separator: "\n") + "\n", file)
      fclose(file)
    }

    deinit { unlink(path) }
  }

  private static func trade(_ at: String, _ price: String, _ symbol: String = "AAPL") -> String {
    "{\"T\":\"t\",\"S\":\"\(symbol)\",\"t\":\"2026-11-20T15:\(at)Z\",\"p\":\(price),\"s\":10}"
  }

  /// Plays the tape with its own times; returns what is in the stream when it has `rows` rows.
  private func play(
    _ lines: [String], speed: FeedSpeed, loops: Bool = false, rows: Int
  ) async throws -> (bars: [String], redis: String) {
    let tape = try Tape(lines)
    let redis = try TestSupport.PrivateRedis()
    defer { redis.close() }
    let url = try RedisURL(redis.url)
    var configuration = IngestLoop.Configuration(redis: url, feed: "test")
    configuration.history = HistoryWriter.Configuration(redis: url, feed: "replay")
    let service = try await IngestService.start(
      IngestService.Play(
        argument: .file(path: tape.path),
        clock: FeedClock(speed: speed, timestamps: .original), loops: loops),
      configuration: configuration, metrics: PrometheusRegistry(), logger: ServiceScene.quiet)
    var found: [String] = []
    // It lives for 2 s after the feed's end.
    var key = ""
    let server = redis.url
    for _ in 0..<500 where found.count < rows {
      found = try await IngestBarsTests.bars(server)
      if let value = redis.command("GET", "stock:AAPL:bar"), value.contains("{") { key = value }
      if found.count < rows { usleep(20_000) }
    }
    await service.close()
    return (found, key)
  }

  private static func bars(_ url: String) async throws -> [String] {
    try await withLoop("stream") { loop in
      let connection = RedisConnection(loop: loop, url: try RedisURL(url))
      connection.start()
      defer { connection.close() }
      guard await connection.waitUntilReady(milliseconds: 5_000) else { return [] }
      let group = "g\(UInt32.random(in: 0 ... .max))"
      try await connection.send(Redis.XGroupCreate("history", group: group))
      let entries = try await connection.send(
        Redis.XReadGroup("history", group: group, consumer: "c", from: .new, count: 1_000))
      var bars: [String] = []
      for field in entries.flatMap({ $0.fields ?? [] }) where field.name == [UInt8(ascii: "b")] {
        let pack = try field.value.withUnsafeBytes { bytes in
          Result { () throws(HistoryPackError) in try HistoryPack(bytes) }
        }.get()
        bars += pack.bars.map {
          "\(pack.symbols[$0.symbol]) \($0.start) \($0.open) \($0.high) \($0.low) \($0.close) "
            + "\($0.volume) @\($0.sequence.number)"
        }
      }
      return bars
    }
  }

  /// At full speed a minute ends with the next event of the feed, and the last one with the feed.
  @Test func minutesEndWithTheFeedsClock() async throws {
    let (bars, key) = try await play(
      [
        Self.trade("00:01", "10"), Self.trade("00:59.9", "12"), Self.trade("01:00", "11"),
        Self.trade("00:30", "9"), Self.trade("03:00", "20", "MSFT"), Self.trade("03:01", "13"),
      ], speed: .max, rows: 5)
    #expect(
      bars == [
        "AAPL 2026-11-20T15:00:00Z 10 12 10 12 20 @2",
        "AAPL 2026-11-20T15:00:00Z 10 12 9 12 30 @4",
        "AAPL 2026-11-20T15:01:00Z 11 11 11 11 10 @5",
        "MSFT 2026-11-20T15:03:00Z 20 20 20 20 10 @5",
        "AAPL 2026-11-20T15:03:00Z 13 13 13 13 10 @6",
      ])
    #expect(key.contains(#""T":"b","S":"AAPL","t":"2026-11-20T15:03:00Z""#))
  }

  /// Goal: a minute ends when it is due, though nothing follows. Method: the next trade is an hour
  /// later, a minute of ours at this speed.
  @Test func minuteEndsThoughNoEventFollows() async throws {
    let (bars, _) = try await play(
      [Self.trade("00:01", "10"), Self.trade("59:59", "11")], speed: try FeedSpeed(parsing: "60"),
      rows: 1)
    #expect(bars == ["AAPL 2026-11-20T15:00:00Z 10 10 10 10 10 @1"])
  }

  @Test func barsThatTheFeedBringsArePassedOnAndNoneIsMade() async throws {
    let values = #""o":1,"h":2,"l":1,"c":1.5,"v":7,"n":2,"vw":1.25}"#
    let (bars, key) = try await play(
      [
        Self.trade("00:01", "10"),
        #"{"T":"b","S":"AAPL","t":"2026-11-20T15:00:00Z",\#(values)"#,
        Self.trade("01:01", "11"),
        Self.trade("05:01", "20", "MSFT"),
      ], speed: .max, rows: 2)
    #expect(
      bars == [
        "AAPL 2026-11-20T15:00:00Z 1 2 1 1.5 7 @2", "MSFT 2026-11-20T15:05:00Z 20 20 20 20 10 @4",
      ])
    #expect(key.contains(#""N":2,"P":0,"T":"b""#))
  }
}
