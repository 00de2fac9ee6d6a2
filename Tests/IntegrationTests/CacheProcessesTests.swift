// Two real processes with caches over one Redis. A process is this test program again, told by its
// environment to run `CachePeerTests` alone and what to do there; both talk by keys of that Redis.
import Caching
import EventLoops
import Glibc
import RedisClient
import TestSupport
import Testing

private let urlVariable = "TAPEDECK_CACHE_PEER_URL"
private let partVariable = "TAPEDECK_CACHE_PEER_PART"

@Suite(.serialized) struct CacheProcessesTests {
  private func peer(_ redis: PrivateRedis, _ part: String) throws -> KeptProcess {
    var path = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    try #require(count > 0)
    let program = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return try KeptProcess([
      "env", "\(urlVariable)=\(redis.url)", "\(partVariable)=\(part)", program,
      "--testing-library", "swift-testing", "--filter", "CachePeerTests",
    ])
  }

  /// Goal: 10,000 concurrent misses of two processes make exactly one query. Method: each has five
  /// caches with their own links and reads 5,000 times at once when both are ready.
  @Test func tenThousandMissesOfTwoProcessesMakeOneQuery() async throws {
    try await withRedis { loop, redis in
      let peers = [try peer(redis, "stampede"), try peer(redis, "stampede")]
      defer { for peer in peers { peer.end() } }
      func counted(_ key: String) -> Int {
        Int(redis.command("GET", key)?.split(separator: "\r\n").last ?? "") ?? 0
      }
      try #require(await loop.wait(milliseconds: 60_000) { counted("peer:ready") == 2 })
      _ = redis.command("SET", "peer:go", "1")
      try #require(await loop.wait(milliseconds: 60_000) { counted("peer:answers") == 10_000 })
      #expect(counted("peer:queries") == 1)
      #expect(counted("peer:wrong") == 0)
    }
  }

  /// What one process invalidates, the other's own values lose, by pub/sub.
  @Test func invalidationReachesTheLocalValuesOfAnotherProcess() async throws {
    try await withRedis { loop, redis in
      _ = redis.command("SET", "row", "old")
      let other = try peer(redis, "local")
      defer { other.end() }
      try #require(
        await loop.wait(milliseconds: 60_000) { redis.number("EXISTS", "peer:ready") == 1 })
      let cache = try await CacheAside.ready(loop, redis.url)
      defer { cache.close() }
      _ = redis.command("SET", "row", "new")
      let written = EventLoop.wallNanoseconds
      await cache.invalidate(["asset:A"])
      try #require(
        await loop.wait(milliseconds: 30_000) { redis.number("EXISTS", "peer:seen") == 1 })
      let answer = try #require(redis.command("GET", "peer:seen"))
      let seen = try #require(Int64(answer.split(separator: "\r\n").last ?? ""))
      #expect(seen > written && seen - written < 100_000_000, "\((seen - written) / 1_000) us")
    }
  }
}

/// The other process; skipped in an ordinary run.
@Suite struct CachePeerTests {
  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  @Test(.enabled(if: CachePeerTests.variable(partVariable) != nil)) func peer() async throws {
    let url = try #require(CachePeerTests.variable(urlVariable))
    let part = CachePeerTests.variable(partVariable)
    try await withLoop("peer") { loop in
      if part == "stampede" { try await stampede(loop, url) } else { try await local(loop, url) }
    }
  }

  private func stampede(_ loop: EventLoop, _ url: String) async throws {
    var caches: [CacheAside] = []
    for _ in 0..<5 {
      caches.append(try await CacheAside.ready(loop, url, options: stampedeOptions))
    }
    defer { for cache in caches { cache.close() } }
    let database = caches[0].redis
    _ = try await database.send(Redis.Increment("peer:ready"))
    while try await database.get("peer:go") == nil { await loop.sleep(milliseconds: 1) }
    let box = OnLoop(caches)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<5_000 {
        group.addTask(executorPreference: loop) {
          let caches = box.value
          let answer = try await caches[number % 5].read("watchlist:1", stampedePolicy) {
            _ = try await caches[0].redis.send(Redis.Increment("peer:queries"))
            await loop.sleep(milliseconds: 300)
            return Array("v".utf8)
          }
          let isRight = answer.value == Array("v".utf8)
          _ = try await caches[0].redis.send(
            Redis.Increment(isRight ? "peer:answers" : "peer:wrong"))
        }
      }
      try await group.waitForAll()
    }
  }

  private func local(_ loop: EventLoop, _ url: String) async throws {
    let cache = try await CacheAside.ready(loop, url)
    defer { cache.close() }
    func read() async throws -> (String, CacheOutcome) {
      let answer = try await cache.read("asset:A", localPolicy) {
        try await cache.redis.get("row")
      }
      return (String(decoding: answer.value ?? [], as: UTF8.self), answer.outcome)
    }
    while try await read() != ("old", .localHit) { await loop.sleep(milliseconds: 1) }
    _ = try await cache.redis.send(Redis.Increment("peer:ready"))
    while try await read().0 != "new" { await loop.sleep(milliseconds: 1) }
    let seen = String(EventLoop.wallNanoseconds)
    _ = try await cache.redis.send(
      Redis.Set(Array("peer:seen".utf8), Array(seen.utf8), ttlMilliseconds: 60_000))
  }
}

extension Redis.Increment {
  init(_ key: String) { self.init(Array(key.utf8)) }
}
