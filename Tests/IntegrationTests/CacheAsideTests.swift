import Caching
import EventLoops
import RedisClient
import TestSupport
import Testing

@Suite(.serialized) struct CacheAsideTests {
  @Test func missLoadsOnceAndIsReadableInRedis() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "{\"a\":1}"
      let first = try await cache.text("watchlist:1", testPolicy, table)
      #expect(first == ("{\"a\":1}", .miss))
      let second = try await cache.text("watchlist:1", testPolicy, table)
      #expect(second == ("{\"a\":1}", .hit))
      #expect(table.queries == 1)
      let stored = try #require(redis.command("GET", "watchlist:1"))
      #expect(stored.contains(" {\"a\":1}"))
      let ttl = redis.number("PTTL", "watchlist:1")
      #expect((50_000...60_000).contains(ttl))
      #expect(redis.number("EXISTS", "lease:{watchlist:1}") == 0)
    }
  }

  /// Goal: 10,000 misses at a time make one query. Method: ten caches with their own links, so that
  /// single flight joins only within each; the lease must do the rest.
  @Test func tenThousandMissesMakeOneQuery() async throws {
    try await withRedis { loop, redis in
      var caches: [CacheAside] = []
      for _ in 0..<10 {
        caches.append(try await CacheAside.ready(loop, redis.url, options: stampedeOptions))
      }
      defer { for cache in caches { cache.close() } }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "v"
      table.delayMilliseconds = 100
      let box = OnLoop((caches, table))
      let outcomes = try await withThrowingTaskGroup(of: CacheOutcome.self) { group in
        for number in 0..<10_000 {
          group.addTask(executorPreference: loop) {
            let (caches, table) = box.value
            let (text, outcome) = try await caches[number % 10].text(
              "watchlist:1", stampedePolicy, table)
            #expect(text == "v")
            return outcome
          }
        }
        var outcomes: [CacheOutcome: Int] = [:]
        for try await outcome in group { outcomes[outcome, default: 0] += 1 }
        return outcomes
      }
      #expect(table.queries == 1)
      #expect(outcomes == [.miss: 1, .waited: 9_999])
      // Waiters were woken, not timed out.
      #expect(caches.allSatisfy { $0.flightCount == 0 })
    }
  }

  /// Goal: the stale set. A reader reads the old row, a writer commits and invalidates, the reader
  /// fills late. Method: the load is held between reading and returning.
  @Test(arguments: [testPolicy, localPolicy]) func readerThatReadBeforeAWriteNeverFills(
    policy: CachePolicy
  ) async throws {
    try await withRedis { loop, redis in
      let reader = try await CacheAside.ready(loop, redis.url)
      let writer = try await CacheAside.ready(loop, redis.url)
      defer {
        reader.close()
        writer.close()
      }
      let key = policy.usesLocal ? "asset:A" : "watchlist:1"
      let table = CacheTable(loop)
      table.rows[key] = "old"
      table.holdsAfterReading = true
      let box = OnLoop((reader, table))
      let slow = Task.immediate(executorPreference: loop) {
        try await box.value.0.text(key, policy, box.value.1)
      }
      try #require(await loop.wait { table.heldCount == 1 })
      table.rows[key] = "new"
      await writer.invalidate([key])
      table.letGo()
      let old = try await slow.value
      #expect(old.0 == "old", "it began before the write ended")
      try #require(await loop.wait { reader.statistics[policy].fillsRefused == 1 })
      for cache in [reader, writer, reader, writer] {
        let (text, _) = try await cache.text(key, policy, table)
        #expect(text == "new")
      }
    }
  }

  /// A read that begins after an invalidation never joins a load that began before it.
  @Test(.timeLimit(.minutes(1))) func readAfterAWriteDoesNotJoinAnOlderLoad() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "old"
      table.holdsAfterReading = true
      let box = OnLoop((cache, table))
      let slow = Task.immediate(executorPreference: loop) {
        try await box.value.0.text("watchlist:1", testPolicy, box.value.1).0
      }
      try #require(await loop.wait { table.heldCount == 1 })
      table.rows["watchlist:1"] = "new"
      await cache.invalidate(["watchlist:1"])
      table.holdsAfterReading = false
      let (text, _) = try await cache.text("watchlist:1", testPolicy, table)
      #expect(text == "new")
      table.letGo()
      _ = try await slow.value
      let (after, outcome) = try await cache.text("watchlist:1", testPolicy, table)
      #expect(after == "new" && outcome == .hit)
    }
  }

  @Test func failedLoadGivesTheLeaseBackAtOnce() async throws {
    struct Broken: Error {}
    try await withRedis { loop, redis in
      let one = try await CacheAside.ready(loop, redis.url)
      let two = try await CacheAside.ready(loop, redis.url)
      defer {
        one.close()
        two.close()
      }
      await #expect(throws: Broken.self) {
        _ = try await one.read("watchlist:1", testPolicy) {
          await loop.sleep(milliseconds: 50)
          throw Broken()
        }
      }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "v"
      let before = loop.nowMilliseconds
      let (text, outcome) = try await two.text("watchlist:1", testPolicy, table)
      #expect(text == "v" && outcome == .miss)
      #expect(loop.nowMilliseconds - before < 1_000)
    }
  }

  @Test func loaderThatDiedCostsTheOthersABoundedWait() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      #expect(redis.command("SET", "lease:{watchlist:1}", "dead", "PX", "5000") == "+OK\r\n")
      let policy = CachePolicy(
        name: "watchlist", pattern: "watchlist:{userId}", ttlMilliseconds: 60_000,
        waitMilliseconds: 100)
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "v"
      let before = loop.nowMilliseconds
      let (text, outcome) = try await cache.text("watchlist:1", policy, table)
      #expect(text == "v" && outcome == .bypass(.waitedTooLong))
      #expect((90...1_000).contains(loop.nowMilliseconds - before))
      // It had no lease, so it stored nothing.
      #expect(redis.number("EXISTS", "watchlist:1") == 0)
    }
  }

  @Test func absentRowIsCachedShortlyAndInvalidatedByItsInsert() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      for expected: CacheOutcome in [.miss, .hit, .hit] {
        let (text, outcome) = try await cache.text("watchlist:1", testPolicy, table)
        #expect(text == nil && outcome == expected)
      }
      let ttl = redis.number("PTTL", "watchlist:1")
      #expect((3_000...5_000).contains(ttl))
      table.rows["watchlist:1"] = "v"
      await cache.invalidate(["watchlist:1"])
      let (text, _) = try await cache.text("watchlist:1", testPolicy, table)
      #expect(text == "v")
      #expect(table.queries == 2)
    }
  }

  @Test func valueOver64KiBPassesTheCacheAndIsCounted() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = String(repeating: "x", count: 65_537)
      table.rows["watchlist:2"] = String(repeating: "x", count: 65_536)
      for _ in 0..<3 {
        let (text, outcome) = try await cache.text("watchlist:1", testPolicy, table)
        #expect(text?.utf8.count == 65_537 && outcome == .bypass(.tooLarge))
      }
      #expect(table.queries == 3)
      #expect(cache.statistics[testPolicy].bypassed[.tooLarge] == 3)
      let isGone = await loop.wait {
        redis.number("EXISTS", "watchlist:1", "lease:{watchlist:1}") == 0
      }
      #expect(isGone)
      for expected: CacheOutcome in [.miss, .hit] {
        let (text, outcome) = try await cache.text("watchlist:2", testPolicy, table)
        #expect(text?.utf8.count == 65_536 && outcome == expected)
      }
    }
  }

  @Test func whatIsNotOursUnderAKeyIsDeletedAndLoadedAnew() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "v"
      for isHash in [false, true] {
        _ = redis.command("DEL", "watchlist:1")
        _ =
          isHash
          ? redis.command("HSET", "watchlist:1", "field", "value")
          : redis.command("SET", "watchlist:1", "rubbish")
        let (text, outcome) = try await cache.text("watchlist:1", testPolicy, table)
        #expect(text == "v" && outcome == .bypass(.unavailable), "\(isHash) \(outcome)")
        let (_, then) = try await cache.text("watchlist:1", testPolicy, table)
        #expect(then == .miss)
        let (_, last) = try await cache.text("watchlist:1", testPolicy, table)
        #expect(last == .hit, "\(isHash)")
      }
      #expect(cache.statistics[testPolicy].malformed == 2)
    }
  }

  @Test func redisThatForgotTheScriptsGetsThemAgain() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "v"
      #expect(redis.command("SCRIPT", "FLUSH") == "+OK\r\n")
      let (_, outcome) = try await cache.text("watchlist:1", testPolicy, table)
      #expect(outcome == .miss)
      #expect(redis.command("SCRIPT", "FLUSH") == "+OK\r\n")
      let (_, then) = try await cache.text("watchlist:1", testPolicy, table)
      #expect(then == .hit)
      await cache.invalidate(["watchlist:1"])
      #expect(redis.number("EXISTS", "watchlist:1") == 0)
    }
  }

  @Test func cancelledReaderLeavesAndTheLoadGoesOn() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "v"
      table.holdsAfterReading = true
      let box = OnLoop((cache, table))
      let readers = (0..<2).map { _ in
        Task.immediate(executorPreference: loop) {
          try await box.value.0.text("watchlist:1", testPolicy, box.value.1).0
        }
      }
      try #require(await loop.wait { table.heldCount == 1 })
      readers[0].cancel()
      await #expect(throws: CancellationError.self) { _ = try await readers[0].value }
      table.letGo()
      let text = try await readers[1].value
      #expect(text == "v")
      #expect(table.queries == 1)
    }
  }

  @Test func moreKeysThanTheBoundAndLongKeysPassTheCache() async throws {
    try await withRedis { loop, redis in
      var options = quickCacheOptions
      options.flightsMax = 1
      let cache = try await CacheAside.ready(loop, redis.url, options: options)
      defer { cache.close() }
      let table = CacheTable(loop)
      let long = "watchlist:" + String(repeating: "x", count: CachingLimits.keyBytesMax)
      for key in ["watchlist:1", "watchlist:2", long] { table.rows[key] = "v" }
      table.holdsAfterReading = true
      let box = OnLoop((cache, table))
      let first = Task.immediate(executorPreference: loop) {
        try await box.value.0.text("watchlist:1", testPolicy, box.value.1).1
      }
      try #require(await loop.wait { table.heldCount == 1 })
      table.holdsAfterReading = false
      for key in ["watchlist:2", long] {
        let (text, outcome) = try await cache.text(key, testPolicy, table)
        #expect(text == "v" && outcome == .bypass(.full))
      }
      table.letGo()
      let outcome = try await first.value
      #expect(outcome == .miss)
      let (_, then) = try await cache.text(long, testPolicy, table)
      #expect(then == .bypass(.full))
      #expect(redis.number("EXISTS", long) == 0)
    }
  }
}
