// Messages that are well-framed and still not what they should be: each is answered, the connection
// stays, and nobody else notices.
import Gateway
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayGarbageTests {
    /// Says it and gives the code of the error, or 0 for an acknowledgement.
    private func answer(_ client: StreamClient, _ opcode: UInt8, _ bytes: [UInt8]) throws -> Int64 {
      client.socket.sendFrame(opcode, bytes)
      let message = try #require(try client.next(milliseconds: 20_000), "no answer")
      try #require(message.kind == "error" || message.kind == "subscription", "\(message)")
      return message["code"]?.integer ?? 0
    }

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// A short string of MessagePack.
    private func packed(_ text: String) -> [UInt8] { [0xa0 | UInt8(text.utf8.count)] + text.utf8 }

    /// A bystander on the other encoding, asked for a quote after each.
    private func with(
      _ encoding: StreamClient.Encoding, _ body: (StreamClient, () throws -> Void) throws -> Void
    ) async throws {
      try await ServiceScene.withFeed { scene, feed in
        let healthy = try StreamClient.ready(scene, encoding == .json ? .messagePack : .json)
        try healthy.subscribe(quotes: ["AAPL"])
        try await joined(scene, 1)
        var number = 0
        try body(try StreamClient.ready(scene, encoding)) {
          number += 1
          feed.put("stock:AAPL:quote", Value.quote("AAPL", number))
          let quote = try healthy.next("q")
          #expect(quote?.sequence == [1, Int64(number)], "the bystander")
        }
        // Whatever was subscribed to on the way is given back with its client.
        let isClean = try await until { try scene.gateway("topics") == 1 }
        #expect(isClean)
        #expect(try scene.gateway("subscriptions") == 1)
      }
    }

    @Test func strangeJSONIsAnsweredAndTheConnectionStays() async throws {
      let deep = String(repeating: "{\"a\":", count: 5_000)
      let closed = deep + "1" + String(repeating: "}", count: 5_000)
      let cases: [(String, Set<Int64>)] = [
        ("{\"action\":\"subscribe\",\"x\":\(closed)}", [400]),
        ("{\"action\":\"subscribe\",\"x\":\(String(repeating: "[", count: 200_000))", [400, 410]),
        ("{\"x\":\(deep)", [400]),
        // Keys that come twice: all lists count, of `action` the last.
        ("{\"action\":\"subscribe\",\"trades\":[\"A\"],\"trades\":[\"B\"]}", [0]),
        ("{\"action\":\"subscribe\",\"trades\":[\"A\"],\"action\":\"unsubscribe\"}", [0]),
        ("{\"action\":\"subscribe\",\"action\":7}", [400]),
        ("{\"\\u0061ction\":\"subscrib\\u0065\",\"trades\":[\"\\u0041\"]}", [0]),
        ("{\"action\":\"subscribe\",\"trades\":[\"\\ud800\"]}", [400]),
        ("{\"action\":\"subscribe\",\"trades\":[\"\\u0000\"]}", [400]),
        ("{\"action\":\"subscribe\",\"trades\":[null]}", [400]),
        ("{\"action\":\"subscribe\",\"trades\":[[\"A\"]]}", [400]),
        ("{\"action\":\"subscribe\",\"trades\":{\"A\":1}}", [400]),
        ("{\"action\":\"subscribe\",\"x\":1e999999999,\"y\":-0.0e-0}", [0, 400]),
        ("{\"action\":\"subscribe\",\"\(String(repeating: "k", count: 500_000))\":1}", [0, 400]),
        ("{\"action\":\"\(String(repeating: "a", count: 500_000))\"}", [400]),
        (
          "{\"action\":\"auth\",\"key\":\"\(String(repeating: "k", count: 100_000))\"}", [400, 403]
        ),
        ("\u{feff}{\"action\":\"subscribe\"}", [400]),
        ("{\"action\":\"subscribe\"} {\"action\":\"subscribe\"}", [400]),
        ("{\"action\":\"subscribe\",\"news\":[\"A\"]}", [410]),
        ("{\"action\":\"listen\",\"data\":{\"streams\":[\"trade_updates\"]}}", [400]),
      ]
      try await with(.json) { client, bystanderGets in
        for (message, codes) in cases {
          let code = try answer(client, 1, text(message))
          #expect(codes.contains(code), "\(code): \(message.prefix(80))")
          // The same in a binary frame is the same.
          #expect(try answer(client, 2, text(message)) == code)
          try bystanderGets()
        }
        #expect(try client.subscribe(trades: ["Z"])["trades"]?.strings?.contains("Z") == true)
        client.socket.close()
      }
    }

    @Test func strangeMessagePackIsAnsweredAndTheConnectionStays() async throws {
      let action: [UInt8] = packed("action") + packed("subscribe")
      func map(_ count: UInt8, _ parts: [UInt8]...) -> [UInt8] {
        [0x80 | count] + action + parts.joined()
      }
      func many(_ byte: UInt8) -> [UInt8] { Array(repeating: byte, count: 100_000) }
      let trades: [UInt8] = packed("trades")
      let cases: [([UInt8], Set<Int64>)] = [
        (map(2, trades, [0x91, 0xa1, 0x41]), [0]),
        (map(3, trades, [0x91, 0xa1, 0x41], trades, [0x91, 0xa1, 0x42]), [0]),
        (map(2, trades, [0xdd, 0xff, 0xff, 0xff, 0xff]), [400]),  // 2^32 - 1 names announced
        (map(2, trades, [0x91, 0xdb, 0xff, 0xff, 0xff, 0xff, 0x41]), [400]),
        (map(2, trades, [0x91, 0xc4, 0x01, 0x41]), [400]),  // bin, not str
        (map(2, trades, [0x91, 0xc0]), [400]),
        (map(2, trades, [0x91, 0xa2, 0xc3, 0x28]), [400]),  // not UTF-8
        (map(2, trades, [0x81, 0xa1, 0x41, 0x01]), [400]),
        (map(2, [0xa1, 0x78, 0xc7, 0xff, 0x05]), [400]),  // an ext cut short
        (map(2, [0xa1, 0x78], many(0x81)), [400, 410]),
        (map(2, [0xa1, 0x78], many(0x91)), [400, 410]),
        (map(2, [0x01, 0x01]), [0, 400]),  // a number as a key
        (map(1, [0xc0]), [400]),  // something behind it
        ([0xde, 0xff, 0xff] + action, [400]),
        ([0xdf, 0xff, 0xff, 0xff, 0xff] + action, [400]),
        ([0xc1], [400]),
      ]
      try await with(.messagePack) { client, bystanderGets in
        for (message, codes) in cases {
          let code = try answer(client, 2, message)
          #expect(codes.contains(code), "\(code): \(message.prefix(40))")
          try bystanderGets()
        }
        // JSON in a text frame is understood, and answered in the handshake's encoding.
        #expect(try answer(client, 1, text("{\"action\":\"subscribe\",\"trades\":[\"Z\"]}")) == 0)
        client.socket.close()
      }
    }

    /// 100,000 names in one message are the most that is read; the same name so often is one.
    @Test func listsOfAHundredThousandAreBounded() async throws {
      try await with(.json) { client, bystanderGets in
        func message(_ names: some Sequence<String>) -> [UInt8] {
          text("{\"action\":\"subscribe\",\"quotes\":[\(names.joined(separator: ","))]}")
        }
        #expect(try answer(client, 1, message(repeatElement("\"A\"", count: 100_001))) == 405)
        try bystanderGets()
        #expect(try answer(client, 1, message(repeatElement("\"A\"", count: 100_000))) == 0)
        try bystanderGets()
        client.socket.close()
      }
    }

    /// Goal: coming and going for ever leaves nothing. Method: as fast as a client may talk.
    @Test(arguments: StreamClient.Encoding.allCases)
    func subscribingAndUnsubscribingInTurnsLeavesNothing(
      _ encoding: StreamClient.Encoding
    ) async throws {
      try await with(encoding) { client, bystanderGets in
        for round in 0..<30 {
          let names = (0..<30).map { "S\(($0 + 7 * round) % 150)" }
          client.say(
            StreamClient.message(
              round % 2 == 0 ? "subscribe" : "unsubscribe", trades: names, quotes: names + ["*"]))
          _ = try client.acknowledgement()
          if round % 10 == 0 { try bystanderGets() }
        }
        client.socket.close()
      }
    }
  }
}
