import Caching
import EventLoops
import RedisClient
import TestSupport
import Testing

@Suite(.serialized) struct CacheInvalidationTests {
  private func two(
    _ loop: EventLoop, _ redis: PrivateRedis
  ) async throws -> (CacheAside, CacheAside) {
    (try await CacheAside.ready(loop, redis.url), try await CacheAside.ready(loop, redis.url))
  }

  /// What was invalidated by one process, every other one has dropped.
  @Test func invalidationReachesTheLocalValuesOfOthers() async throws {
    try await withRedis { loop, redis in
      let (one, two) = try await two(loop, redis)
      defer {
        one.close()
        two.close()
      }
      let table = CacheTable(loop)
      table.rows["asset:A"] = "old"
      for cache in [one, two] {
        _ = try await cache.text("asset:A", localPolicy, table)
        try #require(await loop.wait { cache.localCount == 1 })
        let (text, outcome) = try await cache.text("asset:A", localPolicy, table)
        #expect(text == "old" && outcome == .localHit)
      }
      table.rows["asset:A"] = "new"
      let before = EventLoop.monotonicNanoseconds
      await one.invalidate(["asset:A"])
      #expect(one.localCount == 0)
      try #require(await loop.wait { two.localCount == 0 })
      #expect(EventLoop.monotonicNanoseconds - before < 100_000_000)
      for cache in [two, one] {
        let (text, _) = try await cache.text("asset:A", localPolicy, table)
        #expect(text == "new")
      }
    }
  }

  /// Goal: values kept in the process go with the subscription that would tell of their end. Method:
  /// the subscription is cut and the value changed in Redis without a word.
  @Test func lossOfTheSubscriptionEmptiesTheLocalValues() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["asset:A"] = "old"
      for _ in 0..<2 { _ = try await cache.text("asset:A", localPolicy, table) }
      try #require(await loop.wait { cache.localCount == 1 })
      #expect(redis.number("CLIENT", "KILL", "TYPE", "pubsub") == 1)
      #expect(redis.command("SET", "asset:A", "1 new", "PX", "60000") == "+OK\r\n")
      try #require(await loop.wait { cache.localCount == 0 })
      let (text, outcome) = try await cache.text("asset:A", localPolicy, table)
      #expect(text == "new" && outcome == .hit)
      try #require(await loop.wait { cache.isListening })
      _ = try await cache.text("asset:A", localPolicy, table)
      try #require(await loop.wait { cache.localCount == 1 })
    }
  }

  @Test func nothingIsKeptLocallyWhileNobodyWouldTell() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["asset:A"] = "v"
      // Connections may be made again, but this one may not subscribe.
      #expect(redis.command("ACL", "SETUSER", "default", "-subscribe") == "+OK\r\n")
      _ = redis.number("CLIENT", "KILL", "TYPE", "pubsub")
      try #require(await loop.wait { !cache.isListening })
      for _ in 0..<3 { _ = try await cache.text("asset:A", localPolicy, table) }
      #expect(cache.localCount == 0)
      #expect(table.queries == 1, "Redis still serves")
      #expect(redis.command("ACL", "SETUSER", "default", "+subscribe") == "+OK\r\n")
      try #require(await loop.wait { cache.isListening })
    }
  }

  /// Goal: a pattern takes values, leases and local values, and nothing else. Method: 1,500 keys, so
  /// that SCAN needs several batches; one reader loads while the pattern is invalidated.
  @Test func patternTakesValuesLeasesAndLocalValues() async throws {
    try await withRedis { loop, redis in
      let (one, two) = try await two(loop, redis)
      defer {
        one.close()
        two.close()
      }
      let table = CacheTable(loop)
      for number in 0..<1_500 {
        #expect(
          one.redis.set("asset:A\(number)", "1 old", ttlMilliseconds: 60_000) == .queued)
      }
      table.rows["asset:B1"] = "kept"
      table.rows["asset:A1"] = "old"
      for key in ["asset:A1", "asset:B1"] { _ = try await two.text(key, localPolicy, table) }
      try #require(await loop.wait { two.localCount == 2 })
      // Evicted from Redis, kept by a process.
      _ = redis.command("DEL", "asset:A1")
      table.rows["asset:Aslow"] = "old"
      table.holdsAfterReading = true
      let box = OnLoop((two, table))
      let slow = Task.immediate(executorPreference: loop) {
        try await box.value.0.text("asset:Aslow", localPolicy, box.value.1)
      }
      try #require(await loop.wait { table.heldCount == 1 })
      for key in ["asset:A1", "asset:Aslow"] { table.rows[key] = "new" }
      let deleted = await one.invalidate(pattern: "asset:A*")
      #expect(deleted == 1_499)
      table.letGo()
      _ = try await slow.value
      try #require(await loop.wait { two.localCount == 1 })
      try #require(await loop.wait { two.statistics[localPolicy].fillsRefused == 1 })
      for (key, expected) in [("asset:A1", "new"), ("asset:Aslow", "new"), ("asset:B1", "kept")] {
        let (text, _) = try await two.text(key, localPolicy, table)
        #expect(text == expected)
      }
      let (_, outcome) = try await two.text("asset:B1", localPolicy, table)
      #expect(outcome == .localHit)
    }
  }

  /// Goal: what could not be told to Redis is told before the cache is believed again. Method: Redis
  /// keeps its values and stops answering during the write; the link is given up before, or not yet.
  @Test(arguments: [false, true]) func invalidationWhileRedisDoesNotAnswerIsMadeGood(
    linkIsGone: Bool
  ) async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      table.rows["watchlist:1"] = "old"
      for _ in 0..<2 { _ = try await cache.text("watchlist:1", testPolicy, table) }
      redis.stop()
      if linkIsGone { try #require(await loop.wait { !cache.redis.isReady }) }
      table.rows["watchlist:1"] = "new"
      await cache.invalidate(["watchlist:1"])
      #expect(!cache.isAvailable)
      for _ in 0..<3 {
        let (text, outcome) = try await cache.text("watchlist:1", testPolicy, table)
        #expect(text == "new" && outcome == .bypass(.unavailable))
      }
      redis.resume()
      try #require(await loop.wait { cache.isAvailable })
      let (text, _) = try await cache.text("watchlist:1", testPolicy, table)
      #expect(text == "new")
      let (_, outcome) = try await cache.text("watchlist:1", testPolicy, table)
      #expect(outcome == .hit)
    }
  }

  @Test func moreThanCanBeRememberedDeletesEverything() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      let table = CacheTable(loop)
      let keys = (0...CachingLimits.pendingKeysMax).map { "watchlist:\($0)" }
      table.rows["watchlist:x"] = "old"
      _ = try await cache.text("watchlist:x", testPolicy, table)
      redis.stop()
      try #require(await loop.wait { !cache.redis.isReady })
      await cache.invalidate(keys)
      redis.resume()
      try #require(await loop.wait { cache.isAvailable })
      #expect(redis.number("EXISTS", "watchlist:x") == 0)
    }
  }

  @Test func versionedKeysAreReadByTheirPointer() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      final class Profile {
        var version: Int64 = 1
        var name = "old"
        var loads = 0
      }
      let profile = Profile()
      func read() async throws -> String? {
        let answer = try await cache.readVersioned(
          pointer: "user:1:version", key: { "user:1:profile:v\($0)" },
          loadVersion: { profile.version },
          load: {
            profile.loads += 1
            return Array(profile.name.utf8)
          })
        return answer.value.map { String(decoding: $0, as: UTF8.self) }
      }
      for _ in 0..<3 {
        let name = try await read()
        #expect(name == "old")
      }
      #expect(profile.loads == 1)
      profile.version = 2
      profile.name = "new"
      await cache.invalidate(["user:1:version"])
      for _ in 0..<3 {
        let name = try await read()
        #expect(name == "new")
      }
      #expect(profile.loads == 2)
      #expect(redis.number("EXISTS", "user:1:profile:v1", "user:1:profile:v2") == 2)
    }
  }
}
