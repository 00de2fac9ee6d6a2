// Bytes from strangers, on the clients' side and on Redis' side: counted, dropped, and nobody else
// notices.
import Gateway
import MarketData
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayHostileTests {
    /// A neighbour that must go on receiving.
    private func neighbour(_ scene: ServiceScene) async throws -> StreamClient {
      let client = try StreamClient.ready(scene, .messagePack)
      try client.subscribe(trades: ["AAPL"], quotes: ["AAPL"])
      try await joined(scene, 2)
      return client
    }

    @Test func randomBytesFromClientsHarmNobody() async throws {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SplitMix64(seed: seed)
      try await ServiceScene.withFeed { scene, feed in
        let healthy = try await neighbour(scene)
        for round in 0..<40 {
          let count = Int.random(in: 1...3_000, using: &random)
          let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
          switch round % 4 {
          case 0: try RawSocket(port: scene.port).send(bytes)
          case 1: try StreamClient.ready(scene).socket.send(bytes)
          case 2: try StreamClient.ready(scene, .messagePack).socket.sendFrame(2, bytes)
          default:
            // A message that is nearly right.
            let client = try StreamClient.ready(scene, round % 8 == 3 ? .json : .messagePack)
            var message = client.encode(StreamClient.message("subscribe", trades: ["A", "B"]))
            message[Int.random(in: 0..<message.count, using: &random)] = bytes[0]
            client.socket.sendFrame(client.opcode, message)
          }
        }
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        #expect(try healthy.next("q")?.sequence == [1, 1], "seed \(seed)")
        #expect(try await until { try scene.gateway("clients") == 1 }, "seed \(seed)")
      }
    }

    @Test func messagesOverTheLimitAreRefused() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let healthy = try await neighbour(scene)
        let most = 1 << 20
        // The largest that is allowed is read (and is no JSON).
        let large = try StreamClient.ready(scene)
        large.socket.sendFrame(1, Array(repeating: UInt8(ascii: " "), count: most))
        #expect(try large.next()?["code"]?.integer == 400)
        #expect(try large.subscribe(trades: ["A"])["trades"]?.strings == ["A"])
        large.socket.sendFrame(1, Array(repeating: UInt8(ascii: " "), count: most + 1))
        #expect(try large.waitForClose() == 1_009)
        // In fragments.
        let pieces = try StreamClient.ready(scene)
        let piece = [UInt8](repeating: UInt8(ascii: " "), count: 32_768)
        for place in 0...32 where pieces.socket.sendFrame(place == 0 ? 1 : 0, piece, isFinal: false)
        {}
        #expect(try pieces.waitForClose() == 1_009)
        // Only announced: 2^40 bytes.
        let announced = try StreamClient.ready(scene)
        announced.socket.send([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4] + piece)
        #expect([1_009, nil].contains(try announced.waitForClose(milliseconds: 1_000)))
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        #expect(try healthy.next("q")?.sequence == [1, 1])
      }
    }

    @Test func textThatIsNoUnicodeCloses() async throws {
      try await ServiceScene.with { scene in
        for bytes: [UInt8] in [[0xff], [0x22, 0xc3, 0x28, 0x22], [0xed, 0xa0, 0x80]] {
          let client = try StreamClient.ready(scene)
          client.socket.sendFrame(1, bytes)
          #expect(try client.waitForClose() == 1_007)
        }
      }
    }

    @Test func garbageOnAChannelIsDroppedAndCounted() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let packed = try await neighbour(scene)
        let plain = try StreamClient.ready(scene, .json)
        try plain.subscribe(trades: ["AAPL"], quotes: ["AAPL"])
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 2, after: 0))
        for client in [packed, plain] { #expect(try client.drain(2).count == 2) }
        var garbage = Self.garbage.map { Array($0.utf8) }
        garbage.append([])
        garbage.append([0xff, 0xfe, 0x00])
        garbage.append(Array("{\"E\":1,\"N\":9,\"T\":\"q\",\"S\":\"".utf8) + [0xff, 0x22, 0x7d])
        for bytes in garbage {
          feed.publish("stock:AAPL:quote", bytes)
          feed.publish("stock:AAPL:price", bytes)
        }
        try await feed.settle()
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 3))
        feed.put("stock:AAPL:price", Value.trade("AAPL", 4, after: 2))
        for client in [packed, plain] {
          #expect(try client.drain(2).map(\.sequence) == [[1, 3], [1, 4]])
        }
        #expect(try scene.gateway("messages_malformed_total") == Double(2 * garbage.count))
      }
    }

    /// No message of a feed. Each claims to be newer than what there is.
    static let garbage = [
      "nonsense", "7", "[]", "null", "{", "{}", "{\"E\":1}", "[{\"E\":1,\"N\":9}]",
      "{\"E\":1,\"N\":9,\"T\":\"q\",\"S\":\"AAPL\"",
      "{\"E\":1,\"N\":9,\"T\":\"q\",\"S\":\"AAPL\",}",
      "{\"E\":1,\"N\":9,\"T\":\"q\",\"S\":\"AAPL\"} {}",
      "{\"E\":\"1\",\"N\":9,\"T\":\"q\",\"S\":\"AAPL\"}",
      "{\"E\":-1,\"N\":9,\"T\":\"q\",\"S\":\"AAPL\"}",
      "{\"E\":1,\"N\":99999999999999999999999,\"T\":\"q\",\"S\":\"AAPL\"}",
      "{\"E\":1.5,\"N\":9,\"T\":\"q\",\"S\":\"AAPL\"}",
      "{\"E\":1,\"N\":9,\"P\":\"x\",\"T\":\"t\",\"S\":\"AAPL\"}",
      "{\"E\":1,\"N\":9,\"T\":7,\"S\":\"AAPL\"}",
      "{\"E\":1,\"N\":9,\"T\":\"q\",\"S\":\"AAPL\",\"x\":" + String(repeating: "[", count: 5_000),
      "{\"E\":1,\"N\":9,\"T\":\"q\",\"S\":\"AAPL\",\"c\":[\""
        + String(repeating: "x", count: 70_000) + "\"]}",
    ]

    /// Well-formed JSON with a time that is none: it cannot be put into MessagePack, and the frame's
    /// other messages must not suffer.
    @Test func valueThatCannotBeDerivedIsLeftOut() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let packed = try await neighbour(scene)
        feed.publish(
          "stock:AAPL:quote",
          "{\"E\":1,\"N\":1,\"T\":\"q\",\"S\":\"AAPL\",\"t\":\"yesterday\"}")
        feed.put("stock:AAPL:price", Value.trade("AAPL", 2, after: 0))
        #expect(try packed.drain(1).map(\.sequence) == [[1, 2]])
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 3))
        #expect(try packed.drain(1).map(\.sequence) == [[1, 3]])
        #expect(try scene.gateway("derivation_failures_total") >= 1)
      }
    }

    @Test func garbageInAKeyIsNoValue() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.set("stock:AAPL:quote", "nonsense")
        feed.set("depth:AAPL", "{\"E\":1,\"N\":9,\"T\":\"o\",\"S\":\"AAPL\",\"b\":[")
        #expect(scene.redis.command("RPUSH", "stock:MSFT:quote", "a list") == ":1\r\n")
        try await feed.settle()
        let client = try StreamClient.ready(scene)
        try client.subscribe(quotes: ["AAPL", "MSFT"], orderbooks: ["AAPL"])
        try await joined(scene, 3)
        #expect(try client.drain().isEmpty)
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        feed.put("stock:MSFT:quote", Value.quote("MSFT", 2))
        feed.put("depth:AAPL", Value.book("AAPL", 3))
        #expect(Set(try client.drain(3).map(\.sequence)) == [[1, 1], [1, 2], [1, 3]])
        // All three are joined: what is read when the feed returns comes again.
        feed.say { $0.state = .paused }
        #expect(try client.drain(3).map(\.kind) == ["stale", "stale", "stale"])
        feed.say { $0.state = .live }
        #expect(Set(try client.drain(3).map(\.sequence)) == [[1, 1], [1, 2], [1, 3]])
      }
    }

    @Test func malformedWordOfTheFeedIsIgnored() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL"])
        let client = try StreamClient.ready(scene)
        try client.subscribe(quotes: ["*"])
        try await joined(scene, 1)
        let heartbeats = [
          "", "nonsense", "{}", "[]", "{\"E\":1,\"N\":1}",
          "{\"E\":-5,\"N\":1,\"T\":\"heartbeat\",\"t\":\"2026-11-21T06:23:00Z\",\"state\":\"live\","
            + "\"speed\":1,\"symbols\":1,\"stale\":[]}",
          "{\"E\":1,\"N\":1,\"T\":\"heartbeat\",\"t\":\"2026-11-21T06:23:00Z\",\"state\":\"odd\","
            + "\"speed\":1,\"symbols\":1,\"stale\":[]}",
        ]
        for text in heartbeats { feed.publish("feed:main:heartbeat", text) }
        try await feed.settle()
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        #expect(try client.drain(1).map(\.sequence) == [[1, 1]])
        #expect(try scene.gateway("messages_malformed_total") == Double(heartbeats.count))
        // A symbol list that is none; then one with a name that is none.
        feed.set("feed:main:symbols", "{\"version\":2,\"symbols\":[1]}")
        feed.say { $0.symbolsVersion = 2 }
        #expect(
          try await until {
            try scene.gateway("messages_malformed_total") > Double(heartbeats.count)
          })
        feed.set("feed:main:symbols", "{\"version\":3,\"symbols\":[\"AAPL\",\"no symbol\",\"B\"]}")
        feed.set("stock:B:quote", Value.quote("B", 2))
        feed.say { $0.symbolsVersion = 3 }
        #expect(try client.next()?.sequence == [1, 2])
      }
    }
  }
}
