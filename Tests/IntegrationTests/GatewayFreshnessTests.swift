// Freshness: what cannot be vouched for is called stale in time, and comes back by itself; the
// connections of the clients stay whatever happens to the feed and to Redis.
import EventLoops
import Gateway
import MarketData
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayFreshnessTests {
    /// From the last heartbeat to the notice; the promise of the design, with what the clients' own
    /// reading takes on a busy machine.
    static let promisedMilliseconds: Int32 = 2_000

    /// Two clients with three channels of one symbol; the quote and the book have been received.
    func audience(
      _ scene: ServiceScene, _ feed: ScriptedFeed
    ) async throws -> [StreamClient] {
      feed.list(["AAPL"])
      feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
      feed.put("depth:AAPL", Value.book("AAPL", 2))
      feed.put("stock:AAPL:price", Value.trade("AAPL", 3, after: 0))
      try await feed.settle()
      var clients: [StreamClient] = []
      for (encoding, names) in [(StreamClient.Encoding.json, ["AAPL"]), (.messagePack, ["*"])] {
        let client = try StreamClient.ready(scene, encoding)
        try client.subscribe(trades: names, quotes: names, orderbooks: names)
        #expect(Set(try client.drain(2).map(\.kind)) == ["q", "o"])
        clients.append(client)
      }
      return clients
    }

    /// Exactly one notice for each channel, within the time, and nothing else.
    func expectStale(
      _ client: StreamClient, by deadline: Deadline, channels: Set<String>
    ) throws {
      var told: [String] = []
      while told.count < channels.count,
        let message = try client.next(milliseconds: deadline.millisecondsLeft)
      {
        #expect(message.kind == "stale" && message.symbol == "AAPL", "\(message)")
        #expect(message["since"] != nil && message["since"] != .null)
        told.append(message["c"]?.string ?? "")
      }
      #expect(told.count == channels.count && Set(told) == channels)
    }

    static let channels: Set = ["trades", "quotes", "orderbooks"]

    @Test func silentFeedIsCalledStaleOnceAndReturns() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let clients = try await audience(scene, feed)
        feed.beSilent(true)
        try await feed.settle()
        let deadline = Deadline(milliseconds: Self.promisedMilliseconds)
        for client in clients { try expectStale(client, by: deadline, channels: Self.channels) }
        #expect(try scene.get("/readyz").status == 503)
        // Late subscribers get the notice instead of the value that is still in Redis.
        let late = try StreamClient.ready(scene)
        try late.subscribe(trades: ["AAPL"], quotes: ["AAPL"], orderbooks: ["AAPL"])
        try expectStale(late, by: Deadline(milliseconds: 500), channels: Self.channels)
        // So does one that asks for a symbol nobody had, and one that asks for all.
        try late.subscribe(quotes: ["MSFT"])
        #expect(try late.next()?.kind == "stale")
        let all = try StreamClient.ready(scene, .messagePack)
        try all.subscribe(trades: ["*"], quotes: ["*"], orderbooks: ["*"])
        try expectStale(
          all.only("AAPL", of: 4), by: Deadline(milliseconds: 500), channels: Self.channels)
        for client in clients {
          #expect(try client.drain().allSatisfy { $0.symbol == "MSFT" }, "told once")
        }
        // The same quiet values are vouched for again: they come again, the event does not.
        feed.beSilent(false)
        for client in clients + [late] {
          let back = try client.drain(2)
          #expect(Set(back.map(\.kind)) == ["q", "o"] && back.count == 2, "\(back)")
        }
        // A quiet symbol of a living feed is not called stale.
        let afterwards = try StreamClient.ready(scene)
        try afterwards.subscribe(trades: ["AAPL"])
        #expect(try afterwards.drain().isEmpty)
        #expect(try scene.get("/readyz").status == 200)
        feed.put("stock:AAPL:price", Value.trade("AAPL", 4, after: 3))
        for client in clients { #expect(try client.drain(1).map(\.sequence) == [[1, 4]]) }
      }
    }

    /// Goal: a client that subscribes to very many stale symbols gets each notice, in frames that do
    /// not pile up in the server. Method: 6,000 names on two channels, the client reads late.
    @Test(arguments: StreamClient.Encoding.allCases)
    func manyNoticesComeInParts(_ encoding: StreamClient.Encoding) async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list((0..<3_000).map { "SYMBOL.\($0)" })
        feed.say { $0.state = .paused }
        try await feed.settle()
        let names = (0..<6_000).map { "SYMBOL.\($0)" }
        let client = try StreamClient.ready(scene, encoding, receiveBufferBytes: 4_096)
        client.say(StreamClient.message("subscribe", trades: names, bars: ["*"]))
        try await until { try scene.gateway("topics") == 9_000 }.required("subscribed")
        try await Task.sleep(for: .milliseconds(100))
        let told =
          try client.collect { $0.symbol == "SYMBOL.2999" && $0["c"]?.string == "bars" }
          + client.drain()
        let notices = told.filter { $0.kind == "stale" }.map { "\($0.symbol) \($0["c"]!.string!)" }
        #expect(notices.count == 9_000 && Set(notices).count == 9_000)
        // One that comes later has them from the topics that are there, of the symbols that are listed.
        let late = try StreamClient.ready(scene, encoding)
        try late.subscribe(trades: ["*"])
        let toLate = try late.drain(3_000)
        #expect(toLate.count == 3_000 && toLate.allSatisfy { $0.kind == "stale" })
      }
    }

    @Test func feedThatSaysItEndedIsStaleAtOnce() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let clients = try await audience(scene, feed)
        feed.say { $0.state = .ended }
        for client in clients {
          try expectStale(client, by: Deadline(milliseconds: 500), channels: Self.channels)
        }
        feed.say { $0.state = .live }
        #expect(Set(try clients[0].drain(2).map(\.kind)) == ["q", "o"])
      }
    }

    @Test func stoppedRedisIsNoticedAndSurvived() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let clients = try await audience(scene, feed)
        scene.redis.stop()
        let deadline = Deadline(milliseconds: Self.promisedMilliseconds)
        defer { scene.redis.resume() }
        for client in clients { try expectStale(client, by: deadline, channels: Self.channels) }
        #expect(try scene.get("/readyz").status == 503)
        #expect(try scene.get("/healthz").status == 200)
        // A trade that is made meanwhile is lost.
        feed.put("stock:AAPL:price", Value.trade("AAPL", 4, after: 3))
        scene.redis.resume()
        try await scene.untilReady()
        for client in clients {
          #expect(
            Set(try client.drain(2).map(\.kind)).isSuperset(of: ["q", "o"]))
        }
        feed.put("stock:AAPL:price", Value.trade("AAPL", 6, after: 5))
        for client in clients {
          #expect(try client.collect { $0.kind == "t" && $0.sequence == [1, 6] }.count >= 2)
        }
      }
    }

    @Test func killedRedisIsNoticedAndSurvived() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let clients = try await audience(scene, feed)
        feed.put("stock:AAPL:price", Value.trade("AAPL", 4, after: 3))
        for client in clients { #expect(try client.next()?.sequence == [1, 4]) }
        scene.redis.kill()
        let deadline = Deadline(milliseconds: Self.promisedMilliseconds)
        for client in clients { try expectStale(client, by: deadline, channels: Self.channels) }
        try scene.redis.start()
        // The ingester's first writes come before the gateway has subscribed again: it reads them.
        try await until(milliseconds: 3_000) {
          scene.redis.command("EXISTS", "feed:main:heartbeat") == ":1\r\n"
        }.required("the feed came back")
        feed.set("stock:AAPL:quote", Value.quote("AAPL", 7))
        feed.set("depth:AAPL", Value.book("AAPL", 8))
        for client in clients {
          let fresh = try client.collect(milliseconds: 4_000) { $0.kind == "o" }
          #expect(fresh.map(\.kind).sorted() == ["o", "q"])
          #expect(fresh.map { $0.sequence[1] }.sorted() == [7, 8])
        }
        // Trades 5 and 6 were lost with the old Redis.
        feed.put("stock:AAPL:price", Value.trade("AAPL", 9, after: 6))
        for client in clients {
          #expect(try client.next()?.kind == "gap")
          #expect(try client.next()?.sequence == [1, 9])
        }
      }
    }

    /// Redis is away for less than the heartbeat's age: no notice, but a loss is announced.
    @Test func shortAbsenceOfRedisIsAGapOnly() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let clients = try await audience(scene, feed)
        try scene.redis.restart()
        try await scene.untilReady()
        try await joined(scene, 6)
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 5))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 6, after: 4))
        for client in clients {
          let messages = try client.collect { $0.kind == "t" }
          #expect(messages.map(\.kind).filter { $0 != "stale" && $0 != "o" } == ["q", "gap", "t"])
        }
      }
    }

    @Test func markerMakesOneSymbolStale() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL", "MSFT"])
        feed.put("stock:MSFT:quote", Value.quote("MSFT", 1))
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 2))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 3, after: 0))
        try await feed.settle()
        let client = try StreamClient.ready(scene)
        try client.subscribe(trades: ["AAPL", "MSFT"], quotes: ["AAPL", "MSFT"])
        #expect(try client.drain(2).count == 2)
        for key in ["stock:AAPL:quote", "stock:AAPL:price"] {
          feed.delete(key)
          feed.publish(key, Value.stale("AAPL", 4))
          feed.publish(key, Value.stale("AAPL", 4))
        }
        feed.say { $0.stale = .symbols(["AAPL"]) }
        try expectStale(
          client, by: Deadline(milliseconds: 1_000), channels: ["trades", "quotes"])
        #expect(try client.drain().isEmpty)
        // Late subscribers: on the topics that are there, on a new one, and by wildcard.
        let late = try StreamClient.ready(scene, .messagePack)
        try late.subscribe(trades: ["AAPL"], quotes: ["AAPL", "MSFT"], orderbooks: ["AAPL"])
        let told = try late.drain(4)
        #expect(told.filter { $0.kind == "stale" }.count == 3, "\(told)")
        #expect(told.filter { $0.kind == "q" }.map(\.symbol) == ["MSFT"])
        let all = try StreamClient.ready(scene)
        try all.subscribe(trades: ["*"], quotes: ["*"])
        let toAll = try all.drain(3)
        #expect(
          Set(toAll.filter { $0.kind == "stale" }.map { "\($0.symbol) \($0["c"]!.string!)" })
            == ["AAPL trades", "AAPL quotes"], "\(toAll)")
        // The next live values clear it, for late subscribers too.
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 5))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 6, after: 3))
        feed.say { $0.stale = .symbols([]) }
        for one in [client, late, all] {
          #expect(try one.drain(2).map(\.sequence) == [[1, 5], [1, 6]])
        }
        let last = try StreamClient.ready(scene)
        try last.subscribe(trades: ["AAPL"], quotes: ["AAPL"])
        #expect(try last.drain(1).map(\.sequence) == [[1, 5]])
      }
    }

    /// A topic that is made after the marker was published and before the heartbeat names the symbol.
    @Test func markerBeforeTheJoinIsLearnedFromTheHeartbeat() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.publish("stock:AAPL:quote", Value.stale("AAPL", 4))
        try await feed.settle()
        let client = try StreamClient.ready(scene)
        try client.subscribe(quotes: ["AAPL", "MSFT"])
        try await joined(scene, 2)
        feed.say { $0.stale = .symbols(["AAPL"]) }
        try expectStale(client, by: Deadline(milliseconds: 1_000), channels: ["quotes"])
        #expect(try client.drain().isEmpty)
      }
    }
  }
}

extension StreamClient {
  /// Waits for some messages and throws away those that concern other symbols.
  func only(_ symbol: String, of count: Int) throws -> StreamClient {
    putBack(try drain(count).filter { $0.symbol == symbol })
    return self
  }
}

extension Bool {
  func required(_ what: Comment) throws { try #require(self, what) }
}
