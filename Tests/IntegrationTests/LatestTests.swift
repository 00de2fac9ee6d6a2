// The newest values over REST, as they lie in Redis: what is shown, what is left out, what is named.
import MarketData
import Portfolio
import TestSupport
import Testing

/// Values as an ingester writes them.
extension PortfolioScene {
  func set(_ key: String, _ value: String, milliseconds: Int = 60_000) {
    _ = redis.command("SET", key, value, "PX", "\(milliseconds)")
  }

  /// `milliseconds`: how long it is still good for; a fresh one for 2,000.
  func heartbeat(_ state: String = "live", run: Int = 1, milliseconds: Int = 60_000) {
    set(
      "feed:test:heartbeat",
      #"{"E":1,"N":7,"T":"heartbeat","t":"2026-11-20T20:00:00Z","rebased":false,"#
        + #""state":"\#(state)","speed":1,"symbols":1,"run":\#(run),"stale":[]}"#,
      milliseconds: milliseconds)
  }

  func quote(_ symbol: String, _ bid: String, _ ask: String) {
    set(
      "stock:\(symbol):quote",
      #"{"E":1,"N":8,"T":"q","S":"\#(symbol)","t":"2026-11-21T06:23:00Z","bp":\#(bid),"bs":1,"#
        + #""ap":\#(ask),"as":2,"c":["R"]}"#)
  }

  /// `kind` is the letter of its message.
  func bar(
    _ symbol: String, _ kind: String, _ key: String, _ start: String, close: String,
    number: Int = 9
  ) {
    let chain = kind == "d" ? "" : #""P":1,"#
    set(
      "stock:\(symbol):\(key)",
      #"{"E":1,"N":\#(number),\#(chain)"T":"\#(kind)","S":"\#(symbol)","t":"\#(start)","o":1,"h":2,"#
        + #""l":0.5,"c":\#(close),"v":10,"n":null,"vw":null}"#)
  }
}

extension Services {
  @Suite(.serialized) struct LatestTests {
    private static let live = "/v2/stocks/trades/latest?symbols="

    private func named(_ answer: RawAnswer) -> String? {
      answer.headers["x-tapedeck-stale"].map {
        "\($0) \(answer.headers["x-tapedeck-stale-count"] ?? "-")"
      }
    }

    @Test func whatIsLiveIsShownAndWhatIsStaleIsNamed() async throws {
      try await PortfolioScene.with { scene in
        scene.heartbeat()
        scene.trade("AAPL", "189.97")
        scene.last("MSFT", "400")
        scene.trade("BTC/USD", "65000")
        let row = #"{"t":"2026-11-21T06:23:00Z","p":189.97,"s":1}"#
        let answer = try scene.ask("GET", Self.live + "AAPL,MSFT,NOSUCH,AAPL,BTC/USD")
        #expect(answer.text == #"{"trades":{"AAPL":\#(row)}}"#)
        #expect(named(answer) == "MSFT 1" && answer.headers["cache-control"] == "no-store")
        // The other path has the other class, and asks for no credentials.
        let crypto = try scene.raw(
          "GET", "/v1beta3/crypto/us/latest/trades?symbols=BTC%2FUSD%2CAAPL")
        #expect(crypto.text.hasPrefix(#"{"trades":{"BTC/USD":{"t":"#) && named(crypto) == nil)
        #expect(try scene.raw("GET", Self.live + "AAPL").status == 401)

        // A marker, a value of another symbol, garbage: as if there were none, but the symbol is known.
        for value in [
          #"{"E":1,"N":8,"T":"stale","S":"TSLA","since":"2026-11-21T06:23:00Z"}"#,
          #"{"E":1,"N":8,"P":0,"T":"t","S":"AAPL","t":"2026-11-21T06:23:00Z","p":1,"s":1}"#,
          "{", "",
        ] {
          scene.set("stock:TSLA:price", value)
          let answer = try scene.ask("GET", Self.live + "TSLA,AAPL")
          #expect(answer.text == #"{"trades":{"AAPL":\#(row)}}"#, "\(value)")
          #expect(named(answer) == "TSLA 1", "\(value)")
        }

        // One symbol alone.
        #expect(
          try scene.ask("GET", "/v2/stocks/AAPL/trades/latest").text
            == #"{"symbol":"AAPL","trade":\#(row)}"#)
        let missing = try scene.ask("GET", "/v2/stocks/MSFT/trades/latest")
        #expect(missing.status == 404 && named(missing) == "MSFT 1")
        #expect(missing.text.contains("the trade of MSFT is stale"))
        let unknown = try scene.ask("GET", "/v2/stocks/NOSUCH/trades/latest")
        #expect(unknown.status == 404 && named(unknown) == nil)

        try await nobodyVouches(scene)
        try refusals(scene)
        try longLists(scene)
        try await withoutRedis(scene)
      }
    }

    /// Keys outlive their writer by up to 2 s: the heartbeat tells.
    private func nobodyVouches(_ scene: PortfolioScene) async throws {
      scene.last("AAPL", "189")
      func isAllStale(_ why: String) throws {
        let answer = try scene.ask("GET", Self.live + "AAPL,MSFT,NOSUCH")
        #expect(answer.text == #"{"trades":{}}"# && named(answer) == "AAPL,MSFT 2", "\(why)")
      }
      for state in ["paused", "ended"] {
        scene.heartbeat(state)
        try isAllStale(state)
      }
      _ = scene.redis.command("SET", "feed:test:heartbeat", "garbage", "PX", "60000")
      try isAllStale("garbage")
      _ = scene.redis.command("DEL", "feed:test:heartbeat")
      try isAllStale("no heartbeat")
      // Set 1,500 ms ago, for it was good for 2,000: the bound of a gateway.
      scene.heartbeat("live", milliseconds: 499)
      try isAllStale("an old heartbeat")
      // The values are of epoch 1.
      scene.heartbeat(run: 2)
      try isAllStale("another run's values")
      scene.heartbeat()
      #expect(try scene.ask("GET", Self.live + "AAPL").text.contains("189.97"))
    }

    private func refusals(_ scene: PortfolioScene) throws {
      for query in [
        "", "?symbols=", "?symbols=,", "?symbols=AAPL,", "?symbols=aapl", "?symbols=A%20B",
        "?symbols=\(String(repeating: "A", count: 33))", "?symbols=%D7%90",
        "?symbols=AAPL&currency=EUR",
        "?symbols=" + Array(repeating: "A", count: 1_001).joined(separator: ","),
      ] {
        #expect(
          try scene.refusal("GET", "/v2/stocks/trades/latest\(query)").hasPrefix("422"), "\(query)")
      }
      for query in ["?symbols=A&symbols=B", "?symbols=A&nonsense=1", "?symbols=A&limit=1"] {
        #expect(try scene.refusal("GET", "/v2/stocks/quotes/latest\(query)").hasPrefix("400"))
      }
      #expect(try scene.refusal("DELETE", Self.live + "AAPL").hasPrefix("405"))
      #expect(try scene.refusal("GET", "/v2/stocks/quotes?symbols=AAPL").hasPrefix("404"))
      #expect(try scene.refusal("GET", "/v2/stocks/aapl/trades/latest").hasPrefix("422"))
      let socket = try RawSocket(port: scene.port)
      #expect(
        socket.send(
          "HEAD \(Self.live)AAPL HTTP/1.1\r\nHost: test\r\n\(PortfolioScene.key("demo"))\r\n"))
      let head = try #require(socket.readAnswer(withoutBody: true))
      #expect(head.status == 200 && head.headers["content-length"] != "0")
    }

    /// A thousand symbols in one question, and more stale ones than a head has room for.
    private func longLists(_ scene: PortfolioScene) throws {
      let names = (0..<1_000).map { place in
        let letters = Array("ABCDEFGHIJ")
        return String([place / 100, place / 10 % 10, place % 10].map { letters[$0] }) + "Z"
      }
      // 300 that trade, 700 of which there is a last price; in one command, for a thousand take long.
      _ = scene.redis.command(
        "EVAL",
        """
        local letters = "ABCDEFGHIJ"
        local function letter(n) return letters:sub(n % 10 + 1, n % 10 + 1) end
        for i = 0, 999 do
          local s = letter(math.floor(i / 100)) .. letter(math.floor(i / 10)) .. letter(i) .. "Z"
          local key = "stock:" .. s .. (i < 300 and ":price" or ":last")
          redis.call("SET", key, '{"E":1,"N":7,"P":5,"T":"t","S":"' .. s
            .. '","t":"2026-11-21T06:23:00Z","p":1.5,"s":1}', "PX", 60000)
        end
        """, "0")
      let answer = try scene.ask("GET", Self.live + names.joined(separator: ","))
      let shown = try WireValue(json: answer.body)["trades"]?.keys
      #expect(shown == Array(names.prefix(300)))
      #expect(answer.headers["x-tapedeck-stale-count"] == "700")
      let told = try #require(answer.headers["x-tapedeck-stale"])
      #expect(told.utf8.count <= 2_048 && told.utf8.count > 2_040)
      #expect(told.split(separator: ",").map(String.init) == Array(names[300..<709]))
    }

    private func withoutRedis(_ scene: PortfolioScene) async throws {
      scene.redis.stop()
      #expect(try scene.refusal("GET", Self.live + "AAPL").hasPrefix("503"))
      scene.redis.resume()
      let came = try await until {
        try scene.ask("GET", Self.live + "AAPL").status == 200
      }
      #expect(came)
      scene.redis.kill()
      #expect(
        try scene.refusal("GET", "/v2/stocks/snapshots?symbols=AAPL").hasPrefix("503"))
    }

    @Test func snapshotsHaveWhatIsThere() async throws {
      try await PortfolioScene.with { scene in
        scene.heartbeat()
        scene.trade("AAPL", "189.97")
        scene.quote("AAPL", "189.96", "189.98")
        // A late trade told the minute again; it is the newer of one minute.
        scene.bar("AAPL", "b", "bar", "2026-11-20T19:58:00Z", close: "1.25")
        scene.bar("AAPL", "u", "bar:updated", "2026-11-20T19:58:00Z", close: "1.5", number: 10)
        scene.bar("AAPL", "d", "bar:daily", "2026-11-20T05:00:00Z", close: "1.75")
        scene.quote("MSFT", "1", "2")
        scene.last("IBM", "1")
        scene.trade("BTC/USD", "65000")
        // The Wednesday before, with a holiday between and a minute of Friday itself.
        for (start, close) in [
          ("2026-11-18T15:00:00Z", "10"), ("2026-11-19T04:59:00Z", "11"),
          ("2026-11-20T05:00:00Z", "12"), ("2026-11-17T15:00:00Z", "9"),
        ] {
          try scene.psql(
            """
            INSERT INTO history_bars VALUES ('test', 'AAPL', '\(start)', 1, 1, \(close), \(close),
              \(close), \(close), 10, \(close) * 10, 2)
            """)
        }
        let day =
          #"{"t":"2026-11-18T05:00:00Z","o":10,"h":11,"l":10,"c":11,"v":20,"n":4,"vw":10.5}"#
        let target = "/v2/stocks/snapshots?symbols=AAPL,MSFT,IBM,NOSUCH&feed=iex"
        let answer = try scene.ask("GET", target)
        let json = try WireValue(json: answer.body)
        #expect(json.keys == ["AAPL", "MSFT"] && named(answer) == "IBM 1")
        #expect(
          json["AAPL"]?.keys
            == ["latestTrade", "latestQuote", "minuteBar", "dailyBar", "prevDailyBar"])
        #expect(json["MSFT"]?.keys == ["latestQuote"])
        #expect(json["AAPL"]?["minuteBar"]?["c"] == .float(1.5))
        #expect(json["AAPL"]?["dailyBar"]?["c"] == .float(1.75))
        #expect(answer.text.contains(#""prevDailyBar":\#(day)}"#), "\(answer.text)")
        #expect(
          try scene.ask("GET", "/v2/stocks/bars/latest?symbols=AAPL").text.contains(#""c":1.5,"#))
        let one = try scene.get("/v2/stocks/AAPL/snapshot")
        #expect(one["symbol"] == "AAPL" && one["prevDailyBar"] == json["AAPL"]?["prevDailyBar"])
        #expect(try scene.refusal("GET", "/v2/stocks/IBM/snapshot").hasPrefix("404"))
        let crypto = try scene.raw(
          "GET", "/v1beta3/crypto/us/snapshots?symbols=BTC%2FUSD%2CETH%2FUSD")
        #expect(try WireValue(json: crypto.body)["snapshots"]?["BTC/USD"]?.keys == ["latestTrade"])

        // Prices need no database.
        scene.postgres.kill()
        try await scene.untilReady(false)
        let without = try scene.raw("GET", "/v1beta3/crypto/us/snapshots?symbols=BTC%2FUSD")
        #expect(without.status == 200 && without.text.contains("65000"))
      }
    }
  }
}
