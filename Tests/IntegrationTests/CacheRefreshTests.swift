import Caching
import EventLoops
import RedisClient
import TestSupport
import Testing

@Suite(.serialized) struct CacheRefreshTests {
  private static func policy(beta: Double?, local: Bool = false) -> CachePolicy {
    CachePolicy(
      name: "asset", pattern: "asset:{symbol}", ttlMilliseconds: 60_000, usesLocal: local,
      earlyRefreshBeta: beta)
  }

  /// Goal: refreshed ahead of expiry by one reader while all others, and it, are served what is there.
  /// Method: a value that is surely due; the load is held.
  @Test(arguments: [false, true]) func presentValueIsServedWhileOneReaderRefreshes(
    local: Bool
  ) async throws {
    try await withRedis { loop, redis in
      let one = try await CacheAside.ready(loop, redis.url)
      let two = try await CacheAside.ready(loop, redis.url)
      defer {
        one.close()
        two.close()
      }
      // Loading took 1,000 s: due with probability exp(-60/1000), again and again.
      #expect(redis.command("SET", "asset:A", "1000000000 old", "PX", "60000") == "+OK\r\n")
      let policy = CacheRefreshTests.policy(beta: 1, local: local)
      let table = CacheTable(loop)
      table.rows["asset:A"] = "new"
      table.holdsAfterReading = true
      for _ in 0..<100 {
        for cache in [one, two] {
          let (text, outcome) = try await cache.text("asset:A", policy, table)
          #expect(text == "old" && (outcome == .hit || outcome == .localHit))
        }
      }
      try #require(await loop.wait { table.heldCount == 1 })
      #expect(table.queries == 1, "the lease lets one refresh")
      #expect(redis.number("EXISTS", "asset:A", "lease:{asset:A}") == 2)
      table.letGo()
      try #require(
        await loop.wait {
          one.statistics[policy].refreshes + two.statistics[policy].refreshes == 1
        })
      try #require(await loop.wait { redis.number("EXISTS", "lease:{asset:A}") == 0 })
      let refresher = one.statistics[policy].refreshes == 1 ? one : two
      // The answer to the store may still be on its way to the value kept in the process.
      _ = try await refresher.redis.send(Redis.Ping())
      let (text, _) = try await refresher.text("asset:A", policy, table)
      #expect(text == "new")
    }
  }

  @Test func refreshIsAsSafeAsAMissAgainstAWrite() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      #expect(redis.command("SET", "asset:A", "1000000000 old", "PX", "60000") == "+OK\r\n")
      let policy = CacheRefreshTests.policy(beta: 1)
      let table = CacheTable(loop)
      table.rows["asset:A"] = "old"
      table.holdsAfterReading = true
      while table.heldCount == 0 { _ = try await cache.text("asset:A", policy, table) }
      table.rows["asset:A"] = "new"
      await cache.invalidate(["asset:A"])
      table.letGo()
      try #require(await loop.wait { cache.statistics[policy].fillsRefused == 1 })
      let (text, _) = try await cache.text("asset:A", policy, table)
      #expect(text == "new")
    }
  }

  /// Goal: through the whole cache, too, refreshes come at the formula's rate. Method: delta and what
  /// is left are chosen so that one read in e is due; each refresh is undone before the next read.
  @Test func rateOfRefreshesIsTheFormulas() async throws {
    try await withRedis { loop, redis in
      let cache = try await CacheAside.ready(loop, redis.url, random: SplitMix64(seed: 5))
      defer { cache.close() }
      let policy = CacheRefreshTests.policy(beta: 2)
      let table = CacheTable(loop)
      table.rows["asset:A"] = "v"
      let reads = 1_000
      for _ in 0..<reads {
        // 30 s to load, beta 2, 60 s left: exp(-1). A ms more or less changes nothing.
        #expect(cache.redis.set("asset:A", "30000000 v", ttlMilliseconds: 60_000) == .queued)
        _ = try await cache.text("asset:A", policy, table)
        // The lease is taken and given back within these.
        _ = try await cache.redis.send(Redis.Ping())
        _ = try await cache.redis.send(Redis.Ping())
      }
      try #require(
        await loop.wait { cache.statistics[policy].refreshes == UInt64(table.queries) })
      let rate = Double(table.queries) / Double(reads)
      // Five standard deviations of 1,000 draws at 0.368.
      #expect(abs(rate - 0.3679) < 5 * 0.0153, "\(rate)")
    }
  }
}
