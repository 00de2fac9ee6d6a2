import EventLoops
import RedisClient
import TestSupport
import Testing

/// Records what a subscriber says.
final class Listener: RedisSubscriberDelegate {
  var ups = 0
  var downs: [RedisLinkDown] = []
  var failures: [RedisLinkDown] = []
  var subscribed: [UInt32: Int] = [:]
  var messages: [UInt32: [[UInt8]]] = [:]
  var messageCount = 0
  var refusals: [UInt32: RedisServerError] = [:]
  var revoked: [UInt32] = []
  var keepsMessages = true

  func redisLinkUp() { ups += 1 }
  func redisLinkDown(_ reason: RedisLinkDown) { downs.append(reason) }
  func redisAttemptFailed(_ reason: RedisLinkDown) { failures.append(reason) }
  func redisSubscribed(_ token: UInt32) { subscribed[token, default: 0] += 1 }
  func redisMessage(_ token: UInt32, _ payload: RawSpan) {
    messageCount += 1
    if keepsMessages {
      messages[token, default: []].append(payload.withUnsafeBytes { [UInt8]($0) })
    }
  }
  func redisRefused(_ token: UInt32, _ error: RedisServerError) { refusals[token] = error }
  func redisRevoked(_ token: UInt32) { revoked.append(token) }
}

extension RedisSubscriber {
  func subscribe(_ channel: String, token: UInt32) -> Bool {
    subscribe(Array(channel.utf8).span.bytes, token: token)
  }
}

extension RedisConnection {
  func spublish(_ channel: String, _ message: String) -> RedisAppend {
    spublish(channel: Array(channel.utf8).span.bytes, message: Array(message.utf8).span.bytes)
  }
}

@Suite(.serialized) struct RedisSubscriberTests {
  private func listening(
    _ loop: EventLoop, _ redis: PrivateRedis, mode: RedisSubscriber.Mode = .sharded,
    options: RedisOptions = RedisOptions()
  ) throws -> (RedisSubscriber, Listener) {
    let listener = Listener()
    let subscriber = RedisSubscriber(
      loop: loop, url: try RedisURL(redis.url), mode: mode, options: options, delegate: listener)
    subscriber.start()
    return (subscriber, listener)
  }

  /// SPUBLISH's own answer: how many subscribers Redis has for the channel.
  private func receivers(_ connection: RedisConnection, _ channel: String) async throws -> Int64 {
    try await connection.send(Redis.Publish(Array(channel.utf8), [0]))
  }

  @Test(arguments: [RedisSubscriber.Mode.sharded, .everywhere])
  func messagesReachTheirToken(mode: RedisSubscriber.Mode) async throws {
    try await withRedis { loop, redis in
      let (subscriber, listener) = try listening(loop, redis, mode: mode)
      defer { subscriber.close() }
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      for token: UInt32 in 0..<100 { #expect(subscriber.subscribe("ch:\(token)", token: token)) }
      #expect(await loop.wait { listener.subscribed.count == 100 })
      for token in 0..<100 {
        for number in 0..<3 {
          let publish = Redis.Publish(
            Array("ch:\(token)".utf8), Array("\(token)/\(number)".utf8),
            isSharded: mode == .sharded)
          connection.send(publish) { _ in }
        }
      }
      #expect(await loop.wait { listener.messageCount == 300 })
      for token: UInt32 in 0..<100 {
        #expect(listener.messages[token] == (0..<3).map { Array("\(token)/\($0)".utf8) })
      }
      #expect(subscriber.counters.link.writes < 5)
    }
  }

  /// Goal: 12,000 channels come back after a restart, at most 5,000 unacknowledged at any time.
  @Test func twelveThousandChannelsComeBackAfterARestart() async throws {
    try await withRedis { loop, redis in
      var options = quickOptions
      options.answerTimeoutMilliseconds = 2_000
      let (subscriber, listener) = try listening(loop, redis, options: options)
      defer { subscriber.close() }
      for token: UInt32 in 0..<12_000 {
        #expect(subscriber.subscribe("stock:S\(token):price", token: token))
      }
      var inFlightMax = 0
      #expect(
        await loop.wait(milliseconds: 20_000) {
          inFlightMax = max(inFlightMax, subscriber.inFlightCount)
          return listener.subscribed.count == 12_000
        })
      try redis.restart()
      #expect(await loop.wait { listener.downs.count == 1 })
      #expect(
        await loop.wait(milliseconds: 20_000) {
          inFlightMax = max(inFlightMax, subscriber.inFlightCount)
          return listener.subscribed.values.allSatisfy { $0 == 2 }
        })
      #expect(inFlightMax <= RedisLimits.subscriptionsInFlightMax)
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      for token in [0, 4_999, 5_000, 11_999] {
        #expect(connection.spublish("stock:S\(token):price", "again") == .queued)
      }
      #expect(await loop.wait { listener.messageCount == 4 })
      #expect(listener.messages[11_999] == [Array("again".utf8)])
    }
  }

  @Test func unsubscribingIsDelayedAndResubscribingCostsNothing() async throws {
    try await withRedis { loop, redis in
      var options = quickOptions
      options.unsubscribeDelayMilliseconds = 500
      let (subscriber, listener) = try listening(loop, redis, options: options)
      defer { subscriber.close() }
      let connection = try await RedisConnection.ready(loop, redis)
      defer { connection.close() }
      #expect(subscriber.subscribe("a", token: 1))
      #expect(await loop.wait { listener.subscribed[1] == 1 })
      subscriber.unsubscribe(1)
      #expect(try await receivers(connection, "a") == 1)
      // Read before the channel is wanted again, or it would be the newcomer's.
      #expect(await loop.wait { subscriber.counters.messagesUnwanted == 1 })
      // Somebody comes back, under another token: acknowledged at once, without a command.
      #expect(subscriber.subscribe("a", token: 2))
      #expect(listener.subscribed[2] == nil)
      #expect(await loop.wait { listener.subscribed[2] == 1 })
      #expect(subscriber.counters.subscribes == 1 && subscriber.counters.unsubscribes == 0)
      await loop.sleep(milliseconds: 800)
      #expect(try await receivers(connection, "a") == 1)
      #expect(await loop.wait { listener.messages[2]?.count == 1 })
      #expect(listener.messages[1] == nil)
      subscriber.unsubscribe(2)
      #expect(await loop.wait { subscriber.channelCount == 0 })
      #expect(try await receivers(connection, "a") == 0)
      #expect(subscriber.counters.unsubscribes == 1)
    }
  }

  @Test func stoppedServerIsNoticedAndChannelsComeBack() async throws {
    try await withRedis { loop, redis in
      let (subscriber, listener) = try listening(loop, redis)
      defer { subscriber.close() }
      #expect(subscriber.subscribe("a", token: 7))
      #expect(await loop.wait { listener.subscribed[7] == 1 })
      await loop.sleep(milliseconds: 700)
      #expect(listener.downs.isEmpty && subscriber.counters.link.probes > 0)
      redis.stop()
      let began = loop.nowMilliseconds
      #expect(await loop.wait(milliseconds: 3_000) { !listener.downs.isEmpty })
      #expect(loop.nowMilliseconds - began <= RedisOptions().silenceNoticedWithinMilliseconds)
      redis.resume()
      #expect(await loop.wait { listener.subscribed[7] == 2 })
    }
  }

  /// Redis drops a subscriber whose output grows over the limit: the channels come back.
  @Test func droppedSubscriberComesBack() async throws {
    let limit = ["--client-output-buffer-limit", "pubsub 1mb 1mb 0"]
    try await withRedis(arguments: limit) { loop, redis in
      let (subscriber, listener) = try listening(loop, redis, options: quickOptions)
      defer { subscriber.close() }
      listener.keepsMessages = false
      #expect(subscriber.subscribe("a", token: 7))
      #expect(await loop.wait { listener.subscribed[7] == 1 })
      // In one script, so that Redis cannot write in between and its buffer must grow.
      let script = """
        local value = string.rep('x', 100000)
        for i = 1, 100 do redis.call('SPUBLISH', KEYS[1], value) end
        """
      _ = redis.command("EVAL", script, "1", "a")
      #expect(await loop.wait { listener.downs.count == 1 })
      #expect(await loop.wait { listener.subscribed[7] == 2 })
    }
  }

  /// A node that does not own the slot: refused by name and asked for again.
  @Test func channelOfAnUnownedSlotIsRefusedByName() async throws {
    let cluster = [
      "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", "--cluster-port",
      String(try PrivateRedis.freePort()),
    ]
    try await withRedis(tcp: true, arguments: cluster) { loop, redis in
      // This node owns all slots but the one of "foo" (12182).
      _ = redis.command("CLUSTER", "ADDSLOTSRANGE", "0", "12181", "12183", "16383")
      #expect(await loop.wait { redis.command("CLUSTER", "INFO")?.contains(":ok") == true })
      var options = quickOptions
      options.refusedRetryMilliseconds = 50
      let (subscriber, listener) = try listening(loop, redis, options: options)
      defer { subscriber.close() }
      #expect(subscriber.subscribe("bar", token: 1))
      #expect(subscriber.subscribe("foo", token: 2))
      #expect(subscriber.subscribe("{bar}2", token: 3))
      #expect(await loop.wait { listener.subscribed.count == 2 && listener.refusals.count == 1 })
      #expect(listener.refusals[2]?.kind == "CLUSTERDOWN")
      // The slot is there now: the next attempt succeeds.
      _ = redis.command("CLUSTER", "ADDSLOTS", "12182")
      #expect(await loop.wait { listener.subscribed[2] == 1 })
      #expect(listener.downs.isEmpty)
      var random = SplitMix64(seed: 9)
      for _ in 0..<100 {
        let letters = Array("ab{}:")
        let key = String((0..<8).map { _ in letters.randomElement(using: &random)! })
        let bytes = Array(key.utf8)
        let slot = RedisSlot.hashSlot(bytes.span.bytes)
        #expect(redis.command("CLUSTER", "KEYSLOT", key) == ":\(slot)\r\n", "\(key)")
      }
      // Redis takes the slot away: it ends the subscription by itself.
      _ = redis.command("CLUSTER", "DELSLOTS", "12182")
      #expect(await loop.wait { listener.revoked == [2] })
      #expect(listener.downs.isEmpty)
    }
  }
}
