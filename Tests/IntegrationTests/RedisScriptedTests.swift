import EventLoops
import RedisClient
import TestSupport
import Testing

/// Answers that a lone real Redis does not give.
@Suite(.serialized) struct RedisScriptedTests {
  private func withScript(
    _ script: @escaping ScriptedRedis.Script,
    _ body: @escaping @Sendable (EventLoop, RedisURL) async throws -> Void
  ) async throws {
    let server = try ScriptedRedis(script)
    defer { server.close() }
    try await withLoop("redis") { loop in try await body(loop, try RedisURL(server.url)) }
  }

  /// PING is answered as it must be; everything else by `answer`.
  private func serving(
    _ answer: @escaping @Sendable (_ connection: Int, _ words: [String]) -> ScriptedRedis.Answer
  ) -> ScriptedRedis.Script {
    { connection, words in words == ["PING"] ? .text("+PONG\r\n") : answer(connection, words) }
  }

  @Test func movedChannelIsRefusedWithItsNewPlace() async throws {
    let script = serving { _, words in
      words[1] == "away"
        ? .text("-MOVED 3999 10.0.0.7:6381\r\n")
        : .text("*3\r\n$10\r\nssubscribe\r\n$\(words[1].utf8.count)\r\n\(words[1])\r\n:1\r\n")
    }
    try await withScript(script) { loop, url in
      let listener = Listener()
      var options = quickOptions
      options.refusedRetryMilliseconds = 40
      let subscriber = RedisSubscriber(loop: loop, url: url, options: options, delegate: listener)
      defer { subscriber.close() }
      subscriber.start()
      for (token, name) in ["here", "away", "there"].enumerated() {
        #expect(subscriber.subscribe(name, token: UInt32(token)))
      }
      #expect(await loop.wait { listener.refusals[1] != nil && listener.subscribed.count == 2 })
      let place = listener.refusals[1]?.redirection
      #expect(place?.slot == 3_999 && place?.host == "10.0.0.7" && place?.port == 6_381)
      // It is asked for again, and the link stays.
      #expect(await loop.wait { subscriber.counters.refusals >= 3 })
      #expect(listener.downs.isEmpty && subscriber.counters.refusals < 50)
    }
  }

  @Test func repliesMayComeByteByByte() async throws {
    let reply = "*3\r\n$5\r\nab\r\nc\r\n:-7\r\n*1\r\n$-1\r\n"
    try await withScript(serving { _, _ in .byteByByte(Array(reply.utf8)) }) { loop, url in
      let connection = RedisConnection(loop: loop, url: url)
      defer { connection.close() }
      connection.start()
      try #require(await connection.waitUntilReady(milliseconds: 5_000))
      let value = try await connection.send(Redis.RawCommand("ANY"))
      #expect(
        value == .array([.bulkString(Array("ab\r\nc".utf8)), .integer(-7), .array([.null])]))
    }
  }

  @Test(arguments: [
    "HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n+OK\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
  ])
  func repliesOutOfLineCloseTheLinkByName(reply: String) async throws {
    try await withScript(serving { _, _ in .text(reply) }) { loop, url in
      let connection = RedisConnection(loop: loop, url: url, options: quickOptions)
      defer { connection.close() }
      let log = LinkLog(connection)
      connection.start()
      try #require(await connection.waitUntilReady(milliseconds: 5_000))
      connection.send(Redis.RawCommand("ANY")) { _ in }
      #expect(await loop.wait { log.downs.count == 1 })
      guard case .protocolViolated? = log.downs.first else {
        Issue.record("\(log.downs)")
        return
      }
      #expect(await loop.wait { connection.isReady })
    }
  }

  /// Noise on a subscriber's link: bytes changed at random in true pushes.
  @Test func hostilePushesNeverTrap() async throws {
    let random = Locked(SplitMix64(seed: 23))
    let script: ScriptedRedis.Script = { _, words in
      if words == ["PING"] { return .text("+PONG\r\n") }
      var bytes = Array(
        ("*3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n"
          + "*3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
          + "*3\r\n$12\r\nsunsubscribe\r\n$1\r\na\r\n:0\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n").utf8)
      random.withLock { random in
        for _ in 0..<Int.random(in: 0..<4, using: &random) {
          let at = Int.random(in: 0..<bytes.count, using: &random)
          bytes[at] = Array("*$:+-012389\r\na".utf8).randomElement(using: &random)!
        }
      }
      return .bytes(bytes)
    }
    try await withScript(script) { loop, url in
      let listener = Listener()
      listener.keepsMessages = false
      var options = quickOptions
      options.reconnectDelayMaxMilliseconds = 2
      options.resubscribeJitterMilliseconds = 0
      options.refusedRetryMilliseconds = 10
      let subscriber = RedisSubscriber(loop: loop, url: url, options: options, delegate: listener)
      defer { subscriber.close() }
      subscriber.start()
      #expect(subscriber.subscribe("a", token: 0))
      #expect(await loop.wait(milliseconds: 20_000) { listener.ups >= 100 })
      #expect(listener.messageCount > 0)
    }
  }

  @Test func hangUpDuringTheGreetingIsAFailedAttempt() async throws {
    let script: ScriptedRedis.Script = { connection, _ in
      connection < 2 ? .hangUp : .text("+PONG\r\n")
    }
    try await withScript(script) { loop, url in
      let connection = RedisConnection(loop: loop, url: url, options: quickOptions)
      defer { connection.close() }
      let log = LinkLog(connection)
      connection.start()
      #expect(await loop.wait { log.ready == 1 })
      #expect(log.failures == [.closedByServer, .closedByServer] && log.downs.isEmpty)
    }
  }
}
