// `since`: what a client missed while it was away, on any gateway: from the ring, or told as one gap.
import Gateway
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayResumeTests {
    typealias Encoding = StreamClient.Encoding

    private func trades(_ range: ClosedRange<Int>, _ feed: ScriptedFeed, epoch: Int = 1) {
      for number in range {
        feed.put(
          "stock:AAPL:price", Value.trade("AAPL", number, after: number - 1, epoch: epoch))
      }
    }

    /// Subscribes with what was seen last; the acknowledgement is read.
    @discardableResult
    private func resume(
      _ client: StreamClient, _ names: [String] = ["AAPL"], channel: String = "trades",
      since: [String: [Int64]]
    ) throws -> WireValue {
      let seen = since.map { (symbol, pair) in
        WireValue.Entry(key: symbol, value: .array(pair.map { .integer($0) }))
      }
      client.say(
        .map([
          .init(key: channel, value: .strings(names)), .init(key: "since", value: .map(seen)),
          .init(key: "action", value: "subscribe"),
        ]))
      return try client.acknowledgement()
    }

    /// "gap" or the number.
    private func short(_ messages: [WireValue]) -> [String] {
      messages.map { $0.kind == "gap" ? "gap \($0["missed"]!)" : "\($0.sequence[1])" }
    }

    /// A gateway that has AAPL's trades up to `last` in its ring.
    private func withRing(
      _ last: Int, ring: Int = 256,
      _ body: (ServiceScene, ScriptedFeed, StreamClient) async throws -> Void
    ) async throws {
      try await ServiceScene.withFeed({ $0.fanOut.trades = ring }) { scene, feed in
        let holder = try StreamClient.ready(scene)
        try holder.subscribe(trades: ["AAPL"])
        try await joined(scene, 1)
        trades(1...last, feed)
        _ = try holder.collect { $0.sequence == [1, Int64(last)] }
        try await body(scene, feed, holder)
      }
    }

    @Test(arguments: Encoding.allCases)
    func whatTheRingHoldsIsSentOnceAndInOrder(_ encoding: Encoding) async throws {
      try await withRing(5) { scene, feed, _ in
        // After some, after the newest, and from the beginning of the epoch.
        let clients = try ([3, 5, 0] as [Int64]).map { last in
          let client = try StreamClient.ready(scene, encoding)
          let answer = try resume(client, since: ["AAPL": [1, last], "MSFT": [9, 9]])
          #expect(answer["trades"]?.strings == ["AAPL"])
          return client
        }
        trades(6...6, feed)
        #expect(try short(clients[0].drain(3)) == ["4", "5", "6"])
        #expect(try short(clients[1].drain(1)) == ["6"])
        #expect(try short(clients[2].drain(6)) == ["1", "2", "3", "4", "5", "6"])
        // What is held is held.
        try resume(clients[0], since: ["AAPL": [1, 2]])
        #expect(try clients[0].drain().isEmpty)
      }
    }

    @Test func whatTheRingHasForgottenIsOneGap() async throws {
      try await withRing(10, ring: 4) { scene, feed, _ in
        let expected: [(Int64, Int64, [String])] = [
          (1, 2, ["gap null", "7", "8", "9", "10"]),
          // The oldest's predecessor.
          (1, 6, ["7", "8", "9", "10"]),
          (1, 7, ["8", "9", "10"]),
          // Another epoch.
          (0, 10, ["gap null", "7", "8", "9", "10"]),
        ]
        for (epoch, number, messages) in expected {
          let client = try StreamClient.ready(scene)
          try resume(client, since: ["AAPL": [epoch, number]])
          #expect(try short(client.drain(messages.count)) == messages, "\(epoch), \(number)")
        }
      }
    }

    /// The client comes from a gateway that had more already.
    @Test(arguments: Encoding.allCases)
    func aClientThatIsAheadGetsNothingTwice(_ encoding: Encoding) async throws {
      try await withRing(5) { scene, feed, holder in
        let client = try StreamClient.ready(scene, encoding)
        try resume(client, since: ["AAPL": [1, 7]])
        let further = try StreamClient.ready(scene, encoding)
        try resume(further, since: ["AAPL": [1, 8]])
        trades(6...9, feed)
        #expect(try short(client.drain(2)) == ["8", "9"])
        #expect(try short(further.drain(1)) == ["9"])
        #expect(try short(holder.drain(4)) == ["6", "7", "8", "9"])
      }
    }

    @Test func aLossBehindWhatWasSeenElsewhereIsTold() async throws {
      try await withRing(5) { scene, feed, holder in
        let (near, far) = (try StreamClient.ready(scene), try StreamClient.ready(scene))
        try resume(near, since: ["AAPL": [1, 7]])
        try resume(far, since: ["AAPL": [1, 9]])
        // 6 to 9 never come here; who has seen 9 has missed nothing.
        trades(10...11, feed)
        #expect(try short(near.drain(3)) == ["gap null", "10", "11"])
        #expect(try short(far.drain(2)) == ["10", "11"])
        #expect(try short(holder.drain(3)) == ["gap null", "10", "11"])
      }
    }

    @Test(arguments: Encoding.allCases)
    func onAGatewayThatKnowsNothingTheKeyDecides(_ encoding: Encoding) async throws {
      let expected: [(Int64, [String])] = [
        (8, ["9"]),
        // One event was missed, and the key has it.
        (5, ["8", "9"]), (7, ["8", "9"]),
        (4, ["gap null", "9"]),
        // Newer than the key: another gateway's client.
        (9, []),
      ]
      for (seen, messages) in expected {
        try await ServiceScene.withFeed { scene, feed in
          feed.put("stock:AAPL:price", Value.trade("AAPL", 8, after: 5))
          try await feed.settle()
          let client = try StreamClient.ready(scene, encoding)
          try resume(client, since: ["AAPL": [1, seen]])
          try await joined(scene, 1)
          feed.put("stock:AAPL:price", Value.trade("AAPL", 9, after: 8))
          #expect(try short(client.drain(messages.count)) == messages, "\(seen)")
          feed.put("stock:AAPL:price", Value.trade("AAPL", 10, after: 9))
          #expect(try short(client.drain(1)) == ["10"], "\(seen)")
        }
      }
    }

    @Test(arguments: Encoding.allCases)
    func behindAWildcardEachSymbolIsResumed(_ encoding: Encoding) async throws {
      try await ServiceScene.withFeed { scene, feed in
        let names = ["AAPL", "MSFT", "IBM"]
        feed.list(names)
        let holder = try StreamClient.ready(scene)
        try holder.subscribe(trades: ["*"])
        try await joined(scene, 3)
        trades(1...4, feed)
        for number in 11...13 {
          feed.put("stock:MSFT:price", Value.trade("MSFT", number, after: number - 1))
        }
        _ = try holder.drain(7)
        let client = try StreamClient.ready(scene, encoding)
        let answer = try resume(
          client, ["*"],
          since: ["AAPL": [1, 2], "MSFT": [1, 14], "IBM": [1, 20], "NEW": [1, 30]])
        #expect(answer["trades"]?.strings == ["*"])
        trades(5...5, feed)
        #expect(try short(client.drain(3)) == ["3", "4", "5"])
        for number in 14...15 {
          feed.put("stock:MSFT:price", Value.trade("MSFT", number, after: number - 1))
        }
        #expect(try short(client.drain(1)) == ["15"])
        feed.put("stock:IBM:price", Value.trade("IBM", 22, after: 21))
        #expect(try short(client.drain(2)) == ["gap null", "22"])
        // A symbol that is listed only now.
        feed.list(names + ["NEW"])
        try await joined(scene, 4)
        for number in 30...31 {
          feed.put("stock:NEW:price", Value.trade("NEW", number, after: number - 1))
        }
        #expect(try short(client.drain(1)) == ["31"])
        // Nothing is left of it when the wildcard has caught up.
        #expect(try client.unsubscribe(trades: ["*"])["trades"]?.strings == [])
      }
    }

    @Test func barsAreResumedAsTradesAre() async throws {
      func bar(_ kind: String, _ number: Int) -> String {
        "{\"E\":1,\"N\":\(number),\"P\":\(number - 1),\"T\":\"\(kind)\",\"S\":\"AAPL\","
          + "\"t\":\"2026-11-21T06:23:00Z\",\"o\":1,\"h\":2,\"l\":1,\"c\":2,\"v\":3,\"n\":1,\"vw\":1}"
      }
      try await ServiceScene.withFeed { scene, feed in
        for (channel, key, kind) in [("bars", "bar", "b"), ("updatedBars", "bar:updated", "u")] {
          let holder = try StreamClient.ready(scene)
          holder.say(
            .map([
              .init(key: channel, value: ["AAPL"]), .init(key: "action", value: "subscribe"),
            ]))
          try await joined(scene, kind == "b" ? 1 : 2)
          for number in 1...4 { feed.put("stock:AAPL:\(key)", bar(kind, number)) }
          _ = try holder.collect { $0.sequence == [1, 4] }
          let client = try StreamClient.ready(scene)
          try resume(client, channel: channel, since: ["AAPL": [1, 2]])
          #expect(try short(client.drain(2)) == ["3", "4"])
        }
      }
    }

    /// Goal: nothing twice, nothing lost silently, on any gateway. Method: trades flow, some are lost
    /// on their way to the gateways; a client goes from one gateway to the other again and again.
    @Test func aClientThatGoesFromGatewayToGatewayHasEachTradeOrAGap() async throws {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SplitMix64(seed: seed)
      try await ServiceScene.withFeed({ $0.fanOut.trades = 64 }) { scene, feed in
        let other = try await scene.secondGateway { $0.fanOut.trades = 16 }
        do {
          let ports = [scene.port, other.port]
          let holder = try StreamClient.ready(scene)
          try holder.subscribe(trades: ["AAPL"])
          var seen: [Int64] = []
          var gaps: Set<Int64> = []
          var next = 1
          for _ in 0..<40 {
            let client = try StreamClient.ready(
              scene, random.next() % 2 == 0 ? .json : .messagePack,
              port: ports[Int(random.next() % 2)])
            let names = ["AAPL"]
            try resume(client, names, since: ["AAPL": [1, seen.last ?? 0]])
            let count = Int(random.next() % 40)
            for _ in 0..<count {
              let value = Value.trade("AAPL", next, after: next - 1)
              if random.next() % 20 == 0 {
                feed.set("stock:AAPL:price", value)
              } else {
                feed.put("stock:AAPL:price", value)
              }
              next += 1
            }
            try await feed.settle()
            for message in try client.drain() {
              if message.kind == "gap" {
                gaps.insert(seen.last ?? 0)
              } else {
                seen.append(message.sequence[1])
              }
            }
            client.socket.close()
          }
          #expect(seen == seen.sorted() && Set(seen).count == seen.count, "seed \(seed)")
          for (earlier, later) in zip([0] + seen, seen) where later > earlier + 1 {
            #expect(gaps.contains(earlier), "seed \(seed): \(earlier + 1) is missing")
          }
          #expect(seen.count > next / 3, "seed \(seed): too little was seen")
        } catch {
          await other.close()
          throw error
        }
        await other.close()
      }
    }
  }
}
