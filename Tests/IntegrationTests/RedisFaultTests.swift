import EventLoops
import RedisClient
import TestSupport
import Testing

/// What a connection told its owner, in order. Lives until the connection is closed.
final class LinkLog {
  var ready = 0
  var downs: [RedisLinkDown] = []
  var failures: [RedisLinkDown] = []

  init(_ connection: RedisConnection) {
    connection.onReady = { [self] in ready += 1 }
    connection.onDown = { [self] in downs.append($0) }
    connection.onAttemptFailed = { [self] in failures.append($0) }
  }
}

@Suite(.serialized) struct RedisFaultTests {
  @Test func killedServerFailsPendingCommandsAndIsFoundAgain() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis, options: quickOptions)
      defer { connection.close() }
      let log = LinkLog(connection)
      redis.stop()
      var lost: [RedisError] = []
      connection.send(Redis.Get("k")) { result in
        if case .failure(let error) = result { lost.append(error) }
      }
      await loop.sleep(milliseconds: 5)  // it leaves
      connection.send(Redis.Get("k")) { result in
        if case .failure(let error) = result { lost.append(error) }
      }
      redis.kill()
      #expect(await loop.wait { log.downs.count == 1 })
      #expect(lost.first == .connectionLost(mayHaveExecuted: true))
      #expect(lost.count == 2)
      // While down: refused at once, nothing is queued.
      #expect(connection.set("k", "v") == .notConnected)
      await #expect(throws: RedisError.notConnected) { try await connection.get("k") }
      #expect(connection.pendingCount == 0 && connection.outputBytes == 0)
      #expect(await loop.wait { log.failures.count > 2 })
      try redis.start()
      #expect(await loop.wait { log.ready == 1 })
      #expect(try await connection.getText("k") == nil)
      #expect(connection.counters.link.linksLost == 1)
    }
  }

  /// Goal: the production defaults notice a Redis that only stopped answering, idle or busy, within
  /// the bound that they promise.
  @Test(arguments: [false, true]) func stoppedServerIsNoticedInTime(isBusy: Bool) async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      let log = LinkLog(connection)
      await loop.sleep(milliseconds: 350)  // some probes that are answered
      #expect(log.downs.isEmpty)
      redis.stop()
      let began = loop.nowMilliseconds
      if isBusy { #expect(connection.set("k", "v") == .queued) }
      #expect(await loop.wait(milliseconds: 3_000) { !log.downs.isEmpty })
      let took = loop.nowMilliseconds - began
      #expect(took <= RedisOptions().silenceNoticedWithinMilliseconds)
      #expect(log.downs == [.silent(milliseconds: 900)])
      redis.resume()
      #expect(await loop.wait { log.ready == 1 })
    }
  }

  @Test func idleLinkStaysUpByProbes() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis, options: quickOptions)
      defer { connection.close() }
      let log = LinkLog(connection)
      await loop.sleep(milliseconds: 600)
      #expect(log.downs.isEmpty)
      #expect(connection.counters.link.probes >= 3)
      // One probe may be under way.
      #expect(connection.counters.lost == 0 && connection.pendingCount <= 1)
    }
  }

  /// A blocking command says how long it may take, and is not taken for a dead link.
  @Test func blockingCommandOutlivesTheAnswerTimeout() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis, options: quickOptions)
      defer { connection.close() }
      let words = ["BLPOP", "nothing", "0.4"].map { Array($0.utf8) }
      let command = Redis.RawCommand(words, blockingMilliseconds: 400)
      #expect(try await connection.send(command) == .null)
      let impatient = Redis.RawCommand(words)
      await #expect(throws: RedisError.connectionLost(mayHaveExecuted: true)) {
        try await connection.send(impatient)
      }
    }
  }

  @Test func missingServerIsTriedAgainWithGrowingWaits() async throws {
    try await withLoop { loop in
      let url = try RedisURL("unix:///tmp/tapedeck-no-such-redis.sock")
      let connection = RedisConnection(loop: loop, url: url, options: quickOptions)
      defer { connection.close() }
      let log = LinkLog(connection)
      connection.start()
      #expect(await loop.wait { log.failures.count >= 5 })
      #expect(Swift.Set(log.failures) == [.connectFailed(2)])
      #expect(connection.counters.link.connectFailures == UInt64(log.failures.count))
      #expect(!connection.isReady)
    }
  }

  /// A peer that accepts and never answers: the greeting is under the connect timeout.
  @Test func silentPeerIsGivenUpDuringTheGreeting() async throws {
    try await withRedis { loop, redis in
      redis.stop()
      var options = quickOptions
      options.connectTimeoutMilliseconds = 80
      let connection = RedisConnection(
        loop: loop, url: try RedisURL(redis.url), options: options)
      defer { connection.close() }
      let log = LinkLog(connection)
      connection.start()
      #expect(await loop.wait { !log.failures.isEmpty })
      #expect(log.failures.first == .connectTimedOut(milliseconds: 80))
      redis.resume()
      #expect(await loop.wait { log.ready == 1 })
    }
  }

  /// Goal: output is bounded when Redis stops reading, says so, and says when there is room again.
  @Test func outputIsBoundedAndDrains() async throws {
    try await withRedis { loop, redis in
      var options = RedisOptions()
      options.outputBytesMax = 1 << 20
      options.outputBytesLow = 1 << 18
      let connection = try await RedisConnection.ready(loop, redis, options: options)
      defer { connection.close() }
      var drained = 0
      connection.onDrained = { drained += 1 }
      redis.stop()
      let value = String(repeating: "x", count: 10_000)
      var outcomes: [RedisAppend: Int] = [:]
      for turn in 0..<40 {
        for _ in 0..<10 { outcomes[connection.set("k\(turn)", value), default: 0] += 1 }
        await loop.sleep(milliseconds: 2)
      }
      #expect(connection.outputBytes <= 1 << 20)
      #expect((outcomes[.full] ?? 0) > 0 && (outcomes[.queued] ?? 0) > 0)
      #expect(connection.counters.refusedFull == UInt64(outcomes[.full] ?? 0))
      #expect(drained == 0)
      await #expect(throws: RedisError.full) {
        try await connection.send(Redis.RawCommand("ECHO", String(repeating: "y", count: 1 << 20)))
      }
      redis.resume()
      #expect(await loop.wait { drained == 1 && connection.pendingCount == 0 })
      #expect(connection.set("k", "v") == .queued)
      #expect(connection.isReady)
      #expect(connection.counters.link.partialWrites > 0)
    }
  }

  @Test func unansweredCommandsAreBoundedAndDrain() async throws {
    try await withRedis { loop, redis in
      var options = RedisOptions()
      options.outputBytesMax = 64 << 20
      let connection = try await RedisConnection.ready(loop, redis, options: options)
      defer { connection.close() }
      var drained = 0
      connection.onDrained = { drained += 1 }
      let key = Array("k".utf8)
      for _ in 0..<RedisLimits.pendingMax { _ = connection.delete(key: key.span.bytes) }
      #expect(connection.pendingCount == RedisLimits.pendingMax)
      #expect(connection.delete(key: key.span.bytes) == .full)
      var refusal: RedisError?
      connection.get(key: key.span.bytes) { result in
        if case .failure(let error) = result { refusal = error }
      }
      #expect(refusal == .full)
      #expect(await loop.wait(milliseconds: 20_000) { connection.pendingCount == 0 })
      #expect(drained == 1 && connection.counters.refusedFull == 2)
    }
  }

  @Test func replyOverTheLimitClosesTheLinkByName() async throws {
    try await withRedis { loop, redis in
      // It is the size that ends the link here; on a busy machine the silence could come first.
      var options = RedisOptions()
      options.answerTimeoutMilliseconds = 20_000
      let connection = try await RedisConnection.ready(loop, redis, options: options)
      defer { connection.close() }
      let log = LinkLog(connection)
      await #expect(throws: RedisError.connectionLost(mayHaveExecuted: true)) {
        try await connection.eval("return string.rep('x', 17 * 1024 * 1024)")
      }
      #expect(log.downs == [.replyTooLarge])
      #expect(await loop.wait { connection.isReady })
      await #expect(throws: RedisError.connectionLost(mayHaveExecuted: true)) {
        try await connection.eval("local t = {} for i = 1, 300000 do t[i] = i end return t")
      }
      #expect(log.downs == [.replyTooLarge, .replyTooLarge])
      #expect(await loop.wait { connection.isReady })
      let value = try await connection.eval("return string.rep('x', 8 * 1024 * 1024)")
      #expect(value.bytes?.count == 8 << 20)
    }
  }

  @Test func closeInsideACallbackEndsEverything() async throws {
    try await withRedis { loop, redis in
      let connection = try await RedisConnection.ready(loop, redis)
      var results: [String] = []
      for name in ["first", "second"] {
        connection.send(Redis.Get(name)) { result in
          switch result {
          case .success: results.append("\(name) answered")
          case .failure(let error): results.append("\(name) \(error)")
          }
          connection.close()
        }
      }
      #expect(await loop.wait { results.count == 2 })
      #expect(
        results == [
          "first answered", "second \(RedisError.connectionLost(mayHaveExecuted: true))",
        ])
      #expect(connection.set("k", "v") == .notConnected)
      connection.close()
    }
  }
}
