// What one key or one client may use of a gateway, and what the others notice of it: nothing.
import Credentials
import Gateway
import ServiceSupport
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayLimitTests {
    typealias Encoding = StreamClient.Encoding

    /// With two more keys beside `demo`, and a bystander on one of them who must get every quote.
    private func with(
      _ configure: (inout StreamLoop.Configuration) -> Void,
      _ body: (ServiceScene, () throws -> Void) async throws -> Void
    ) async throws {
      let keys = SettingsKeys(try APIKeys(parsing: "demo:demo,other:other,third:third"))
      try await ServiceScene.withFeed({
        $0.keys = keys
        configure(&$0)
      }) { scene, feed in
        let bystander = try connected(scene)
        bystander.authenticate(key: "other", secret: "other")
        #expect(try bystander.next() == StreamClient.success("authenticated"))
        try bystander.subscribe(quotes: ["AAPL"])
        try await joined(scene, 1)
        var number = 0
        try await body(scene) {
          number += 1
          feed.put("stock:AAPL:quote", Value.quote("AAPL", number))
          let quote = try bystander.next("q")
          #expect(quote?.sequence == [1, Int64(number)], "the bystander")
        }
      }
    }

    private func connected(
      _ scene: ServiceScene, _ encoding: Encoding = .json, from: String? = nil,
      headers: String = ""
    ) throws -> StreamClient {
      let client = try StreamClient(scene, encoding, headers: headers, from: from)
      try #require(try client.next() == StreamClient.success("connected"))
      return client
    }

    /// The next message is this error; gives its text.
    private func error(_ client: StreamClient, _ code: Int64) throws -> String {
      let message = try #require(try client.next(), "\(code) was expected")
      #expect(message.kind == "error" && message["code"]?.integer == code, "\(message)")
      return message["msg"]?.string ?? ""
    }

    // MARK: - Connections and names of a key

    @Test(arguments: Encoding.allCases)
    func aKeyWithEnoughConnectionsGetsNoMore(_ encoding: Encoding) async throws {
      let usage = KeyUsage(bounds(connections: 2))
      try await with({ $0.usage = usage }) { scene, bystanderGets in
        let first = try StreamClient.ready(scene, encoding)
        var second: StreamClient? = try StreamClient.ready(scene, encoding)
        for headers in ["", "APCA-API-KEY-ID: demo\r\nAPCA-API-SECRET-KEY: demo\r\n"] {
          let third = try connected(scene, encoding, headers: headers)
          if headers.isEmpty { third.authenticate() }
          #expect(
            try error(third, 406) == "connection limit exceeded: at most 2 connections per key")
          #expect(try third.waitForClose() == 1_013)
        }
        #expect(try scene.gateway("connections_refused_total") == 2)
        try bystanderGets()
        // The others stay as they were; a place that comes free is given again.
        #expect(try first.subscribe(trades: ["A"])["trades"]?.strings == ["A"])
        second?.socket.reset()
        second = nil
        let isFree = try await until { try scene.gateway("clients") == 2 }
        #expect(isFree)
        _ = try StreamClient.ready(scene, encoding)
        try bystanderGets()
      }
    }

    /// All loops of a process count together: the kernel chooses which of them a connection gets.
    @Test func allLoopsCountTogether() async throws {
      let usage = KeyUsage(bounds(connections: 5))
      try await ServiceScene.with({ $0.usage = usage }, loops: 2) { scene in
        var kept: [StreamClient] = []
        for _ in 0..<5 { kept.append(try StreamClient.ready(scene)) }
        for _ in 0..<6 {
          let more = try connected(scene)
          more.authenticate()
          #expect(try error(more, 406).hasPrefix("connection limit exceeded"))
        }
        #expect(try kept[0].subscribe(trades: ["A"])["trades"]?.strings == ["A"])
      }
    }

    @Test(arguments: Encoding.allCases)
    func namesOfAKeyAreCountedOverItsConnections(_ encoding: Encoding) async throws {
      let usage = KeyUsage(bounds(names: 5))
      try await with({ $0.usage = usage }) { scene, bystanderGets in
        let first = try StreamClient.ready(scene, encoding)
        let second = try StreamClient.ready(scene, encoding)
        try first.subscribe(trades: ["A", "B", "C"])
        second.say(StreamClient.message("subscribe", trades: ["A", "B"], quotes: ["A"]))
        #expect(
          try error(second, 405)
            == "symbol limit exceeded: at most 5 names for all connections of a key")
        // Nothing changed, nothing was counted; what is held twice counts once, wildcards never.
        #expect(
          try second.subscribe(trades: ["A", "B", "A"])["trades"]?.strings == ["A", "B"])
        #expect(
          try Set(second.subscribe(trades: ["*", "A"])["trades"]?.strings ?? []) == ["*", "A", "B"])
        first.say(StreamClient.message("subscribe", bars: ["A"]))
        #expect(try error(first, 405).hasPrefix("symbol limit exceeded"))
        try bystanderGets()
        // What is given up, by a word or by leaving, can be had again: exactly once.
        try first.unsubscribe(trades: ["C", "X"])
        #expect(try second.subscribe(quotes: ["A"])["quotes"]?.strings == ["A"])
        second.say(StreamClient.message("subscribe", quotes: ["B"]))
        #expect(try error(second, 405).hasPrefix("symbol limit exceeded"))
        first.socket.reset()
        let isGone = try await until { try scene.gateway("clients") == 2 }
        #expect(isGone)
        #expect(try second.subscribe(quotes: ["B", "C"])["quotes"]?.strings?.count == 3)
        second.say(StreamClient.message("subscribe", quotes: ["D"]))
        #expect(try error(second, 405).hasPrefix("symbol limit exceeded"))
        #expect(try scene.gateway("symbols_refused_total") == 4)
        try bystanderGets()
      }
    }

    /// Goal: whatever clients do, and however they go, nothing stays counted.
    /// Method: random lives at the limit; then the whole of it can be had by one.
    @Test func nothingStaysCounted() async throws {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SplitMix64(seed: seed)
      let usage = KeyUsage(bounds(connections: 4, names: 6))
      try await with({ $0.usage = usage }) { scene, bystanderGets in
        let names = ["A", "B", "C", "D"]
        for round in 0..<60 {
          let client = try connected(scene, round % 2 == 0 ? .json : .messagePack)
          client.authenticate(secret: Int.random(in: 0..<12, using: &random) == 0 ? "x" : "demo")
          for _ in 0..<Int.random(in: 0..<5, using: &random) {
            let some = names.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random))
            let action = Int.random(in: 0..<3, using: &random) == 0 ? "unsubscribe" : "subscribe"
            client.say(StreamClient.message(action, trades: Array(some), quotes: ["A", "*"]))
          }
          switch Int.random(in: 0..<3, using: &random) {
          case 0: client.socket.reset()
          case 1: client.socket.close()
          default: try client.pump()
          }
        }
        let isEmpty = try await until { try scene.gateway("clients") == 1 }
        #expect(isEmpty, "seed \(seed)")
        var kept: [StreamClient] = []
        for _ in 0..<4 { kept.append(try StreamClient.ready(scene)) }
        let all = try kept[0].subscribe(trades: names, quotes: ["A", "B"])
        #expect(all["trades"]?.strings?.count == 4, "seed \(seed)")
        try bystanderGets()
      }
    }

    private func bounds(connections: Int = 100, names: Int = 100) -> KeyUsage.Bounds {
      var bounds = KeyUsage.Bounds()
      bounds.connectionsMax = connections
      bounds.subscriptionsMax = names
      return bounds
    }

    // MARK: - Who says too much

    @Test(arguments: Encoding.allCases)
    func whoSaysTooMuchIsToldAndClosed(_ encoding: Encoding) async throws {
      try await with({ _ in }) { scene, bystanderGets in
        let loud = try StreamClient.ready(scene, encoding)
        let message = loud.encode(StreamClient.message("subscribe", trades: ["A"]))
        // 256 at once; `auth` was one, and meanwhile some more may have become due.
        for _ in 0..<2_000 where loud.socket.sendFrame(loud.opcode, message) {}
        var answered = 0
        while let answer = try loud.next(), answer.kind == "subscription" { answered += 1 }
        #expect(answered >= 255 && answered < 1_000, "\(answered)")
        #expect([1_008, nil].contains(loud.closeCode))
        #expect(try scene.gateway("talkative_clients_total") == 1)
        try bystanderGets()
        // Before it says who it is, too.
        let stranger = try connected(scene, encoding)
        for _ in 0..<2_000 where stranger.socket.sendFrame(stranger.opcode, [0x7B]) {}
        let isClosed = try await until { try scene.gateway("talkative_clients_total") == 2 }
        #expect(isClosed)
        try bystanderGets()
      }
    }

    /// The error and its close arrive at a client that stops in time.
    @Test func theErrorSaysWhatIsAllowed() async throws {
      try await with({ $0.clients.messageRate = RateRule(burst: 3, perSecond: 1) }) { scene, _ in
        let client = try StreamClient.ready(scene)
        for _ in 0..<2 { try client.subscribe(trades: ["A"]) }
        for _ in 0..<3 { client.say(StreamClient.message("subscribe", trades: ["A"])) }
        let message = try #require(try client.next("error"))
        #expect(message["code"]?.integer == 429)
        #expect(message["msg"]?.string == "too many requests: 1 messages a second")
        #expect(try client.waitForClose() == 1_008)
      }
    }

    /// An acknowledgement of much costs as much as saying it.
    @Test func bytesAreCountedWithThoseOfTheAnswers() async throws {
      try await with({ $0.clients.messageBytesRate = RateRule(burst: 400_000, perSecond: 1) }) {
        scene, bystanderGets in
        let names = (0..<5_000).map { "S\(10_000 + $0)" }
        let client = try StreamClient.ready(scene)
        #expect(try client.subscribe(trades: names)["trades"]?.strings?.count == 5_000)
        // 45 KB were said; each small word now costs the 135 KB of its answer.
        for _ in 0..<2 { try client.subscribe(trades: ["S10000"]) }
        client.say(StreamClient.message("subscribe", trades: ["S10000"]))
        // On a slow machine notices may come between.
        #expect(try client.next("error")?["code"]?.integer == 429)
        try bystanderGets()
      }
    }

    /// What the official SDK does: everything again with each subscribe, in two fragments.
    @Test func repeatedSubscribesOfSixThousandSymbolsFit() async throws {
      try await with({ _ in }) { scene, bystanderGets in
        let names = (0..<6_000).map { "S\(10_000 + $0)" }
        let client = try StreamClient.ready(scene, .messagePack)
        var lists: [WireValue.Entry] = []
        var listed = 0
        for channel in ["trades", "quotes", "bars"] {
          lists.append(.init(key: channel, value: .strings(names)))
          listed += channel == "trades" ? 3 : 1
          let message = WireValue.map(lists + [.init(key: "action", value: "subscribe")])
          client.socket.sendFrame(2, client.encode(message), isFinal: false)
          client.socket.sendFrame(0, [])
          // Each name has 7 bytes of MessagePack in an acknowledgement; notices may come between.
          var size = 0
          while size < listed * 6_000 * 7, let frame = client.socket.readFrame() {
            size = frame.payload.count
          }
          #expect(size > listed * 6_000 * 7 && size < listed * 6_000 * 7 + 200)
        }
        #expect(try scene.gateway("talkative_clients_total") == 0)
        try bystanderGets()
      }
    }

    // MARK: - Storms of wrong secrets

    /// Goal: a storm on one key from one address is throttled and touches neither the owner of the
    /// key elsewhere, nor other keys at the same address.
    @Test func aStormOfWrongSecretsTouchesNobodyElse() async throws {
      try await with({ _ in }) { scene, bystanderGets in
        var limited = 0
        for attempt in 0..<60 {
          let storm = try connected(scene, attempt % 2 == 0 ? .json : .messagePack)
          storm.authenticate(secret: "wrong")
          let text = try error(storm, 402)
          limited += text.contains("too many failed attempts, try again in ") ? 1 : 0
          #expect(try storm.waitForClose() == 1_008)
          guard attempt % 20 == 10 else { continue }
          let owner = try connected(scene, from: "127.0.0.2")
          owner.authenticate()
          #expect(try owner.next() == StreamClient.success("authenticated"))
          let neighbour = try connected(scene)
          neighbour.authenticate(key: "third", secret: "third")
          #expect(try neighbour.next() == StreamClient.success("authenticated"))
          try bystanderGets()
        }
        #expect(limited >= 45, "\(limited) of 60: 10 and one more every 6 s are looked at")
        #expect(try scene.gateway("auth_limited_total") == Double(limited))
        #expect(try scene.gateway("auth_failures_total") == 60)
        // Not even with the right secret, from where the storm comes.
        let same = try connected(scene)
        same.authenticate()
        #expect(try error(same, 402).contains("too many failed attempts"))
      }
    }

    /// Behind a trusted proxy a storm is its client's, not the proxy's.
    @Test func addressesBehindATrustedProxyAreToldApart() async throws {
      let proxies = try #require(TrustedProxies(parsing: "127.0.0.1"))
      try await with({ $0.proxies = proxies }) { scene, _ in
        for number in 0..<10 {
          // What the client itself wrote before the proxy's word changes nothing.
          let spoofed = "X-Forwarded-For: 203.0.113.\(number), 198.51.100.7\r\n"
          let answer = try attempt(scene, spoofed, "x")
          #expect(answer == "auth failed")
        }
        let storm = "X-Forwarded-For: 198.51.100.7\r\n"
        let other = "X-Forwarded-For: 198.51.100.8\r\n"
        #expect(try attempt(scene, storm, "demo").contains("too many"))
        // Two lines are one list.
        #expect(try attempt(scene, other + storm, "demo").contains("too many"))
        #expect(try attempt(scene, other, "demo") == "authenticated")
        #expect(try attempt(scene, "", "demo") == "authenticated")
        // From anybody else the header is not read.
        #expect(try attempt(scene, storm, "demo", from: "127.0.0.2") == "authenticated")
      }
    }

    /// The answer to an `auth`.
    private func attempt(
      _ scene: ServiceScene, _ headers: String, _ secret: String, from: String? = nil
    ) throws -> String {
      let client = try connected(scene, from: from, headers: headers)
      client.authenticate(secret: secret)
      return try #require(try client.next()?["msg"]?.string)
    }
  }
}
