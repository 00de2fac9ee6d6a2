import Bars
import EventLoops
import History
import MarketData
import PostgresClient
import RedisClient
import TestSupport
import Testing

private struct Death: Error {}

@Suite(.serialized) struct HistoryWorkerTests {
  /// Goal: wherever a worker dies, its successor brings every row once. Method: the first one throws
  /// at a step, the third time that it comes there, and is then closed with what it has in hand.
  @Test(arguments: HistoryWorker.Step.allCases, ["worker", "another"])
  func deathAtAnyStepRepeatsAndNeverDoubles(
    step: HistoryWorker.Step, successor: String
  ) async throws {
    try await HistoryScene.with { (loop, scene) async throws in
      for _ in 0..<3 { try await scene.addMany(loop) }
      let first = try scene.worker(loop)
      var times = 0
      var isDead = false
      first.reached = { reached in
        if isDead { throw Death() }
        guard reached == step else { return }
        times += 1
        guard times == 3 else { return }
        isDead = true
        throw Death()
      }
      first.start()
      #expect(await loop.wait { isDead })
      await first.close()
      var configuration = try scene.configuration(successor)
      // Another one waits until the dead one's are idle.
      configuration.claimIdleMilliseconds = 50
      configuration.claimEveryMilliseconds = 50
      let second = try scene.worker(loop, configuration)
      second.start()
      #expect(await loop.wait(milliseconds: 10_000) { scene.hasAll() })
      if successor == "another", step != .acknowledged { #expect(second.counters.claimed > 0) }
      await second.close()
    }
  }

  @Test func barsOnlyMoveForwardAndTradesAreNeverDoubled() async throws {
    try await HistoryScene.with { (loop, scene) async throws in
      let worker = try scene.worker(loop)
      worker.start()
      let newer = scene.pack(bars: [scene.bar((2, 5), close: 20)])
      let trades = scene.pack(trades: [(scene.trade(at: 1_234), 1, 1)])
      try await scene.add(loop, [("b", newer), ("t", trades)])
      #expect(await loop.wait { worker.counters.entries == 1 })
      // Older by epoch, older by number, equal; and the same trade again.
      for place in [(1, 9), (2, 4), (2, 5)] as [(UInt64, UInt64)] {
        let bars = scene.pack(bars: [scene.bar(place, close: 99)])
        try await scene.add(loop, [("b", bars), ("t", trades)])
      }
      #expect(await loop.wait { worker.counters.entries == 4 })
      #expect(worker.counters.bars == 1 && worker.counters.trades == 1)
      #expect(try scene.postgres.psql("SELECT close, epoch, number FROM history_bars") == "20|2|5")
      // Both in one batch, and within one entry, the older one last.
      let both = scene.pack(bars: [scene.bar((3, 2), close: 32), scene.bar((3, 1), close: 31)])
      try await scene.add(loop, [("b", both)])
      #expect(await loop.wait { worker.counters.entries == 5 })
      #expect(try scene.postgres.psql("SELECT close FROM history_bars") == "32")
      await worker.close()
    }
  }

  @Test func everyFieldIsKeptExactly() async throws {
    try await HistoryScene.with { (loop, scene) async throws in
      var trade = scene.trade("BTC/USD", at: 123_456_789)
      trade.price = Decimal9(parsing: "-0.000000001")!
      trade.size = Decimal9(parsing: "9223372036.854775807")!
      trade.id = .min
      trade.tape = try scene.codes.intern("a\tb\\c\nd\\N")
      trade.takerSide = .sell
      var bar = scene.bar(of: "BTC/USD", (9, 8))
      bar.bar.volume = WideDecimal9(parsing: "12345678901234567890.123456789")!
      bar.notional = ExactSum(Decimal9(parsing: "50000.5")!, times: bar.bar.volume)!
      bar.bar.tradeCount = nil
      try await scene.add(
        loop,
        [("b", scene.pack(bars: [bar])), ("t", scene.pack(trades: [(trade, 5, 6)], feed: "iex"))])
      let worker = try scene.worker(loop)
      worker.start()
      #expect(await loop.wait { worker.counters.entries == 1 })
      #expect(
        try scene.postgres.psql(
          """
          SELECT feed, symbol, at, nanos, epoch, number, price, size, id, exchange, conditions,
            tape = E'a\\tb\\\\c\\nd\\\\N', taker_side FROM history_trades
          """)
          == "iex|BTC/USD|2026-11-20 15:00:00.123456+00|789|5|6|-0.000000001|9223372036.854775807|"
          + #"-9223372036854775808|V|["@","I"]|t|S"#)
      #expect(
        try scene.postgres.psql(
          "SELECT volume, notional = volume * 50000.5, trade_count IS NULL FROM history_bars")
          == "12345678901234567890.123456789|t|t")
      await worker.close()
    }
  }

  @Test func postgresAwayLosesNothing() async throws {
    try await HistoryScene.with { (loop, scene) async throws in
      let worker = try scene.worker(loop)
      worker.start()
      #expect(await loop.wait { scene.redis.command("EXISTS", "history") == ":1\r\n" })
      scene.postgres.kill()
      try await scene.addMany(loop)
      #expect(await loop.wait { worker.counters.failures >= 3 })
      #expect(scene.redis.command("XLEN", "history") == ":12\r\n")
      try scene.postgres.restart()
      #expect(await loop.wait(milliseconds: 15_000) { scene.hasAll() })
      await worker.close()
    }
  }

  /// Goal: a Redis that comes back without the group, or without anything, is worked on.
  @Test func redisThatForgotTheGroupIsGoneOnWith() async throws {
    try await HistoryScene.with { (loop, scene) async throws in
      let worker = try scene.worker(loop)
      worker.start()
      #expect(await loop.wait { scene.redis.command("EXISTS", "history") == ":1\r\n" })
      _ = scene.redis.command("DEL", "history")
      try await scene.addMany(loop)
      #expect(await loop.wait(milliseconds: 10_000) { scene.hasAll() })
      await worker.close()
    }
  }

  @Test func whatCannotBeReadIsSetAsideWithItsReason() async throws {
    try await HistoryScene.with { (loop, scene) async throws in
      let good = scene.pack(bars: [scene.bar((1, 1))])
      var cut = good
      cut.removeLast(3)
      try await scene.add(loop, [("b", good)])
      try await scene.add(loop, [("b", cut)])
      try await scene.add(loop, [("x", good)])
      try await scene.add(loop, [("b", [9] + good.dropFirst())])
      try await scene.add(loop, [("b", scene.pack(bars: [scene.bar(of: "MSFT", (1, 2))]))])
      // Well formed, and refused by a rule of the database.
      try await scene.add(loop, [("b", scene.pack(bars: [scene.bar(of: "WRONG", (1, 3))]))])
      _ = try scene.postgres.psql(
        "ALTER TABLE history_bars ADD CONSTRAINT no_wrong CHECK (symbol <> 'WRONG')")
      let worker = try scene.worker(loop)
      worker.start()
      #expect(await loop.wait { worker.counters.entries == 6 })
      #expect(worker.counters.poisoned == 4)
      #expect(
        try scene.postgres.psql("SELECT string_agg(symbol, ' ' ORDER BY symbol) FROM history_bars")
          == "AAPL MSFT")
      let reasons = try scene.postgres.psql("SELECT reason FROM history_poison ORDER BY entry")
        .split(separator: "\n")
      #expect(reasons.count == 4)
      #expect(reasons.first?.hasPrefix("the pack ends early at byte") == true)
      #expect(reasons.dropFirst().first == "a field that is neither b nor t at byte 0")
      #expect(reasons.dropFirst(2).first == "version 9 at byte 1")
      #expect(reasons.last?.contains("no_wrong") == true)
      #expect(
        try scene.postgres.psql(
          "SELECT encode(content, 'hex') FROM history_poison ORDER BY entry OFFSET 1 LIMIT 1"
        )
        .hasPrefix("783d01"))
      #expect(scene.isStreamEmpty)
      await worker.close()
    }
  }

  @Test func daysHavePartitionsThatAreDroppedWhenTheyAreOver() async throws {
    try await HistoryScene.with { (loop, scene) async throws in
      let long = Int64(86_400_000_000_000) * 5_000
      let trades = [
        (scene.trade(at: 0), 1 as UInt64, 1 as UInt64), (scene.trade(at: -long), 1, 2),
        (scene.trade(at: -1), 1, 3),
      ]
      try await scene.add(loop, [("t", scene.pack(trades: trades))])
      let worker = try scene.worker(loop)
      worker.start()
      #expect(await loop.wait { worker.counters.entries == 1 })
      let days = "SELECT string_agg(day::text, ' ' ORDER BY day) FROM history_partitions"
      let ahead = try scene.postgres.psql(
        "SELECT string_agg((current_date + n)::text, ' ' ORDER BY n) FROM generate_series(0, 2) n")
      let found = try scene.postgres.psql(days)
      #expect(found.contains("2026-11-20") && found.contains("2013-03-13"))
      for day in ahead.split(separator: " ") { #expect(found.contains(day)) }
      #expect(worker.counters.trades == 3)
      // Not while it was written to lately; then with its rows.
      let pool = try await PostgresPool.ready(loop, scene.postgres.url)
      let tables = HistoryTables(pool: pool)
      let today = EventLoop.wallNanoseconds / 86_400_000_000_000
      #expect(try await tables.lookAfter(today: today, written: [], keepDays: 10) == 0)
      _ = try scene.postgres.psql(
        """
        UPDATE history_partitions SET written_at = now() - interval '11 days'
        WHERE day IN ('2013-03-13', current_date)
        """)
      #expect(try await tables.lookAfter(today: today, written: [], keepDays: 10) == 1)
      #expect(!(try scene.postgres.psql(days).contains("2013-03-13")))
      #expect(try scene.postgres.psql("SELECT count(*) FROM history_trades WHERE epoch = 1") == "2")
      // A worker that believes in a partition that is gone makes it again.
      try await scene.add(loop, [("t", scene.pack(trades: [(scene.trade(at: -long), 1, 4)]))])
      #expect(await loop.wait { worker.counters.entries == 2 })
      #expect(try scene.postgres.psql("SELECT count(*) FROM history_trades") == "3")
      pool.close()
      await worker.close()
    }
  }

  @Test func tradesOfImpossibleDaysAreLeftOutAndTheRestIsWritten() async throws {
    try await HistoryScene.with { (loop, scene) async throws in
      _ = try scene.postgres.psql(
        "SELECT history_make_partition(date '1990-01-01' + n) FROM generate_series(1, 397) n")
      let bars = scene.pack(bars: [scene.bar((1, 1))])
      let trades = [
        (scene.trade(at: 0), 1 as UInt64, 1 as UInt64),
        (scene.trade(at: -86_400_000_000_000), 1, 2),
      ]
      try await scene.add(loop, [("b", bars), ("t", scene.pack(trades: trades))])
      let worker = try scene.worker(loop)
      worker.start()
      #expect(await loop.wait { worker.counters.entries == 1 })
      // Three went to the days ahead: none is left.
      #expect(worker.counters.tradesLeftOut == 2 && worker.counters.bars == 1)
      await worker.close()
    }
  }
}
