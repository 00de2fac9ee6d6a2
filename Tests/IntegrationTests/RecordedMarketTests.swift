// Bars and trades over REST, as rows in the database make them.
import Portfolio
import TestSupport
import Testing

@Suite(.serialized) struct RecordedMarketTests {
  /// One set of servers for every question; rows of feed `test`.
  private func withRows(
    _ rows: String, _ body: (PortfolioScene) async throws -> Void
  ) async throws {
    try await PortfolioScene.with { scene in
      _ = try scene.postgres.psql(rows)
      try await body(scene)
    }
  }

  /// A bar of one minute. Without volume and notional: 10 shares at the close.
  private static func bar(
    _ symbol: String, _ start: String, _ prices: (String, String, String, String),
    volume: String = "10", notional: String? = nil, feed: String = "test", epoch: Int = 1
  ) -> String {
    """
    INSERT INTO history_bars VALUES ('\(feed)', '\(symbol)', '\(start)', \(epoch), 1, \(prices.0),
      \(prices.1), \(prices.2), \(prices.3), \(volume), \(notional ?? "\(prices.3) * \(volume)"), 2);
    """
  }

  private static func flat(_ symbol: String, _ start: String, _ price: String) -> String {
    bar(symbol, start, (price, price, price, price))
  }

  private func bars(_ scene: PortfolioScene, _ query: String) throws -> String {
    try scene.ask("GET", "/v2/stocks/bars?\(query)").text
  }

  @Test func largerBarsAreExactSumsOfMinutes() async throws {
    let rows =
      Self.bar(
        "AAPL", "2026-11-20T15:00:00Z", ("10.5", "12", "10", "11"), volume: "3", notional: "32")
      + Self.bar(
        "AAPL", "2026-11-20T15:01:00Z", ("11", "11.25", "9.5", "9.75"), volume: "0.5", notional: "5"
      )
      + Self.bar(
        "AAPL", "2026-11-20T15:04:00Z", ("9", "9", "9", "9"), volume: "2.5", notional: "22.5")
      + Self.bar("AAPL", "2026-11-20T15:05:00Z", ("8", "8", "8", "8"), volume: "0", notional: "0")
    try await withRows(rows) { (scene) async throws in
      let range = "symbols=AAPL&start=2026-11-20T15:00:00Z&end=2026-11-20T15:59:00%2B00:00"
      #expect(
        try bars(scene, "\(range)&timeframe=5Min") == """
          {"bars":{"AAPL":[{"t":"2026-11-20T15:00:00Z","o":10.5,"h":12,"l":9,"c":9,"v":6,"n":6,\
          "vw":9.916666667},{"t":"2026-11-20T15:05:00Z","o":8,"h":8,"l":8,"c":8,"v":0,"n":2,\
          "vw":null}]},"next_page_token":null}
          """)
      #expect(
        try bars(scene, "\(range)&timeframe=1Min&limit=1&sort=desc").hasPrefix(
          #"{"bars":{"AAPL":[{"t":"2026-11-20T15:05:00Z","o":8,"#))
      // The end belongs to the range, and a bar is of all its minutes though they are behind it.
      let end = "symbols=AAPL&start=2026-11-20T15:00:00Z&end=2026-11-20T15:00:00Z"
      #expect(
        try bars(scene, "\(end)&timeframe=1Min").contains(#""v":3,"n":2,"vw":10.666666667}]"#))
      #expect(try bars(scene, "\(end)&timeframe=1Hour").contains(#""v":6,"n":8"#))
      // What begins before the start is not there.
      let later = "symbols=AAPL&start=2026-11-20T15:01:00Z&end=2026-11-21"
      #expect(try bars(scene, "\(later)&timeframe=5Min").contains(#"[{"t":"2026-11-20T15:05:00Z"#))
      #expect(try bars(scene, "\(later)&timeframe=1Hour") == #"{"bars":{},"next_page_token":null}"#)
      #expect(
        try bars(scene, "symbols=MSFT&start=2026-11-20&timeframe=1Min")
          == #"{"bars":{},"next_page_token":null}"#)
    }
  }

  /// A half is rounded away from zero, once: 0.0000000005, and less than it.
  @Test func meanIsRoundedOnce() async throws {
    let tiny = ("0", "1", "0", "0")
    let rows =
      Self.bar("A", "2026-11-20T15:00:00Z", tiny, volume: "2", notional: "0.000000001")
      + Self.bar("B", "2026-11-20T15:00:00Z", tiny, volume: "2.000000001", notional: "0.000000001")
      + Self.bar("C", "2026-11-20T15:00:00Z", tiny, volume: "2", notional: "-0.000000001")
      // To 16 digits it would be a half: 0.49999999999999999e-9.
      + Self.bar(
        "D", "2026-11-20T15:00:00Z", tiny, volume: "100000000000000000",
        notional: "49999999.999999999999")
    try await withRows(rows) { (scene) async throws in
      let text = try bars(scene, "symbols=A,B,C,D&start=2026-11-20&timeframe=1Min")
      let means = text.split(separator: "\"vw\":").dropFirst().map { $0.prefix { $0 != "}" } }
      #expect(means == ["0.000000001", "0", "-0.000000001", "0"])
    }
  }

  /// New York's days, weeks and months, across the change of its clocks; UTC's for crypto.
  @Test func daysWeeksAndMonthsAreTheMarkets() async throws {
    var rows = ""
    for (index, start) in [
      "2026-10-31T03:59:00Z", "2026-10-31T04:00:00Z", "2026-11-01T05:30:00Z",
      "2026-11-01T06:30:00Z", "2026-11-02T04:59:00Z", "2026-11-02T05:00:00Z",
      "2026-12-01T04:59:00Z", "2026-12-01T05:00:00Z",
    ].enumerated() {
      rows += Self.flat("AAPL", start, "\(index + 1)") + Self.flat("BTC/USD", start, "\(index + 1)")
    }
    try await withRows(rows) { (scene) async throws in
      func starts(_ target: String) throws -> [Substring] {
        try scene.ask("GET", target).text.split(separator: "\"t\":\"").dropFirst()
          .map { $0.prefix { $0 != "\"" } }
      }
      let stocks = "/v2/stocks/bars?symbols=AAPL&start=2026-10-01T04:00:00Z&timeframe="
      #expect(
        try starts(stocks + "1Day") == [
          "2026-10-30T04:00:00Z", "2026-10-31T04:00:00Z", "2026-11-01T04:00:00Z",
          "2026-11-02T05:00:00Z", "2026-11-30T05:00:00Z", "2026-12-01T05:00:00Z",
        ])
      // Both of the hours that the clock shows as 1 o'clock.
      #expect(
        try starts(stocks + "1Hour&end=2026-11-01T12:00:00Z") == [
          "2026-10-31T03:00:00Z", "2026-10-31T04:00:00Z", "2026-11-01T05:00:00Z",
          "2026-11-01T06:00:00Z",
        ])
      #expect(
        try starts(stocks + "1Week") == [
          "2026-10-26T04:00:00Z", "2026-11-02T05:00:00Z", "2026-11-30T05:00:00Z",
        ])
      #expect(
        try starts(stocks + "1Month") == [
          "2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z",
        ])
      let crypto = "/v1beta3/crypto/us/bars?symbols=BTC%2FUSD&start=2026-10-01&timeframe="
      #expect(
        try starts(crypto + "1Month") == [
          "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z",
        ])
      #expect(
        try starts(crypto + "1Day") == [
          "2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z",
          "2026-12-01T00:00:00Z",
        ])
    }
  }

  private static let trades = """
    SELECT history_make_partition('2026-11-20'), history_make_partition('2026-11-21');
    INSERT INTO history_trades
    SELECT 'test', symbol, timestamptz '2026-11-20T23:59:50Z' + (n / 3) * interval '1 second',
      n % 3, 1, n, 189.97, 100, n, 'V', '["@","I"]', 'C', NULL
    FROM unnest(array['AAPL', 'MSFT', 'ZZZ']) AS symbol, generate_series(1, 50) AS n;
    INSERT INTO history_trades VALUES ('test', 'BTC/USD', '2026-11-20T23:00:00.000001Z', 7, 1, 1,
      -0.5, 0.000000001, NULL, NULL, NULL, NULL, 'B');
    """

  @Test func pagesFollowEachOtherToANullToken() async throws {
    try await withRows(Self.trades) { (scene) async throws in
      for (limit, sort) in [(1_000, "asc"), (7, "asc"), (50, "desc"), (49, "asc"), (150, "desc")] {
        var token = ""
        var seen: [String: [Int]] = [:]
        var pages = 0
        repeat {
          let target =
            "/v2/stocks/trades?symbols=ZZZ,MSFT,AAPL,NONE&start=2026-11-20&end=2026-11-22"
            + "&limit=\(limit)&sort=\(sort)&feed=sip"
            + (token.isEmpty ? "" : "&page_token=\(token)")
          let answer = try scene.get(target)
          pages += 1
          var rows = 0
          for symbol in ["AAPL", "MSFT", "ZZZ"] {
            let found = answer["trades"]?[symbol]?.array ?? []
            rows += found.count
            seen[symbol, default: []] += found.compactMap { $0["i"]?.integer.map { Int($0) } }
          }
          #expect(rows <= limit)
          token = answer["next_page_token"]?.string ?? ""
        } while !token.isEmpty && pages < 100
        let expected = sort == "asc" ? Array(1...50) : Array((1...50).reversed())
        #expect(seen == ["AAPL": expected, "MSFT": expected, "ZZZ": expected], "limit \(limit)")
        #expect(pages == (150 + limit - 1) / limit, "limit \(limit)")
      }
    }
  }

  @Test func tradeShowsWhatItHas() async throws {
    try await withRows(Self.trades) { (scene) async throws in
      #expect(
        try scene.ask("GET", "/v2/stocks/trades?symbols=AAPL&start=2026-11-20&limit=1").text
          .hasPrefix(
            #"{"trades":{"AAPL":[{"t":"2026-11-20T23:59:50.000000001Z","p":189.97,"s":100,"i":1,"#
              + #""x":"V","c":["@","I"],"z":"C"}]},"next_page_token":""#))
      // Without credentials, as the official SDK asks for crypto.
      #expect(
        try scene.raw("GET", "/v1beta3/crypto/us/trades?symbols=BTC%2FUSD&start=2026-11-20").text
          == #"{"trades":{"BTC/USD":[{"t":"2026-11-20T23:00:00.000001007Z","p":-0.5,"#
          + #""s":0.000000001,"tks":"B"}]},"next_page_token":null}"#)
      #expect(try scene.raw("GET", "/v2/stocks/trades?symbols=AAPL&start=2026-11-20").status == 401)
    }
  }

  @Test func tokensThatAreNoneAreRefused() async throws {
    try await withRows(Self.trades) { (scene) async throws in
      let target = "/v2/stocks/trades?symbols=AAPL&start=2026-11-20&limit=3&page_token="
      let first = try scene.get("/v2/stocks/trades?symbols=AAPL&start=2026-11-20&limit=3")
      let token = try #require(first["next_page_token"]?.string)
      #expect(try scene.ask("GET", target + token).status == 200)
      // The ends of the ranges are places too.
      for extreme in [
        "t1,AAPL,-9999999999999999,0,0,0",
        "t1,AAPL,9999999999999999,999,999999999999999999,999999999999999999",
      ] {
        #expect(try scene.ask("GET", target + extreme).status == 200, "\(extreme)")
      }
      for wrong in [
        "", "x", "t1", token + ",0", token + ",", String(token.dropLast(2)) + ",",
        token.uppercased(), token.lowercased(), "b" + token.dropFirst(),
        // Other ways to write a number, and numbers beyond.
        "t1,AAPL,01,0,0,0", "t1,AAPL,%2B1,0,0,0", "t1,AAPL,-0,0,0,0", "t1,AAPL,1,1000,0,0",
        "t1,AAPL,1,-1,0,0", "t1,AAPL,1,0,-1,0", "t1,AAPL,99999999999999999,0,0,0",
        "t1,AAPL,1,0,0,9999999999999999999", "t1,aapl,1,0,0,0", "t1,,1,0,0,0", "t1,AAPL,1,0,0",
        "t1,AAPL,,0,0,0", String(repeating: ",", count: 300),
      ] {
        #expect(try scene.ask("GET", target + wrong).status == 422, "\(wrong)")
      }
      let other = "/v2/stocks/trades?symbols=MSFT&start=2026-11-20&page_token=" + token
      #expect(try scene.ask("GET", other).status == 404)
      let bars = "/v2/stocks/bars?symbols=AAPL&timeframe=1Min&page_token=" + token
      #expect(try scene.ask("GET", bars).status == 422)
    }
  }

  @Test func questionsThatMakeNoSenseAreRefused() async throws {
    try await withRows("") { (scene) async throws in
      for query in Self.refusals {
        #expect(try scene.ask("GET", "/v2/stocks/bars?\(query)").status == 422, "\(query)")
      }
    }
  }

  private static let refusals: [String] = [
    "timeframe=1Min", "symbols=AAPL", "symbols=AAPL&timeframe=60Min", "symbols=AAPL&timeframe=0Min",
    "symbols=AAPL&timeframe=24Hour", "symbols=AAPL&timeframe=2Day", "symbols=AAPL&timeframe=Min",
    "symbols=AAPL&timeframe=01Min", "symbols=AAPL&timeframe=1Min&limit=0",
    "symbols=AAPL&timeframe=1Min&limit=10001", "symbols=AAPL&timeframe=1Min&sort=up",
    "symbols=aapl&timeframe=1Min", "symbols=AAPL&timeframe=1Min&start=yesterday",
    "symbols=&timeframe=1Min", "symbols=AAPL&timeframe=1Min&adjustment=no",
  ]

  /// A tape with its own times that is played twice is one market: from where the second pass began,
  /// what the first one had is not shown. Of a real feed everything is.
  @Test func laterPassOfAReplayHidesTheEarlierFromItsBeginningOn() async throws {
    var rows = "SELECT history_make_partition('2026-11-20');"
    for feed in ["test", "replay"] {
      for (epoch, minutes) in [(1, 0..<4), (2, 1..<3)] {
        for minute in minutes {
          rows += """
            INSERT INTO history_trades VALUES ('\(feed)', 'AAPL', '2026-11-20T15:0\(minute):30Z', 0,
              \(epoch), 1, \(epoch), 1);
            """
        }
      }
      rows +=
        "INSERT INTO history_epochs VALUES ('\(feed)', 1, '2026-11-20T15:00:30Z'),"
        + "('\(feed)', 2, '2026-11-20T15:01:30Z');"
      rows += Self.bar("AAPL", "2026-11-20T15:00:00Z", ("1", "1", "1", "1"), feed: feed)
      rows += Self.bar("AAPL", "2026-11-20T15:03:00Z", ("1", "1", "1", "1"), feed: feed)
    }
    for (feed, trades, bars) in [("test", "112121", "11"), ("replay", "122", "1")] {
      try await PortfolioScene.with({ $0.historyFeed = feed }) { scene in
        _ = try scene.postgres.psql(rows)
        func values(_ target: String, _ key: String) throws -> String {
          try scene.ask("GET", target).text.split(separator: "\"\(key)\":").dropFirst()
            .map { String($0.prefix(1)) }.joined()
        }
        let found = try values("/v2/stocks/trades?symbols=AAPL&start=2026-11-20", "p")
        #expect(found == trades)
        #expect(
          try values("/v2/stocks/bars?symbols=AAPL&start=2026-11-20&timeframe=1Min", "c") == bars)
      }
    }
  }
}
