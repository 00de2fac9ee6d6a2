// Every channel on both paths, from a tape to a client; what a wildcard means, and what it does not.
import Feeds
import Gateway
import Glibc
import MarketData
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayChannelsTests {
    static let channels: [(name: String, kinds: Set<String>)] = [
      ("trades", ["t", "c", "x"]), ("quotes", ["q"]), ("bars", ["b"]), ("updatedBars", ["u"]),
      ("dailyBars", ["d"]), ("orderbooks", ["o"]), ("statuses", ["s"]),
    ]

    private static func subscribe(_ names: [String]) -> WireValue {
      .map(
        channels.map { .init(key: $0.name, value: .strings(names)) }
          + [.init(key: "action", value: "subscribe")])
    }

    /// One of each kind for each symbol.
    private static func tape(_ symbols: [String]) -> String {
      var lines: [String] = []
      for (place, symbol) in symbols.enumerated() {
        let head = "\"S\":\"\(symbol)\",\"t\":\"2026-11-20T15:00:00.\(1 + place)00Z\""
        let bar = "\"o\":1,\"h\":2,\"l\":0.5,\"c\":1.5,\"v\":10,\"n\":3,\"vw\":1.25}"
        lines += [
          "{\"T\":\"t\",\(head),\"x\":\"V\",\"p\":1.5,\"s\":10,\"i\":1,\"c\":[\"@\"],\"z\":\"C\"}",
          "{\"T\":\"q\",\(head),\"bp\":1.25,\"bs\":3,\"ap\":1.5,\"as\":2}",
          "{\"T\":\"o\",\(head),\"b\":[{\"p\":1.25,\"s\":3}],\"a\":[{\"p\":1.5,\"s\":2}],\"r\":true}",
          "{\"T\":\"x\",\(head),\"x\":\"V\",\"p\":1.5,\"s\":10,\"i\":1,\"a\":\"C\",\"z\":\"C\"}",
          "{\"T\":\"c\",\(head),\"x\":\"V\",\"oi\":1,\"op\":1.5,\"os\":10,\"oc\":[\"@\"],\"ci\":2,"
            + "\"cp\":1.6,\"cs\":11,\"cc\":[],\"z\":\"C\"}",
          "{\"T\":\"s\",\(head),\"sc\":\"H\",\"sm\":\"Halted\",\"rc\":\"T1\",\"rm\":\"News\",\"z\":\"C\"}",
        ]
        for kind in ["b", "u", "d"] { lines.append("{\"T\":\"\(kind)\",\(head),\(bar)") }
      }
      // The feed lives on.
      lines.append(
        "{\"T\":\"q\",\"S\":\"\(symbols[0])\",\"t\":\"2026-11-20T15:30:00Z\",\"bp\":1,\"bs\":3,"
          + "\"ap\":2,\"as\":2}")
      return lines.joined(separator: "\n") + "\n"
    }

    /// Goal: nothing that a feed can tell is missing on either path. Method: a tape with one of each
    /// kind, and a look at every channel; the symbols of the other path are named too.
    @Test(arguments: StreamClient.Encoding.allCases)
    func everyKindReachesItsChannelOnBothPaths(_ encoding: StreamClient.Encoding) async throws {
      let path = "/tmp/tapedeck-channels-\(getpid())-\(encoding.rawValue).ndjson"
      let file = try #require(fopen(path, "w"))
      fputs(Self.tape(["AAPL", "BTC/USD"]), file)
      fclose(file)
      defer { unlink(path) }
      try await ServiceScene.with { scene in
        let paths = [("/v2/iex", "AAPL"), ("/v1beta3/crypto/us", "BTC/USD")]
        let names = ["AAPL", "BTC/USD", "NOSUCH"]
        let clients = try paths.map { try StreamClient.ready(scene, path: $0.0, encoding) }
        for client in clients {
          client.say(Self.subscribe(names))
          let answer = try client.acknowledgement()
          for list in Self.channels.map(\.name) + ["corrections", "cancelErrors"] {
            #expect(answer[list]?.strings == names, "\(list)")
          }
        }
        // NOSUCH is a stock's name.
        try await joined(scene, 3 * Self.channels.count)
        // With times moved to now the tape's own bars would not be the trades'.
        let service = try await scene.ingest(path, timestamps: .original)
        try await service.closing { _ in
          for (client, (_, symbol)) in zip(clients, paths) {
            var missing = Self.channels.reduce(into: Set<String>()) { $0.formUnion($1.kinds) }
            let seen = try client.collect {
              missing.remove($0.kind)
              return missing.isEmpty
            }
            #expect(missing.isEmpty, "\(symbol)")
            #expect(seen.allSatisfy { $0.kind == "stale" || $0.symbol == symbol })
          }
          // Halted it is for whoever comes now, too.
          let late = try StreamClient.ready(scene, encoding)
          late.say(["action": "subscribe", "statuses": ["AAPL"]])
          let status = try #require(try late.next("s"))
          #expect(status["sc"] == "H" && status["rm"] == "News" && status["z"] == "C")
        }
      }
    }

    @Test func aSymbolThatIsNotListedIsNotMeantByTheWildcard() async throws {
      try await ServiceScene.withFeed { scene, feed in
        feed.list(["AAPL"])
        let all = try StreamClient.ready(scene)
        try all.subscribe(trades: ["*"], quotes: ["*"])
        let one = try StreamClient.ready(scene)
        try one.subscribe(trades: ["NOSUCH"], quotes: ["NOSUCH"])
        try await joined(scene, 4)
        feed.say { $0.state = .paused }
        let told = try all.drain(2).filter { $0.kind == "stale" }
        #expect(Set(told.map(\.symbol)) == ["AAPL"] && told.count == 2)
        #expect(Set(try one.drain(2).map(\.symbol)) == ["NOSUCH"])
        feed.say { $0.state = .live }
        // Now it is listed, and has a value.
        feed.put("stock:NOSUCH:quote", Value.quote("NOSUCH", 1))
        #expect(try one.next("q")?.sequence == [1, 1])
        #expect(try all.drain().isEmpty)
        feed.list(["AAPL", "NOSUCH"])
        #expect(try all.next("q")?.sequence == [1, 1], "what it has is shown")
        feed.put("stock:NOSUCH:price", Value.trade("NOSUCH", 2, after: 0))
        for client in [all, one] { #expect(try client.next("t")?.sequence == [1, 2]) }
      }
    }
  }
}
