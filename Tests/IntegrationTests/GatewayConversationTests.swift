// The dialogue of the stream protocol, wire contract A.3, in both encodings.
import Gateway
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayConversationTests {
    typealias Encoding = StreamClient.Encoding

    static let lists = [
      "T", "trades", "quotes", "bars", "updatedBars", "dailyBars", "orderbooks", "statuses",
      "lulds", "corrections", "cancelErrors",
    ]

    @Test(arguments: Encoding.allCases)
    func conversationGoesAsTheProtocolSays(_ encoding: Encoding) async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        try await feed.settle()
        let client = try StreamClient(scene, encoding)
        #expect(try client.next() == StreamClient.success("connected"))
        client.authenticate()
        #expect(try client.next() == StreamClient.success("authenticated"))
        client.say(
          StreamClient.message("subscribe", trades: ["AAPL", "MSFT"], quotes: ["AAPL"]))
        let answer = try #require(try client.next())
        #expect(answer.kind == "subscription")
        #expect(Set(answer.keys) == Set(Self.lists))
        for (list, names) in [
          ("trades", ["AAPL", "MSFT"]), ("corrections", ["AAPL", "MSFT"]),
          ("cancelErrors", ["AAPL", "MSFT"]), ("quotes", ["AAPL"]), ("bars", []),
          ("updatedBars", []), ("dailyBars", []), ("statuses", []), ("lulds", []),
          ("orderbooks", []),
        ] { #expect(answer[list]?.strings == names, "\(list)") }
        let quote = try #require(try client.next())
        #expect(quote.kind == "q" && quote.symbol == "AAPL" && quote.sequence == [1, 1])
        #expect(quote["bp"]?.number == 100.25 && quote["ap"]?.number == 100.5)
        #expect(quote["bs"]?.number == 3 && quote["as"]?.number == 2)
        let time: WireValue =
          encoding == .json
          ? "2026-11-21T06:23:00.123456789Z" : .timestamp(1_795_242_180_123_456_789)
        #expect(quote["t"] == time)
        try await joined(scene, 3)
        feed.put("stock:MSFT:price", Value.trade("MSFT", 2, after: 0))
        let trade = try #require(try client.next())
        #expect(trade.kind == "t" && trade["p"]?.number == 189.97 && trade["s"]?.number == 10)
        let rest = try client.unsubscribe(trades: ["MSFT"])
        #expect(rest["trades"]?.strings == ["AAPL"] && rest["quotes"]?.strings == ["AAPL"])
        #expect(rest["corrections"]?.strings == ["AAPL"])
        feed.put("stock:MSFT:price", Value.trade("MSFT", 3, after: 2))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 4, after: 0))
        let next = try #require(try client.next())
        #expect(next.symbol == "AAPL", "nothing of what was unsubscribed")
      }
    }

    @Test func cryptoPathHasItsOwnChannels() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.put("depth:BTC/USD", Value.book("BTC/USD", 1))
        try await feed.settle()
        let client = try StreamClient.ready(scene, path: "/v1beta3/crypto/us", .messagePack)
        let answer = try client.subscribe(orderbooks: ["BTC/USD"])
        #expect(
          Set(answer.keys)
            == [
              "T", "trades", "quotes", "bars", "updatedBars", "dailyBars", "orderbooks", "statuses",
              "corrections", "cancelErrors",
            ])
        let book = try #require(try client.next())
        #expect(book.kind == "o" && book["r"] == .bool(true))
        #expect(book["b"]?[0]["p"] == .float(64_999.5) && book["a"]?[0]["s"] == .float(0.25))
      }
    }

    /// Goal: no data before "authenticated". Method: data flows all the while.
    @Test func nothingIsSentBeforeAuthentication() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL"])
        let other = try StreamClient.ready(scene)
        try other.subscribe(trades: ["*"], quotes: ["AAPL"])
        let client = try StreamClient(scene, .json)
        #expect(try client.next() == StreamClient.success("connected"))
        try await joined(scene, 2)
        for number in 1...50 { feed.put("stock:AAPL:quote", Value.quote("AAPL", number)) }
        #expect(try other.collect { $0.sequence == [1, 50] }.last != nil)
        client.say(StreamClient.message("subscribe", quotes: ["AAPL"]))
        #expect(try client.next()?["code"]?.integer == 401)
        client.authenticate()
        #expect(try client.next() == StreamClient.success("authenticated"))
        #expect(try client.next(milliseconds: 100) == nil)
      }
    }

    /// As the official SDK sends it: the whole payload with FIN = 0, then an empty continuation.
    @Test(arguments: Encoding.allCases)
    func fragmentedSubscribeIsUnderstood(_ encoding: Encoding) async throws {
      try await ServiceScene.withFeed { scene, _ in
        let client = try StreamClient.ready(scene, encoding)
        let bytes = client.encode(StreamClient.message("subscribe", trades: ["AAPL", "MSFT"]))
        client.socket.sendFrame(client.opcode, bytes, isFinal: false)
        client.socket.sendFrame(0, [], isFinal: true)
        #expect(try client.acknowledgement()["trades"]?.strings == ["AAPL", "MSFT"])
        // Byte by byte, with pings in between.
        let more = client.encode(StreamClient.message("subscribe", quotes: ["RELIANCE"]))
        for (place, byte) in more.enumerated() {
          client.socket.sendFrame(place == 0 ? client.opcode : 0, [byte], isFinal: false)
          // One at a time: a server need not answer a ping that another overtakes.
          if place == 5 || place == 11 {
            client.socket.sendFrame(9, [UInt8(place)])
            #expect(try client.nextPong() == [UInt8(place)])
          }
        }
        client.socket.sendFrame(0, [], isFinal: true)
        #expect(try client.acknowledgement()["quotes"]?.strings == ["RELIANCE"])
      }
    }

    @Test func aSubscribeOfSixThousandSymbolsComesInPieces() async throws {
      try await ServiceScene.withFeed { scene, _ in
        let client = try StreamClient.ready(scene, .messagePack)
        let names = (0..<6_000).map { "SYMBOL.\($0)" }
        let bytes = client.encode(StreamClient.message("subscribe", trades: names))
        try #require(bytes.count > 2 * 32_768)
        var at = 0
        while at < bytes.count {
          let end = min(at + 32_768, bytes.count)
          client.socket.sendFrame(at == 0 ? 2 : 0, Array(bytes[at..<end]), isFinal: false)
          at = end
        }
        client.socket.sendFrame(0, [], isFinal: true)
        #expect(try client.acknowledgement()["trades"]?.strings == names)
      }
    }

    @Test(arguments: Encoding.allCases)
    func subscribingAgainRepeatsNothing(_ encoding: Encoding) async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        feed.put("depth:AAPL", Value.book("AAPL", 2))
        try await feed.settle()
        let client = try StreamClient.ready(scene, encoding)
        try client.subscribe(quotes: ["AAPL"], orderbooks: ["AAPL"])
        #expect(Set(try client.drain(2).map(\.kind)) == ["q", "o"])
        let again = try client.subscribe(quotes: ["AAPL", "MSFT"], orderbooks: ["AAPL"])
        #expect(again["quotes"]?.strings == ["AAPL", "MSFT"])
        #expect(again["orderbooks"]?.strings == ["AAPL"])
        #expect(try client.drain().isEmpty)
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 3))
        #expect(try client.drain(1).map(\.sequence) == [[1, 3]])
        // Given up and taken again is a new subscription: the newest value comes.
        try client.unsubscribe(quotes: ["AAPL"])
        try client.subscribe(quotes: ["AAPL"])
        #expect(try client.drain(1).map(\.sequence) == [[1, 3]])
      }
    }

    /// Explicit and by `"*"`: once. Symbols that are listed later are followed.
    @Test(arguments: Encoding.allCases)
    func wildcardMeansEverySymbolOnce(_ encoding: Encoding) async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL", "BTC/USD"])
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        feed.put("depth:AAPL", Value.book("AAPL", 2))
        try await feed.settle()
        let client = try StreamClient.ready(scene, encoding)
        let answer = try client.subscribe(
          trades: ["*", "AAPL"], quotes: ["*"], orderbooks: ["AAPL", "*"])
        #expect(Set(answer["trades"]?.strings ?? []) == ["*", "AAPL"])
        #expect(answer["quotes"]?.strings == ["*"])
        #expect(Set(answer["orderbooks"]?.strings ?? []) == ["*", "AAPL"])
        #expect(try client.drain(2).map(\.sequence).sorted { $0[1] < $1[1] } == [[1, 1], [1, 2]])
        try client.subscribe(quotes: ["AAPL"])
        #expect(try client.drain().isEmpty, "it had that symbol by the wildcard")
        feed.put("stock:AAPL:price", Value.trade("AAPL", 3, after: 0))
        #expect(try client.drain(1).map(\.sequence) == [[1, 3]])
        // A symbol that appears later.
        feed.set("stock:NEW:quote", Value.quote("NEW", 4))
        feed.list(["AAPL", "BTC/USD", "NEW"])
        let first = try #require(try client.next())
        #expect(first.symbol == "NEW" && first.kind == "q")
        try await joined(scene, 6)
        feed.put("stock:NEW:price", Value.trade("NEW", 5, after: 0))
        feed.put("depth:NEW", Value.book("NEW", 6))
        #expect(Set(try client.drain(2).map(\.sequence)) == [[1, 5], [1, 6]])
        // Without the wildcard the explicit names stay.
        let rest = try client.unsubscribe(trades: ["*"], quotes: ["*"], orderbooks: ["*"])
        #expect(rest["trades"]?.strings == ["AAPL"] && rest["quotes"]?.strings == ["AAPL"])
        feed.put("stock:NEW:price", Value.trade("NEW", 7, after: 5))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 8, after: 3))
        #expect(try client.drain(1).map(\.sequence) == [[1, 8]])
      }
    }

    @Test func symbolsOfAnotherPathOrOfNobodyAreAcknowledgedOnly() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL", "BTC/USD"])
        feed.put("stock:BTC/USD:quote", Value.quote("BTC/USD", 1))
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 2))
        try await feed.settle()
        let client = try StreamClient.ready(scene)
        let answer = try client.subscribe(quotes: ["BTC/USD", "NOSUCH"])
        #expect(answer["quotes"]?.strings == ["BTC/USD", "NOSUCH"])
        let crypto = try StreamClient.ready(scene, path: "/v1beta3/crypto/us")
        try crypto.subscribe(quotes: ["AAPL", "*"])
        #expect(try crypto.next()?.symbol == "BTC/USD")
        feed.put("stock:BTC/USD:quote", Value.quote("BTC/USD", 3))
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 4))
        #expect(try crypto.next()?.sequence == [1, 3])
        #expect(try crypto.drain().isEmpty)
        #expect(try client.drain().isEmpty)
      }
    }

    /// A client that can set headers is authenticated by them.
    @Test func headersAuthenticate() async throws {
      try await ServiceScene.with { scene in
        let client = try StreamClient(
          scene, .json, headers: "APCA-API-KEY-ID: demo\r\nAPCA-API-SECRET-KEY: demo\r\n")
        #expect(try client.next() == StreamClient.success("connected"))
        #expect(try client.next() == StreamClient.success("authenticated"))
      }
    }

    @Test func aClientThatLeavesGivesItsTopicsBack() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL", "MSFT"])
        let clients = try (0..<10).map { _ in try StreamClient.ready(scene) }
        for client in clients { try client.subscribe(trades: ["*"], quotes: ["AAPL", "XYZ"]) }
        #expect(try scene.gateway("clients") == 10)
        for (place, client) in clients.enumerated() {
          if place % 2 == 0 { client.socket.close() } else { client.socket.reset() }
        }
        let isEmpty = try await until {
          try scene.gateway("clients") == 0 && scene.gateway("topics") == 0
        }
        #expect(isEmpty)
        #expect(try scene.gateway("subscriptions") == 0)
      }
    }
  }
}

/// Until so many topics have been joined: what is published from now on reaches their clients.
func joined(_ scene: ServiceScene, _ count: Int) async throws {
  try #require(try await until { try scene.gateway("join_reads_total") >= Double(count) })
}
