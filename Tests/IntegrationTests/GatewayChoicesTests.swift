// What a client chooses in `subscribe`: the depth of books, the newest event first, a frame an interval.
import EventLoops
import Gateway
import MarketData
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayChoicesTests {
    typealias Encoding = StreamClient.Encoding

    private func levels(_ book: WireValue?) -> [Int]? {
      book.map { [$0["b"]!.array.count, $0["a"]!.array.count] }
    }

    @Test(arguments: Encoding.allCases)
    func booksAreCutToTheDepthThatWasAsked(_ encoding: Encoding) async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL"])
        feed.put("depth:AAPL", Value.book("AAPL", 1, levels: 10))
        try await feed.settle()
        for (depth, count) in [(1, 1), (5, 5), (10, 10)] as [(Int64, Int)] {
          for name in ["AAPL", "*"] {
            let client = try StreamClient.ready(scene, encoding)
            client.say([
              "action": "subscribe", "orderbooks": .strings([name]), "depth": .integer(depth),
            ])
            #expect(levels(try client.next("o")) == [count, count])
          }
        }
        let client = try StreamClient.ready(scene, encoding)
        client.say(["action": "subscribe", "orderbooks": ["AAPL"], "depth": .integer(5)])
        #expect(levels(try client.next("o")) == [5, 5])
        // Asked again without a depth nothing changes; with another the newest comes in it.
        try client.subscribe(orderbooks: ["AAPL"])
        #expect(try client.drain().isEmpty)
        client.say(["action": "subscribe", "orderbooks": ["AAPL"], "depth": .integer(1)])
        #expect(levels(try client.next("o")) == [1, 1])
        feed.put("depth:AAPL", Value.book("AAPL", 2, levels: 3))
        let book = try #require(try client.next("o"))
        #expect(levels(book) == [1, 1] && book["r"] == .bool(true))
      }
    }

    @Test(arguments: Encoding.allCases)
    func theNewestEventComesMarkedBeforeLiveOnes(_ encoding: Encoding) async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL", "MSFT"])
        feed.put("stock:AAPL:price", Value.trade("AAPL", 8, after: 5))
        try await feed.settle()
        let asked: WireValue = [
          "action": "subscribe", "trades": ["AAPL", "NONE"], "snapshot": .bool(true),
        ]
        // From the key: the gateway has seen no trade.
        let first = try StreamClient.ready(scene, encoding)
        first.say(asked)
        let snapshot = try #require(try first.next("t"))
        #expect(snapshot.sequence == [1, 8] && snapshot["snapshot"] == .bool(true))
        #expect(snapshot["p"]?.number == 189.97)
        try await joined(scene, 2)
        feed.put("stock:AAPL:price", Value.trade("AAPL", 9, after: 8))
        let live = try #require(try first.next("t"))
        #expect(live.sequence == [1, 9] && live["snapshot"] == nil)
        // From the ring, once; a name that is held gets none; MSFT has none.
        let second = try StreamClient.ready(scene, encoding)
        second.say(asked)
        let again = try second.drain(2).filter { $0.kind != "subscription" }
        #expect(again.map(\.sequence) == [[1, 9]] && again[0]["snapshot"] == .bool(true))
        second.say(asked)
        #expect(try second.drain(1).map(\.kind) == ["subscription"])
        let all = try StreamClient.ready(scene, encoding)
        all.say(["action": "subscribe", "trades": ["*"], "snapshot": .bool(true)])
        #expect(try all.next("t")?.sequence == [1, 9])
        #expect(try all.drain().isEmpty)
        // Not counted as an event, and not without being asked for.
        feed.put("stock:AAPL:price", Value.trade("AAPL", 10, after: 9))
        for client in [first, second, all] {
          #expect(try client.drain(1).map(\.sequence) == [[1, 10]])
        }
        // Stale: the notice instead.
        feed.say { $0.state = .paused }
        #expect(try first.next("stale") != nil)
        let late = try StreamClient.ready(scene, encoding)
        late.say(["action": "subscribe", "trades": ["AAPL"], "snapshot": .bool(true)])
        #expect(try late.drain(2).map(\.kind) == ["subscription", "stale"])
      }
    }

    /// Frames are counted against the time that passed: a busy machine makes it fewer, never more.
    @Test(arguments: Encoding.allCases)
    func aFrameAnIntervalHasEverythingInIt(_ encoding: Encoding) async throws {
      let interval = 200
      try await ServiceScene.withFeed { scene, feed in
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        try await feed.settle()
        let client = try StreamClient.ready(scene, encoding)
        client.say([
          "action": "subscribe", "trades": ["AAPL"], "quotes": ["AAPL"],
          "interval_ms": .integer(Int64(interval)),
        ])
        // The answers to the subscribe do not wait.
        #expect(try client.next("q")?.sequence == [1, 1])
        try await joined(scene, 2)
        let before = client.frames
        let start = EventLoop.monotonicNanoseconds
        for number in stride(from: 2, to: 200, by: 2) {
          feed.put("stock:AAPL:quote", Value.quote("AAPL", number))
          feed.put("stock:AAPL:price", Value.trade("AAPL", number + 1, after: max(0, number - 1)))
          try await Task.sleep(for: .milliseconds(8))
        }
        // The first trade's predecessor is not known here: it was the first subscription.
        let seen = try client.collect { $0.sequence == [1, 199] }
        let passed = Int((EventLoop.monotonicNanoseconds - start) / 1_000_000)
        let frames = client.frames - before
        #expect(frames <= passed / interval + 1 && frames > 1, "\(frames) frames in \(passed) ms")
        let trades = seen.filter { $0.kind == "t" }.map { $0.sequence[1] }
        #expect(trades == stride(from: 3, through: 199, by: 2).map { Int64($0) })
        let quotes = seen.filter { $0.kind == "q" }.map { $0.sequence[1] }
        #expect(quotes == quotes.sorted() && quotes.last == 198)
        #expect(quotes.count <= frames, "one newest state a frame")
        // Off again.
        client.say(["action": "subscribe", "interval_ms": .integer(0)])
        _ = try client.acknowledgement()
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 300))
        #expect(try client.next("q")?.sequence == [1, 300])
      }
    }

    @Test func whatIsUrgentDoesNotWaitForTheInterval() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        try await feed.settle()
        let client = try StreamClient.ready(scene)
        client.say([
          "action": "subscribe", "trades": ["AAPL"], "quotes": ["AAPL"],
          "interval_ms": .integer(60_000),
        ])
        #expect(try client.next("q")?.sequence == [1, 1])
        try await joined(scene, 2)
        feed.put("stock:AAPL:price", Value.trade("AAPL", 2, after: 0))
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 3))
        #expect(try client.drain().isEmpty, "a minute has not passed")
        // Stale within 2 s, and everything else with it; live again as soon as that is known.
        feed.say { $0.state = .paused }
        let told = try client.drain(3)
        #expect(told.filter { $0.kind == "stale" }.count == 2)
        #expect(told.first { $0.kind == "t" }?.sequence == [1, 2])
        feed.say { $0.state = .live }
        #expect(try client.next("q")?.sequence == [1, 3])
        // A shorter interval counts from now on; an error and an acknowledgement never wait.
        client.say(["action": "subscribe", "interval_ms": .integer(60_001)])
        #expect(try client.next("error")?["code"]?.integer == 400)
        client.say(["action": "subscribe", "interval_ms": .integer(50)])
        _ = try client.acknowledgement()
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 4))
        #expect(try client.next("q")?.sequence == [1, 4])
      }
    }

    @Test(arguments: Encoding.allCases)
    func choicesThatMeanNothingAreRefusedAndChangeNothing(_ encoding: Encoding) async throws {
      try await ServiceScene.withFeed { scene, _ in
        let client = try StreamClient.ready(scene, encoding)
        let wrong: [(String, WireValue, String)] = [
          ("depth", .integer(2), "depth"), ("depth", "5", "depth"), ("depth", .null, "depth"),
          ("snapshot", .integer(1), "snapshot"), ("interval_ms", .integer(-1), "interval_ms"),
          ("interval_ms", .float(1.5), "interval_ms"), ("since", [], "since"),
          ("since", ["AAPL": .integer(1)], "AAPL"), ("since", ["AAPL": [.integer(1)]], "AAPL"),
          ("since", ["AAPL": [.integer(1), .integer(-2)]], "AAPL"),
          ("since", ["AAPL": [.integer(1), .integer(2), .integer(3)]], "AAPL"),
          ("since", ["AAPL": [.integer(1), .null]], "AAPL"),
        ]
        for (key, value, place) in wrong {
          client.say(
            .map([
              .init(key: "trades", value: ["AAPL"]), .init(key: key, value: value),
              .init(key: "action", value: "subscribe"),
            ]))
          let error = try #require(try client.next("error"))
          #expect(error["code"]?.integer == 400, "\(key) \(value)")
          #expect(error["msg"]?.string?.contains(place) == true, "\(error)")
        }
        #expect(try client.subscribe(quotes: ["A"])["trades"]?.strings == [])
      }
    }
  }
}
