import Caching
import EventLoops
import RedisClient
import TestSupport
import Testing

@Suite(.serialized) struct CacheWriteThroughTests {
  private static let policy = CachePolicies.session

  private final class Sessions {
    var row: VersionedValue?
    var loads = 0
    var logged: [String] = []
  }

  private func writeThrough(
    _ loop: EventLoop, _ redis: PrivateRedis, _ sessions: Sessions
  ) async throws -> WriteThrough {
    var options = quickCacheOptions
    options.policies = [CacheWriteThroughTests.policy]
    let cache = try await CacheAside.ready(loop, redis.url, options: options)
    return WriteThrough(cache: cache) { sessions.logged.append($0) }
  }

  private func value(_ version: Int64, _ text: String?) -> VersionedValue {
    VersionedValue(version: version, bytes: text.map { Array($0.utf8) })
  }

  private func read(
    _ through: WriteThrough, _ sessions: Sessions
  ) async throws -> (String?, CacheOutcome) {
    let answer = try await through.read("session:s", CacheWriteThroughTests.policy) {
      sessions.loads += 1
      return sessions.row
    }
    return (answer.value.map { String(decoding: $0, as: UTF8.self) }, answer.outcome)
  }

  private func write(
    _ through: WriteThrough, _ sessions: Sessions, _ value: VersionedValue
  ) async throws {
    try await through.write("session:s", CacheWriteThroughTests.policy) {
      if (sessions.row?.version ?? -1) < value.version { sessions.row = value }
      return value
    }
  }

  @Test func writeIsReadWithoutAQueryAndReadingProlongs() async throws {
    try await withRedis { loop, redis in
      let sessions = Sessions()
      let through = try await writeThrough(loop, redis, sessions)
      defer { through.cache.close() }
      try await write(through, sessions, value(1, "a"))
      #expect(redis.command("GET", "session:s") == "$3\r\n1 a\r\n")
      #expect(redis.command("PEXPIRE", "session:s", "5000") == ":1\r\n")
      let (text, outcome) = try await read(through, sessions)
      #expect(text == "a" && outcome == .hit)
      #expect(sessions.loads == 0)
      #expect((1_790_000...1_800_000).contains(redis.number("PTTL", "session:s")))
    }
  }

  @Test func olderVersionNeverReplacesANewerOne() async throws {
    try await withRedis { loop, redis in
      let sessions = Sessions()
      let through = try await writeThrough(loop, redis, sessions)
      defer { through.cache.close() }
      // 9 and 10: not compared as text; the largest: not compared as Lua's numbers.
      for (older, newer) in [(Int64(9), Int64(10)), (.max - 1, .max)] {
        try await write(through, sessions, value(newer, "new"))
        try await write(through, sessions, value(older, "old"))
        let (text, _) = try await read(through, sessions)
        #expect(text == "new")
      }
      #expect(through.setsOlder == 2)
    }
  }

  /// Goal: an ended session stays ended. Method: ended, the notification of its row deletes what Redis
  /// held, then an older write arrives late.
  @Test func endedValueIsNotRaisedByALateWrite() async throws {
    try await withRedis { loop, redis in
      let sessions = Sessions()
      let through = try await writeThrough(loop, redis, sessions)
      defer { through.cache.close() }
      try await write(through, sessions, value(1, "a"))
      try await write(through, sessions, value(3, nil))
      let (ended, outcome) = try await read(through, sessions)
      #expect(ended == nil && outcome == .hit)
      await through.cache.invalidate(["session:s"])
      #expect(redis.command("GET", "session:s") == "$2\r\n3?\r\n")
      try await write(through, sessions, value(2, "late"))
      let (text, _) = try await read(through, sessions)
      #expect(text == nil)
      #expect(sessions.loads == 1)
      let isStored = await loop.wait { redis.command("GET", "session:s") == "$2\r\n3-\r\n" }
      #expect(isStored)
    }
  }

  /// The reader's load began before the write that ended the session.
  @Test func readerThatLoadedBeforeAWriteNeverFills() async throws {
    try await withRedis { loop, redis in
      let sessions = Sessions()
      let through = try await writeThrough(loop, redis, sessions)
      defer { through.cache.close() }
      sessions.row = value(1, "a")
      let box = OnLoop((through, sessions))
      let slow = Task.immediate(executorPreference: loop) {
        let (through, sessions) = box.value
        return try await through.read("session:s", CacheWriteThroughTests.policy) {
          let row = sessions.row
          await loop.sleep(milliseconds: 100)
          return row
        }
      }
      await loop.sleep(milliseconds: 30)
      try await write(through, sessions, value(2, nil))
      _ = try await slow.value
      try #require(
        await loop.wait {
          through.cache.statistics[CacheWriteThroughTests.policy].fillsRefused == 1
        })
      let (text, outcome) = try await read(through, sessions)
      #expect(text == nil && outcome == .hit)
    }
  }

  @Test func writeWithoutRedisGoesToTheLogAndIsNotLostToReaders() async throws {
    try await withRedis { loop, redis in
      let sessions = Sessions()
      let through = try await writeThrough(loop, redis, sessions)
      defer { through.cache.close() }
      try await write(through, sessions, value(1, "a"))
      redis.stop()
      try await write(through, sessions, value(2, "b"))
      #expect(sessions.logged == ["session:s"])
      let (text, outcome) = try await read(through, sessions)
      #expect(text == "b" && outcome == .bypass(.unavailable))
      redis.resume()
      try #require(await loop.wait { through.cache.isAvailable })
      let (after, _) = try await read(through, sessions)
      #expect(after == "b")
    }
  }
}
