// Joining: a value that is there comes at once, and a client that joins in the middle of a stream
// sees neither a hole nor a repeat.
import Gateway
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayJoiningTests {
    @Test(arguments: StreamClient.Encoding.allCases)
    func valueWrittenBeforeTheSubscribeArrivesAtOnce(
      _ encoding: StreamClient.Encoding
    ) async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 7))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 8, after: 5))
        try await feed.settle()
        // The first client reads it from Redis, the second has it from the topic.
        for _ in 0..<2 {
          let client = try StreamClient.ready(scene, encoding)
          try client.subscribe(trades: ["AAPL"], quotes: ["AAPL"])
          #expect(try client.drain(1).map(\.sequence) == [[1, 7]])
        }
      }
    }

    /// A trade that was lost between the join and the first live one is announced.
    @Test func lossRightAfterTheJoinIsAnnounced() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.put("stock:AAPL:price", Value.trade("AAPL", 8, after: 5))
        try await feed.settle()
        let client = try StreamClient.ready(scene)
        try client.subscribe(trades: ["AAPL"])
        try await joined(scene, 1)
        feed.put("stock:AAPL:price", Value.trade("AAPL", 11, after: 10))
        let gap = try #require(try client.next())
        #expect(gap.kind == "gap" && gap.symbol == "AAPL" && gap["c"]?.string == "trades")
        #expect(gap["missed"] == .null)
        #expect(try client.next()?.sequence == [1, 11])
        // What is older, or comes twice, is not sent.
        feed.publish("stock:AAPL:price", Value.trade("AAPL", 11, after: 10))
        feed.publish("stock:AAPL:price", Value.trade("AAPL", 9, after: 8))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 12, after: 11))
        #expect(try client.drain(1).map(\.sequence) == [[1, 12]])
      }
    }

    /// Goal: no hole, no repeat. Method: 2,000 numbered messages, half of them trades, flow while 20
    /// clients of both encodings, some by `"*"`, subscribe at random moments.
    @Test func clientsJoinAStreamWithoutHoleOrRepeat() async throws {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SplitMix64(seed: seed)
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL"])
        let clients = try (0..<20).map { place in
          try StreamClient.ready(scene, place % 2 == 0 ? .json : .messagePack)
        }
        let last = 2_000
        var moments = clients.map { _ in Int.random(in: 0..<1_800, using: &random) }
        moments[0] = 0
        for number in stride(from: 1, to: last, by: 2) {
          feed.put("stock:AAPL:price", Value.trade("AAPL", number, after: max(0, number - 2)))
          feed.put("stock:AAPL:quote", Value.quote("AAPL", number + 1))
          for (place, client) in clients.enumerated() where moments[place] / 2 == number / 2 {
            let names = place % 3 == 0 ? ["*"] : ["AAPL"]
            client.say(StreamClient.message("subscribe", trades: names, quotes: names))
          }
          if number % 40 == 1 {
            try await feed.settle()
            for client in clients { try client.pump() }
          }
        }
        try await feed.settle()
        for (place, client) in clients.enumerated() {
          // Topics come in the order in which they changed: the last quote may precede the last trades.
          var missing: Set = [[1, Int64(last)], [1, Int64(last - 1)]]
          let messages = try client.collect {
            missing.remove($0.sequence)
            return missing.isEmpty
          }
          let label: Comment = "seed \(seed), client \(place) joined at \(moments[place])"
          check(messages, last, label)
        }
        #expect(try scene.gateway("gaps_total") == 0)
      }
    }

    private func check(_ messages: [WireValue], _ last: Int, _ label: Comment) {
      #expect(messages.first?.kind == "subscription", label)
      let trades = messages.filter { $0.kind == "t" }
      let quotes = messages.filter { $0.kind == "q" }
      #expect(messages.count == trades.count + quotes.count + 1, label)
      for (earlier, later) in zip(quotes, quotes.dropFirst()) {
        #expect(earlier.sequence.lexicographicallyPrecedes(later.sequence), label)
      }
      for (earlier, later) in zip(trades, trades.dropFirst()) {
        #expect(later["P"] == earlier["N"], label)
      }
      #expect(quotes.last?.sequence == [1, Int64(last)], label)
      #expect(trades.last?.sequence == [1, Int64(last - 1)], label)
    }

    @Test func anEpochThatBeginsIsNoGap() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let client = try StreamClient.ready(scene)
        try client.subscribe(trades: ["AAPL"])
        try await joined(scene, 1)
        feed.put("stock:AAPL:price", Value.trade("AAPL", 9, after: 0))
        let second = Value.trade("AAPL", 3, after: 9, epoch: 2)
          .replacingFirst("\"P\":9", by: "\"P\":9,\"Q\":1")
        feed.put("stock:AAPL:price", second)
        feed.put("stock:AAPL:price", Value.trade("AAPL", 4, after: 3, epoch: 2))
        #expect(try client.drain(3).map(\.sequence) == [[1, 9], [2, 3], [2, 4]])
      }
    }
  }
}

extension String {
  func replacingFirst(_ text: String, by other: String) -> String {
    guard let range = firstRange(of: text) else { return self }
    return replacingCharacters(range, other)
  }

  private func replacingCharacters(_ range: Range<String.Index>, _ other: String) -> String {
    String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
  }
}
