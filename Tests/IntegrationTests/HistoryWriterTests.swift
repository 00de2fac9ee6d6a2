// What the ingester puts into the stream, and what it does when the stream's Redis is full or away.
import Bars
import EventLoops
import Ingest
import MarketData
import RedisClient
import TestSupport
import Testing

@Suite(.serialized) struct HistoryWriterTests {
  private struct Contents {
    var bars = 0
    var trades = 0
    var entries = 0
  }

  private func withWriter(
    redis arguments: [String] = [], bytesMax: Int64? = nil, tradeBytesMax: Int? = nil,
    _ body: @escaping @Sendable (EventLoop, PrivateRedis, HistoryWriter, Rows) async throws -> Void
  ) async throws {
    let box = RedisBox(try PrivateRedis(arguments: arguments))
    defer { box.server.close() }
    try await withLoop("writer") { loop in
      let rows = Rows()
      var configuration = HistoryWriter.Configuration(
        redis: try RedisURL(box.server.url), feed: "main")
      configuration.redisOptions.reconnectDelayMaxMilliseconds = 50
      if let bytesMax { configuration.bytesMax = bytesMax }
      if let tradeBytesMax { configuration.tradeBytesMax = tradeBytesMax }
      let writer = HistoryWriter(
        loop: loop, configuration: configuration, symbols: rows.symbols, codes: rows.codes)
      writer.start()
      defer { writer.close() }
      try await body(loop, box.server, writer, rows)
    }
  }

  /// `@unchecked Sendable`: the test's task and the loop never use the server at the same time.
  private struct RedisBox: @unchecked Sendable {
    let server: PrivateRedis
    init(_ server: PrivateRedis) { self.server = server }
  }

  /// Makes bars and trades, each of its own place.
  private final class Rows {
    let symbols = SymbolTable()
    let codes = CodeTable()
    private var number: UInt64 = 0

    func trade() -> (Trade, SequenceNumber) {
      number += 1
      let trade = Trade(
        symbol: try! symbols.intern("AAPL"),
        timestamp: Timestamp(nanoseconds: Int64(number) * 1_000_000_007),
        price: Decimal9(nanos: Int64(number % 7) * 1_000_000_007),
        size: Decimal9(nanos: 1_000_000_007))
      return (trade, SequenceNumber(epoch: 1, number: number))
    }

    func bar() -> BuiltBar {
      number += 1
      let bar = Bar(
        symbol: try! symbols.intern("AAPL"), start: Timestamp(nanoseconds: Int64(number)),
        open: .zero, high: .zero, low: .zero, close: .zero, volume: .zero)
      return BuiltBar(
        bar: bar, kind: .minute, notional: .zero,
        sequence: SequenceNumber(epoch: 1, number: number))
    }
  }

  private func contents(_ loop: EventLoop, _ redis: PrivateRedis) async throws -> Contents {
    let connection = RedisConnection(loop: loop, url: try RedisURL(redis.url))
    connection.start()
    defer { connection.close() }
    try #require(await connection.waitUntilReady(milliseconds: 5_000))
    _ = try? await connection.send(Redis.XGroupCreate("history", group: "test"))
    var contents = Contents()
    var places: Set<UInt64> = []
    while true {
      let entries = try await connection.send(
        Redis.XReadGroup("history", group: "test", consumer: "c", from: .new, count: 100))
      guard !entries.isEmpty else { return contents }
      for entry in entries {
        contents.entries += 1
        for field in entry.fields ?? [] {
          let pack = try field.value.withUnsafeBytes { bytes in
            Result { () throws(HistoryPackError) in try HistoryPack(bytes) }
          }.get()
          for bar in pack.bars where places.insert(bar.sequence.number).inserted {
            contents.bars += 1
          }
          for trade in pack.trades where places.insert(trade.sequence.number).inserted {
            contents.trades += 1
          }
        }
      }
    }
  }

  @Test func oneEntryAFlushHasItsBarsAndTrades() async throws {
    try await withWriter { (loop, redis, writer, rows) async throws in
      try #require(await loop.wait { redis.command("EXISTS", "x") != nil && writer.isEmpty })
      #expect(await loop.wait { writer.streamBytes >= 0 })
      for _ in 0..<3 {
        writer.add(rows.bar())
        for _ in 0..<5 {
          let (trade, sequence) = rows.trade()
          writer.add(trade, sequence: sequence)
        }
        writer.flush()
        writer.flush()
        #expect(await loop.wait { writer.isEmpty })
      }
      let found = try await contents(loop, redis)
      #expect(found.bars == 3 && found.trades == 15 && found.entries == 3)
      #expect(writer.counters.bars == 3 && writer.counters.trades == 15)
    }
  }

  @Test func fullStreamTakesBarsAndNoTrades() async throws {
    try await withWriter(bytesMax: 200_000) { (loop, redis, writer, rows) async throws in
      var bars = 0
      for round in 0..<400 {
        writer.add(rows.bar())
        bars += 1
        for _ in 0..<200 {
          let (trade, sequence) = rows.trade()
          writer.add(trade, sequence: sequence)
        }
        writer.flush()
        if round % 20 == 0 { #expect(await loop.wait { writer.isEmpty }) }
      }
      #expect(await loop.wait { writer.isEmpty })
      let found = try await contents(loop, redis)
      #expect(found.bars == bars && writer.counters.barsLost == 0)
      #expect(writer.counters.tradesDropped > 10_000)
      #expect(found.trades == 80_000 - Int(writer.counters.tradesDropped))
      // Room again: trades go in again.
      _ = redis.command("DEL", "history")
      #expect(await loop.wait { writer.streamBytes < 200_000 })
      let before = writer.counters.trades
      let (trade, sequence) = rows.trade()
      writer.add(trade, sequence: sequence)
      writer.flush()
      #expect(await loop.wait { writer.counters.trades == before + 1 })
    }
  }

  @Test func redisThatIsAwayGetsEverythingWhenItIsBack() async throws {
    try await withWriter { (loop, redis, writer, rows) async throws in
      writer.add(rows.bar())
      writer.flush()
      #expect(await loop.wait { writer.counters.bars == 1 })
      redis.kill()
      for _ in 0..<50 {
        writer.add(rows.bar())
        let (trade, sequence) = rows.trade()
        writer.add(trade, sequence: sequence)
        writer.flush()
      }
      #expect(!writer.isEmpty)
      try redis.restart()
      #expect(await loop.wait(milliseconds: 10_000) { writer.isEmpty })
      let found = try await contents(loop, redis)
      // The first one went with the old Redis, which kept nothing.
      #expect(found.bars >= 50 && found.trades == 50)
      #expect(writer.counters.tradesDropped == 0 && writer.counters.barsLost == 0)
    }
  }

  /// Entries that were sent and not answered for when the link was lost are sent again.
  @Test func entriesWithoutAnAnswerAreSentAgain() async throws {
    try await withWriter { (loop, redis, writer, rows) async throws in
      writer.add(rows.bar())
      writer.flush()
      #expect(await loop.wait { writer.counters.bars == 1 })
      redis.stop()
      for _ in 0..<20 {
        writer.add(rows.bar())
        writer.flush()
        await loop.sleep(milliseconds: 1)
      }
      redis.kill()
      try redis.restart()
      #expect(await loop.wait(milliseconds: 10_000) { writer.isEmpty })
      #expect(try await contents(loop, redis).bars >= 20)
    }
  }

  @Test func redisWithoutMemoryIsTriedAgainAndBarsStay() async throws {
    try await withWriter(redis: ["--maxmemory", "1", "--maxmemory-policy", "noeviction"]) {
      (loop, redis, writer, rows) async throws in
      for _ in 0..<10 {
        writer.add(rows.bar())
        writer.flush()
        await loop.sleep(milliseconds: 1)
      }
      #expect(await loop.wait { writer.counters.refusals > 0 })
      _ = redis.command("CONFIG", "SET", "maxmemory", "0")
      #expect(
        await loop.wait {
          writer.flush()
          return writer.isEmpty
        })
      #expect(try await contents(loop, redis).bars == 10)
    }
  }

  @Test func tradesThatWaitTooLongAreLeftOut() async throws {
    try await withWriter(tradeBytesMax: 600_000) { (loop, redis, writer, rows) async throws in
      redis.kill()
      #expect(await loop.wait { redis.command("PING") == nil })
      for _ in 0..<60_000 {
        let (trade, sequence) = rows.trade()
        writer.add(trade, sequence: sequence)
      }
      writer.add(rows.bar())
      #expect(writer.counters.tradesDropped > 0)
      try redis.restart()
      #expect(
        await loop.wait(milliseconds: 20_000) {
          writer.flush()
          return writer.isEmpty
        })
      #expect(writer.counters.bars == 1)
      #expect(writer.counters.trades + writer.counters.tradesDropped == 60_000)
    }
  }
}
