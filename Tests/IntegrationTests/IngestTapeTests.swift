// A tape's whole way: ingester, Redis, gateway, client; and what the ingester leaves in Redis.
import Feeds
import Gateway
import Glibc
import Ingest
import MarketData
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct IngestTapeTests {
    /// A file in a directory of its own, gone with the object.
    private final class Tape {
      let path: String
      private let directory: String

      init(_ lines: [String]) throws {
        var template = Array("/tmp/tapedeck-tape-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        directory = String(
          decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = "\(directory)/tape.ndjson"
        let file = try #require(fopen(path, "w"))
        fputs(lines.joined(separator: "\n") + "\n", file)
        fclose(file)
      }

      deinit {
        unlink(path)
        rmdir(directory)
      }
    }

    /// A moment of the tape's session, in milliseconds.
    private func time(_ milliseconds: Int) -> String {
      let (minutes, rest) = milliseconds.quotientAndRemainder(dividingBy: 60_000)
      let digits = String(100_000 + rest).dropFirst()
      let hour = 10 + minutes / 60
      let minute = String(100 + minutes % 60).dropFirst()
      return "2026-11-20T\(hour):\(minute):\(digits.prefix(2)).\(digits.dropFirst(2))Z"
    }

    private func quote(_ symbol: String, _ at: Int, _ price: Int = 100) -> String {
      "{\"T\":\"q\",\"S\":\"\(symbol)\",\"t\":\"\(time(at))\",\"bp\":\(price).25,\"bs\":3,"
        + "\"ap\":\(price).5,\"as\":2}"
    }

    private func trade(_ symbol: String, _ at: Int, _ id: Int) -> String {
      "{\"T\":\"t\",\"S\":\"\(symbol)\",\"t\":\"\(time(at))\",\"p\":189.97,\"s\":10,\"i\":\(id)}"
    }

    private func book(_ symbol: String, _ at: Int) -> String {
      "{\"T\":\"o\",\"S\":\"\(symbol)\",\"t\":\"\(time(at))\",\"b\":[{\"p\":64999.5,\"s\":0.25}],"
        + "\"a\":[{\"p\":65000.5,\"s\":0.25}],\"r\":true}"
    }

    /// Three quiet symbols: after the first moments nothing happens for an hour.
    private func quietTape() throws -> Tape {
      try Tape(
        ["AAPL", "MSFT"].flatMap { [quote($0, 0), trade($0, 0, 1), book($0, 1)] }
          + [book("BTC/USD", 2), quote("BTC/USD", 2), trade("BTC/USD", 2, 3)]
          + [quote("AAPL", 3_600_000)])
    }

    private func play(
      _ scene: ServiceScene, _ tape: Tape, speed: FeedSpeed = .realTime, loops: Bool = false,
      _ body: (IngestService) async throws -> Void
    ) async throws {
      let ingest = try await scene.ingest(tape.path, speed: speed, loops: loops)
      try await ingest.closing(after: body)
    }

    @Test func quietTapeIsVouchedForUntilTheIngesterGoes() async throws {
      let tape = try quietTape()
      try await ServiceScene.with { scene in
        let client = try StreamClient.ready(scene)
        try await play(scene, tape) { _ in
          try await scene.untilReady()
          try client.subscribe(trades: ["*"], quotes: ["AAPL", "MSFT"], orderbooks: ["AAPL"])
          #expect(try client.drain(3).map(\.kind).sorted() == ["o", "q", "q"])
          // Longer than every TTL: nothing changes, nothing is sent, nothing is stale.
          #expect(try client.next(milliseconds: 2_500) == nil)
          try checkKeys(scene)
          #expect(
            Set(try liveKeys(scene)) == [
              "stock:AAPL:quote", "stock:AAPL:price", "depth:AAPL", "stock:MSFT:quote",
              "stock:MSFT:price", "depth:MSFT", "stock:BTC/USD:quote", "stock:BTC/USD:price",
              "depth:BTC/USD",
            ])
          #expect(Set(try scene.keys("*:last")) == lastKeys)
          let value = try #require(scene.redis.command("GET", "stock:AAPL:price"))
          #expect(value.contains("{\"E\":"))
        }
        let deadline = Deadline(milliseconds: 2_000)
        var told: Set<String> = []
        while told.count < 5,
          let message = try client.next(milliseconds: deadline.millisecondsLeft)
        {
          #expect(message.kind == "stale")
          #expect(told.insert("\(message.symbol) \(message["c"]!.string!)").inserted)
        }
        #expect(
          told == [
            "AAPL trades", "MSFT trades", "AAPL quotes", "MSFT quotes", "AAPL orderbooks",
          ])
        try await until(milliseconds: deadline.millisecondsLeft) {
          try liveKeys(scene).isEmpty
        }.required("keys expire within 2 s")
        #expect(Set(try scene.keys("*:last")) == lastKeys)
        // A new ingester of the same tape: a larger epoch, fresh values.
        try await play(scene, tape) { _ in
          let back = try client.collect(milliseconds: 5_000) { $0.kind == "o" }
          #expect(back.contains { $0.kind == "q" })
        }
      }
    }

    private let lastKeys: Set = ["stock:AAPL:last", "stock:MSFT:last", "stock:BTC/USD:last"]

    /// The market keys whose presence says that the value is live; without bars, which come when a
    /// minute of ours happens to end.
    private func liveKeys(_ scene: ServiceScene, of symbol: String = "*") throws -> [String] {
      try (scene.keys("stock:\(symbol):*") + scene.keys("depth:\(symbol)"))
        .filter { !$0.hasSuffix(":last") && !$0.contains(":bar") }
    }

    /// Every key has a TTL, and a market key one of at most 2 s (a depth: 1 s; a last price: a day).
    private func checkKeys(_ scene: ServiceScene) throws {
      let keys = try scene.keys("*")
      #expect(!keys.isEmpty)
      for key in keys where key != "history" {
        let left = try scene.timeToLive(key)
        #expect(left > 0 || left == -2, "\(key) has no TTL")
        if key.hasPrefix("stock:") {
          let most = key.hasSuffix(":last") ? 86_400_000 : 2_000
          #expect(left <= most, "\(key): \(left)")
        }
        if key.hasPrefix("depth:") { #expect(left <= 1_000, "\(key): \(left)") }
      }
    }

    /// Goal: every event of a tape at full speed is delivered in order or counted as missed, the last
    /// states arrive, and then the word that the feed has ended. Method: 5,000 events in a few
    /// milliseconds, for a client that was there before.
    @Test(arguments: StreamClient.Encoding.allCases)
    func tapeAtFullSpeedArrives(_ encoding: StreamClient.Encoding) async throws {
      let count = 5_000
      let tape = try Tape(
        (1...count).map { $0 % 2 == 0 ? quote("AAPL", $0, $0) : trade("AAPL", $0, $0) }
          + ["this line is no JSON", book("AAPL", count + 1)])
      try await ServiceScene.with { scene in
        let client = try StreamClient.ready(scene, encoding)
        try client.subscribe(trades: ["AAPL"], quotes: ["AAPL"], orderbooks: ["AAPL"])
        try await joined(scene, 3)
        try await play(scene, tape, speed: .max) { _ in
          let all =
            try client.collect { $0.kind == "stale" && $0["c"]?.string == "trades" }
            + client.drain()
          var position: Int64 = -1
          for message in all where message["c"]?.string == "trades" || message.kind == "t" {
            switch message.kind {
            case "t":
              #expect(message["i"]?.integer == position + 2)
              position += 2
            case "gap": position += 2 * (try #require(message["missed"]?.integer))
            default: break
            }
          }
          #expect(position == Int64(count - 1), "all trades are accounted for")
          #expect(try scene.metric("tapedeck_ingest_malformed_lines_total") == 1)
          #expect(try scene.metric("tapedeck_ingest_trades_dropped_total") == 0)
          // The newest of each state is the notice: nothing looks alive after it.
          for channel in ["trades", "quotes", "orderbooks"] {
            let own = all.filter { $0["c"]?.string == channel || channel.hasPrefix($0.kind) }
            #expect(own.last?.kind == "stale", "\(channel)")
          }
          let late = try StreamClient.ready(scene, encoding)
          try late.subscribe(quotes: ["AAPL"])
          #expect(try late.next()?.kind == "stale")
          #expect(
            try #require(scene.redis.command("GET", "stock:AAPL:quote")).contains("\(count).25"))
        }
      }
    }

    @Test func tapeAtAFactorKeepsItsTimes() async throws {
      // 8 s of tape at 10 times: 0.8 s.
      let tape = try Tape((0...8).map { trade("AAPL", $0 * 1_000, $0 + 1) })
      try await ServiceScene.with { scene in
        let client = try StreamClient.ready(scene)
        try client.subscribe(trades: ["AAPL"])
        let factor = try FeedSpeed(parsing: "10")
        let start = ContinuousClock.now
        try await play(scene, tape, speed: factor) { _ in
          let trades = try client.collect { $0["i"]?.integer == 9 }.filter { $0.kind == "t" }
          let elapsed = ContinuousClock.now - start
          #expect(trades.compactMap { $0["i"]?.integer } == Array(1...9))
          #expect(elapsed >= .milliseconds(790) && elapsed < .milliseconds(2_500), "\(elapsed)")
        }
      }
    }

    /// A tape that loops begins a new epoch; the chain of trades goes on over the seam.
    @Test(arguments: ["max", "20"])
    func loopingTapeHasNoGapAtItsSeam(_ speed: String) async throws {
      let tape = try Tape(
        (0..<10).flatMap { [trade("AAPL", $0 * 500, $0 + 1), quote("AAPL", $0 * 500)] })
      try await ServiceScene.with { scene in
        let client = try StreamClient.ready(scene, .messagePack)
        try client.subscribe(trades: ["AAPL"])
        try await play(scene, tape, speed: try FeedSpeed(parsing: speed), loops: true) { _ in
          var trades: [WireValue] = []
          var epochs: Set<Int64> = []
          let deadline = Deadline(milliseconds: 8_000)
          while epochs.count < 4,
            let message = try client.next(milliseconds: deadline.millisecondsLeft)
          {
            guard message.kind != "stale" else {
              #expect(trades.isEmpty, "stale only before the feed began")
              continue
            }
            #expect(message.kind == "t", "\(message)")
            trades.append(message)
            epochs.insert(message.sequence[0])
          }
          #expect(epochs.count == 4)
          for (earlier, later) in zip(trades, trades.dropFirst()) {
            #expect(earlier.sequence.lexicographicallyPrecedes(later.sequence))
            #expect(later["P"] == earlier["N"])
            if later["E"] != earlier["E"] { #expect(later["Q"] == earlier["E"]) }
          }
          // Ids repeat 1...10: no trade is missing at a seam.
          let ids = trades.compactMap { $0["i"]?.integer }
          for (earlier, later) in zip(ids, ids.dropFirst()) { #expect(later == earlier % 10 + 1) }
        }
      }
    }

    @Test func redisThatReturnsEmptyIsFilledAgain() async throws {
      let tape = try quietTape()
      try await ServiceScene.with { scene in
        try await play(scene, tape) { _ in
          try await scene.untilReady()
          let client = try StreamClient.ready(scene)
          try client.subscribe(quotes: ["*"], orderbooks: ["*"])
          #expect(Set(try client.drain(4).map(\.symbol)) == ["AAPL", "MSFT"])
          try scene.redis.restart()
          try await until(milliseconds: 3_000) {
            try liveKeys(scene).count == 9 && Set(scene.keys("*:last")) == lastKeys
          }.required("all is written again")
          try await scene.untilReady()
          try checkKeys(scene)
        }
      }
    }

    /// A hole in a tape: the symbol is stale until its next value; the others are not.
    @Test func holeInTheTapeMakesItsSymbolStale() async throws {
      let tape = try Tape([
        quote("AAPL", 0), quote("MSFT", 0), trade("AAPL", 0, 1),
        "{\"T\":\"stale\",\"S\":\"AAPL\",\"since\":\"\(time(1_000))\"}",
        quote("MSFT", 1_000), quote("AAPL", 3_000), quote("MSFT", 3_600_000),
      ])
      try await ServiceScene.with { scene in
        try await play(scene, tape) { _ in
          try await scene.untilReady()
          let client = try StreamClient.ready(scene)
          try client.subscribe(trades: ["AAPL"], quotes: ["AAPL", "MSFT"])
          let told = try client.collect { $0.kind == "stale" && $0["c"]?.string == "quotes" }
          #expect(told.last?.symbol == "AAPL")
          try await until { try liveKeys(scene, of: "AAPL").isEmpty }.required("withdrawn")
          let late = try StreamClient.ready(scene, .messagePack)
          try late.subscribe(trades: ["AAPL"], quotes: ["AAPL", "MSFT"])
          let toLate = try late.collect(milliseconds: 5_000) {
            $0.kind == "q" && $0.symbol == "AAPL"
          }
          #expect(toLate.filter { $0.kind == "stale" }.count == 2, "\(toLate)")
          #expect(toLate.last?.kind == "q")
          #expect(!toLate.contains { $0.kind == "stale" && $0.symbol == "MSFT" })
        }
      }
    }
  }
}
