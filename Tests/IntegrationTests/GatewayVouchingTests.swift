// What a gateway vouches for while links and feed live: values lost on their channel, keys that are gone,
// writers that were replaced, messages that waited, channels that Redis refuses, a Redis that does not
// deliver.
import EventLoops
import Gateway
import MarketData
import TestSupport
import Testing

extension Services.GatewayFreshnessTests {
  /// What Redis lets anybody publish and subscribe to. It ends clients that hold other channels.
  private func allow(_ scene: ServiceScene, _ one: String, _ two: String, _ three: String) {
    let answer = scene.redis.command(
      "ACL", "SETUSER", "default", "resetchannels", "&\(one)", "&\(two)", "&\(three)")
    #expect(answer == "+OK\r\n")
  }

  @Test func aStateLostOnItsChannelIsShownAllTheSame() async throws {
    try await ServiceScene.withFeed { scene, feed in
      let clients = try await audience(scene, feed)
      feed.set("stock:AAPL:quote", Value.quote("AAPL", 9))
      for client in clients {
        let found = try client.collect(milliseconds: 5_000) { $0.kind == "q" }
        #expect(found.map(\.sequence) == [[1, 9]], "\(found)")
      }
      #expect(try scene.gateway("repairs_total") == 1)
      // Late on its channel it is not shown again.
      feed.publish("stock:AAPL:quote", Value.quote("AAPL", 9))
      feed.put("stock:AAPL:quote", Value.quote("AAPL", 10))
      for client in clients { #expect(try client.next()?.sequence == [1, 10]) }
    }
  }

  @Test func aKeyThatIsGoneIsVouchedForByNobody() async throws {
    try await ServiceScene.withFeed { scene, feed in
      let clients = try await audience(scene, feed)
      feed.delete("stock:AAPL:quote")
      for client in clients {
        try expectStale(client, by: Deadline(milliseconds: 6_000), channels: ["quotes"])
      }
      // The same value is vouched for again, by its key alone.
      feed.set("stock:AAPL:quote", Value.quote("AAPL", 1))
      for client in clients { #expect(try client.next()?.sequence == [1, 1]) }
      #expect(try scene.gateway("stale_topics") == 0)
    }
  }

  @Test func whatAnEarlierRunWroteEndsWithIt() async throws {
    try await ServiceScene.withFeed { scene, feed in
      feed.say {
        $0.run = 1
        $0.sequence = SequenceNumber(epoch: 1, number: 3)
      }
      let clients = try await audience(scene, feed)
      feed.say {
        $0.run = 2
        $0.sequence = SequenceNumber(epoch: 2, number: 0)
      }
      feed.put("stock:AAPL:quote", Value.quote("AAPL", 1, epoch: 2))
      for client in clients { #expect(try client.next()?.sequence == [2, 1]) }
      // The first run is awake again: what it writes is nobody's price.
      feed.put("depth:AAPL", Value.book("AAPL", 7))
      for client in clients {
        try expectStale(
          client, by: Deadline(milliseconds: 4_000), channels: ["trades", "orderbooks"])
      }
      feed.put("depth:AAPL", Value.book("AAPL", 2, epoch: 2))
      for client in clients { #expect(try client.drain(1).map(\.sequence) == [[2, 2]]) }
    }
  }

  /// Goal: what waited somewhere on its way makes nothing live. Method: heartbeats that come in time and
  /// were made ever longer ago, as out of a link that stood still.
  @Test func whatWaitedOnItsWayIsNotShownAsLive() async throws {
    try await ServiceScene.withFeed { scene, feed in
      feed.say { $0.madeMilliseconds = EventLoop.bootNanoseconds / 1_000_000 }
      let clients = try await audience(scene, feed)
      // The scripted feed's timer repeats it: it gets older and older.
      for client in clients {
        try expectStale(client, by: Deadline(milliseconds: 5_000), channels: Self.channels)
      }
      feed.put("stock:AAPL:quote", Value.quote("AAPL", 5))
      feed.put("stock:AAPL:price", Value.trade("AAPL", 6, after: 3))
      for client in clients {
        // No event is kept back, and its mark follows at once.
        let told = try client.drain(2)
        #expect(told.map(\.kind) == ["t", "stale"], "\(told)")
      }
      #expect(try scene.gateway("unvouched_total") >= 1)
      feed.say { $0.madeMilliseconds = EventLoop.bootNanoseconds / 1_000_000 }
      for client in clients {
        let back = try client.collect { $0.kind == "q" }
        #expect(back.last?.sequence == [1, 5], "\(back)")
      }
    }
  }

  /// Goal: an event of the stale time is marked though the feed lives again in the same turn, and what
  /// follows is not.
  @Test func whatCameBeforeTheFeedLivedAgainIsMarked() async throws {
    try await ServiceScene.withFeed { scene, feed in
      let clients = try await audience(scene, feed)
      feed.beSilent(true)
      for client in clients {
        try expectStale(client, by: Deadline(milliseconds: 5_000), channels: Self.channels)
      }
      feed.atOnce { feed in
        feed.put("stock:AAPL:price", Value.trade("AAPL", 4, after: 3))
        feed.beSilent(false)
        feed.put("stock:AAPL:price", Value.trade("AAPL", 5, after: 4))
      }
      for client in clients {
        let told = try client.collect { $0.kind == "t" && $0.sequence == [1, 5] }
        let trades = told.filter { $0.kind == "t" || $0["c"]?.string == "trades" }
        #expect(trades.map(\.kind) == ["t", "stale", "t"], "\(told)")
      }
    }
  }

  @Test func aChannelThatIsRefusedIsStaleAndComesBack() async throws {
    try await ServiceScene.withFeed { scene, feed in
      let clients = try await audience(scene, feed)
      allow(scene, "feed:*", "gateway:*", "stock:*")
      for client in clients {
        let told = try client.collect(milliseconds: 6_000) {
          $0.kind == "stale" && $0["c"]?.string == "orderbooks"
        }
        #expect(told.last?.kind == "stale")
      }
      allow(scene, "*", "*", "*")
      feed.put("depth:AAPL", Value.book("AAPL", 8))
      for client in clients {
        #expect(try client.next("o", milliseconds: 6_000)?.sequence == [1, 8])
      }
    }
  }

  @Test func aRedisThatDoesNotBringProbesBackMakesNotReady() async throws {
    try await ServiceScene.withFeed { scene, feed in
      let clients = try await audience(scene, feed)
      allow(scene, "feed:*", "stock:*", "depth:*")
      try await scene.untilReady(false)
      let came = try await until(milliseconds: 5_000) {
        String(decoding: try scene.get("/readyz").body, as: UTF8.self)
          .contains("what is published to Redis does not come back")
      }
      #expect(came)
      // Heartbeats come, so prices are live.
      feed.put("stock:AAPL:quote", Value.quote("AAPL", 5))
      for client in clients {
        #expect(try client.collect { $0.kind == "q" && $0.sequence == [1, 5] }.count >= 1)
      }
      allow(scene, "*", "*", "*")
      try await scene.untilReady()
      #expect(try scene.gateway("probe_failures_total") > 0)
      #expect(try scene.metric("tapedeck_gateway_probe_seconds_count") > 0)
    }
  }

  @Test func aNoticeForWhatNeverWasIsTakenBack() async throws {
    try await ServiceScene.withFeed { scene, feed in
      feed.say { $0.state = .paused }
      try await feed.settle()
      let early = try StreamClient.ready(scene)
      try early.subscribe(quotes: ["AAPL"])
      try expectStale(early, by: Deadline(milliseconds: 3_000), channels: ["quotes"])
      feed.say { $0.state = .live }
      let isGone = try await until(milliseconds: 5_000) { try scene.gateway("stale_topics") == 0 }
      #expect(isGone)
      let late = try StreamClient.ready(scene)
      try late.subscribe(quotes: ["AAPL"])
      #expect(try late.drain().isEmpty)
      feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
      for client in [early, late] { #expect(try client.next()?.sequence == [1, 1]) }
    }
  }
}
