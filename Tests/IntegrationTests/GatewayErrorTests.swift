// The errors of the stream protocol, wire contract A.7: which code, what is named, and whether the
// connection stays.
import Gateway
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayErrorTests {
    typealias Encoding = StreamClient.Encoding

    /// The next message is this error; gives its text.
    private func error(_ client: StreamClient, _ code: Int64) throws -> String {
      let message = try #require(try client.next(), "\(code) was expected")
      #expect(message.kind == "error" && message["code"]?.integer == code, "\(message)")
      return message["msg"]?.string ?? ""
    }

    @Test func whatCannotBeReadIsNamedAndTheConnectionStays() async throws {
      try await ServiceScene.with { scene in
        for encoding in Encoding.allCases {
          let client = try StreamClient.ready(scene, encoding)
          let malformed: [[UInt8]] =
            encoding == .json
            ? [
              "{", "[]", "", "nonsense", "{\"action\":\"dance\"}", "{\"trades\":[\"AAPL\"]}",
              "{\"action\":\"subscribe\",\"trades\":\"AAPL\"}",
              "{\"action\":\"subscribe\",\"trades\":[1]}", "{\"action\":\"subscribe\"}}",
              String(repeating: "[", count: 5_000),
            ].map { Array($0.utf8) }
            : [
              [], [0xc1], [0x81], [0x90], [0x82, 0xa6], [0xdf, 0xff, 0xff, 0xff, 0xff],
              [0x81, 0xa6] + Array("action".utf8) + [0xdd, 0xff, 0xff, 0xff, 0xff],
              Array(repeating: 0x91, count: 5_000),
              WireValue(dictionaryLiteral: ("action", "dance")).messagePack,
            ]
          for bytes in malformed {
            client.socket.sendFrame(client.opcode, bytes)
            #expect(try error(client, 400).hasPrefix("invalid syntax"))
          }
          client.say(StreamClient.message("subscribe", trades: ["AAPL", "aapl"]))
          let text = try error(client, 400)
          #expect(text.contains("name 2") && text.contains("symbol"), "\(text)")
          client.say(
            StreamClient.message(
              "subscribe", trades: ["AAPL"], quotes: [String(repeating: "A", count: 33)]))
          #expect(try error(client, 400).contains("quotes name 1"))
          let answer = try client.subscribe(quotes: ["MSFT"])
          #expect(answer["trades"]?.strings == [], "a refused subscribe changes nothing")
        }
      }
    }

    @Test(arguments: Encoding.allCases)
    func wrongSecretIsToldAndCloses(_ encoding: Encoding) async throws {
      try await ServiceScene.with { scene in
        for (key, secret) in [("demo", "wrong"), ("nobody", "demo"), ("", "")] {
          let client = try StreamClient(scene, encoding)
          #expect(try client.next() == StreamClient.success("connected"))
          client.authenticate(key: key, secret: secret)
          #expect(try error(client, 402) == "auth failed")
          #expect(try client.waitForClose() == 1_008)
        }
        #expect(try scene.gateway("auth_failures_total") == 3)
      }
    }

    @Test func orderOfTheDialogueIsKept() async throws {
      try await ServiceScene.with { scene in
        let client = try StreamClient(scene)
        #expect(try client.next() == StreamClient.success("connected"))
        client.say(StreamClient.message("subscribe", trades: ["AAPL"]))
        #expect(try error(client, 401) == "not authenticated")
        client.say(StreamClient.message("unsubscribe", trades: ["AAPL"]))
        #expect(try error(client, 401) == "not authenticated")
        client.authenticate()
        #expect(try client.next() == StreamClient.success("authenticated"))
        client.authenticate(secret: "wrong")
        #expect(try error(client, 403) == "already authenticated")
        #expect(try client.subscribe(trades: ["AAPL"])["trades"]?.strings == ["AAPL"])
      }
    }

    @Test func silenceInsteadOfCredentialsTimesOut() async throws {
      try await ServiceScene.with({ $0.clients.authenticationMilliseconds = 200 }) { scene in
        let prompt = try StreamClient.ready(scene)
        let late = try StreamClient(scene)
        #expect(try late.next() == StreamClient.success("connected"))
        #expect(try error(late, 404) == "auth timeout")
        #expect(try late.waitForClose() == 1_008)
        #expect(try prompt.subscribe(trades: ["AAPL"])["trades"]?.strings == ["AAPL"])
      }
    }

    @Test func tooManySymbolsChangeNothing() async throws {
      try await ServiceScene.withFeed({ $0.clients.subscriptionsMax = 4 }) { scene, feed in
        feed.put("stock:A:quote", Value.quote("A", 1))
        try await feed.settle()
        let client = try StreamClient.ready(scene)
        try client.subscribe(trades: ["A", "B", "C"])
        client.say(StreamClient.message("subscribe", quotes: ["A", "B"]))
        #expect(try error(client, 405).hasPrefix("symbol limit exceeded"))
        // What is held and what is named twice does not count again; wildcards do not count.
        let answer = try client.subscribe(trades: ["A", "B", "C", "C", "*"], quotes: ["A", "A"])
        #expect(Set(answer["trades"]?.strings ?? []) == ["*", "A", "B", "C"])
        #expect(answer["quotes"]?.strings == ["A"])
        #expect(try client.next()?.sequence == [1, 1])
        client.say(StreamClient.message("subscribe", quotes: ["Z"]))
        #expect(try error(client, 405).hasPrefix("symbol limit exceeded"))
        try client.unsubscribe(trades: ["C"])
        #expect(Set(try client.subscribe(quotes: ["Z"])["quotes"]?.strings ?? []) == ["A", "Z"])
      }
    }

    /// An acknowledgement must stay below the 1 MiB that the official SDK takes.
    @Test func namesThatWouldNotFitAnAcknowledgementAreRefused() async throws {
      // Without a feed 5,000 notices would come between.
      try await ServiceScene.withFeed { scene, _ in
        let client = try StreamClient.ready(scene)
        // 10,000 names of 32 bytes in three lists are 1.05 MB.
        let names = (0..<10_000).map { "A.VERY.LONG.NAME.OF.A.SYMBOL.\(1_000_000 + $0)".suffix(32) }
          .map(String.init)
        let half = try client.subscribe(trades: Array(names[..<5_000]))
        #expect(half["cancelErrors"]?.strings?.count == 5_000)
        client.say(StreamClient.message("subscribe", trades: Array(names[5_000...])))
        #expect(try error(client, 405).contains("1 MiB"))
        #expect(try client.subscribe(quotes: ["A"])["trades"]?.strings?.count == 5_000)
      }
    }

    @Test func channelsOfTheOtherPathAreRefused() async throws {
      try await ServiceScene.with { scene in
        let crypto = try StreamClient.ready(scene, path: "/v1beta3/crypto/us")
        crypto.say(["lulds": ["BTC/USD"], "trades": ["BTC/USD"], "action": "subscribe"])
        #expect(try error(crypto, 410).hasPrefix("invalid subscribe action for this feed"))
        crypto.say(["news": ["*"], "action": "subscribe"])
        #expect(try error(crypto, 410).hasPrefix("invalid subscribe action for this feed"))
        #expect(try crypto.subscribe(quotes: ["BTC/USD"])["trades"]?.strings == [])
      }
    }

    @Test func pathsWithoutAStreamAreNotFound() async throws {
      try await ServiceScene.with { scene in
        for path in ["/v3/iex", "/v2", "/v2/", "/v2/iex/more", "/v1beta3/crypto", "/", "/v2/%00"] {
          let answer = try #require(try RawSocket(port: scene.port).openWebSocket(path))
          #expect(answer.status == 404, "\(path)")
          let body = try WireValue(json: answer.body)
          #expect(body["code"]?.integer == 40_410_000, "\(path)")
          #expect(body["message"]?.string != nil, "\(path)")
        }
        #expect(try scene.gateway("clients") == 0)
      }
    }
  }
}
