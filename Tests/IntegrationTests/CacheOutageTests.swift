import Caching
import EventLoops
import RedisClient
import TestSupport
import Testing

@Suite(.serialized) struct CacheOutageTests {
  /// Goal: Redis is killed in the middle: every answer is right, and the database does no more than
  /// one load a key at a time. Method: 50 readers on 5 keys and a writer go on throughout; an answer
  /// is right when it is a version that was current at some time during the read.
  @Test func killedRedisMakesReadsSlowerNotWrong() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.delayMilliseconds = 5
      final class Run {
        var stops = false
        var reads = 0
        var wrong: [String] = []
        var readsWhileDown = 0
        var queriesWhileDown = 0
      }
      let run = Run()
      for key in 0..<5 { table.rows["watchlist:\(key)"] = "0" }
      let box = OnLoop((cache, table, run))
      var tasks: [Task<Void, any Error>] = []
      for reader in 0..<50 {
        tasks.append(
          Task.immediate(executorPreference: loop) {
            let (cache, table, run) = box.value
            let key = "watchlist:\(reader % 5)"
            while !run.stops {
              let before = Int(table.rows[key] ?? "") ?? -1
              let (text, _) = try await cache.text(key, testPolicy, table)
              let after = Int(table.rows[key] ?? "") ?? -1
              let got = Int(text ?? "") ?? -1
              // `before - 1`: its invalidation was under way when the read began.
              if got < before - 1 || got > after { run.wrong.append("\(before) \(got) \(after)") }
              run.reads += 1
              await loop.sleep(milliseconds: 1)
            }
          })
      }
      tasks.append(
        Task.immediate(executorPreference: loop) {
          let (cache, table, run) = box.value
          var version = 0
          while !run.stops {
            version += 1
            let key = "watchlist:\(version % 5)"
            table.rows[key] = String((Int(table.rows[key] ?? "") ?? 0) + 1)
            await cache.invalidate([key])
            await loop.sleep(milliseconds: 3)
          }
        })
      await loop.sleep(milliseconds: 150)
      #expect(cache.statistics[testPolicy].hits > 0)
      redis.kill()
      try #require(await loop.wait { !cache.isBreakerClosed })
      let (reads, queries) = (run.reads, table.queries)
      await loop.sleep(milliseconds: 300)
      run.readsWhileDown = run.reads - reads
      run.queriesWhileDown = table.queries - queries
      #expect(run.readsWhileDown > 100)
      // 5 keys x (300 ms / 5 ms) loads, and twice that where writes cut flights short; far from one a
      // read.
      #expect(run.queriesWhileDown < run.readsWhileDown / 3)
      try redis.start()
      try #require(await loop.wait { cache.isAvailable })
      let hits = cache.statistics[testPolicy].hits
      try #require(await loop.wait { cache.statistics[testPolicy].hits > hits + 50 })
      run.stops = true
      for task in tasks { try await task.value }
      #expect(run.wrong.isEmpty, "\(run.wrong.prefix(5))")
    }
  }

  /// Goal: without Redis, equal reads are one query. Method: 1,000 at a time.
  @Test func singleFlightHoldsWithoutRedis() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      redis.kill()
      try #require(await loop.wait { !cache.isAvailable })
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "v"
      table.delayMilliseconds = 50
      let box = OnLoop((cache, table))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<1_000 {
          group.addTask(executorPreference: loop) {
            let (text, _) = try await box.value.0.text("watchlist:1", testPolicy, box.value.1)
            #expect(text == "v")
          }
        }
        try await group.waitForAll()
      }
      #expect(table.queries == 1)
      #expect(cache.statistics[testPolicy].bypassed[.unavailable] == 1)
      #expect(cache.statistics[testPolicy].waited == 999)
    }
  }

  /// Goal: unanswered reads open the breaker, its probe closes it. Method: a Redis that is stopped, on
  /// links that bear it: a link that was given up could not give the leases back that its questions
  /// still get once Redis goes on.
  @Test func breakerSparesReadersAndClosesByItsProbe() async throws {
    try await withRedis { loop, redis in
      var patient = quickOptions
      patient.answerTimeoutMilliseconds = 30_000
      patient.commandTimeoutMilliseconds = 30_000
      let cache = try await CacheAside.ready(loop, redis.url, redisOptions: patient)
      defer { cache.close() }
      let table = CacheTable(loop)
      redis.stop()
      // The first reads wait their 200 ms; five in a row open the breaker.
      while cache.isBreakerClosed {
        for key in 0..<5 { table.rows["watchlist:\(key)"] = "v" }
        let (text, outcome) = try await cache.text(
          "watchlist:\(table.queries % 5)", testPolicy, table)
        #expect(text == "v" && outcome == .bypass(.unavailable))
      }
      #expect(cache.statistics.breakerOpenings == 1)
      let before = loop.nowMilliseconds
      for _ in 0..<100 { _ = try await cache.text("watchlist:1", testPolicy, table) }
      #expect(loop.nowMilliseconds - before < 150, "no reader waits for Redis")
      redis.resume()
      try #require(await loop.wait { cache.isAvailable })
      _ = try await cache.text("watchlist:1", testPolicy, table)
      let (_, outcome) = try await cache.text("watchlist:1", testPolicy, table)
      #expect(outcome == .hit)
      // Leases that were handed out while nobody waited any more were given back.
      for key in 0..<5 {
        let isFree = await loop.wait {
          redis.number("EXISTS", "lease:{watchlist:\(key)}") == 0
        }
        #expect(isFree)
      }
    }
  }

  @Test func closingAnswersEverybody() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "v"
      // Asleep behind somebody else's lease.
      #expect(redis.command("SET", "lease:{watchlist:1}", "x", "PX", "5000") == "+OK\r\n")
      let box = OnLoop((cache, table))
      let reader = Task.immediate(executorPreference: loop) {
        try await box.value.0.text("watchlist:1", testPolicy, box.value.1).0
      }
      try #require(
        await loop.wait { redis.command("GET", "lease:{watchlist:1}")?.contains("xw") == true })
      await loop.sleep(milliseconds: 20)
      cache.close()
      let text = try await reader.value
      #expect(text == "v")
    }
  }
}
