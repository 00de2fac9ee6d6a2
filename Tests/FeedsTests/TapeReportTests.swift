import MarketData
import Testing

@testable import Feeds

@Suite struct TapeReportTests {
  private func report(_ text: String, name: String = "tape.ndjson") throws -> TapeReport {
    let tape = TemporaryTape(Array(text.utf8), name: name)
    return try TapeReport.read(.file(path: tape.path))
  }

  private func trade(_ symbol: String, _ time: String, _ numbers: String = "") -> String {
    "{\(numbers)\"T\":\"t\",\"S\":\"\(symbol)\",\"t\":\"2026-11-20T14:30:\(time)Z\","
      + "\"p\":1,\"s\":1}\n"
  }

  @Test func countsSpanAndPeak() throws {
    let report = try report(
      trade("B", "00.5") + trade("A", "01.1") + trade("A", "01.9") + trade("B", "03")
        + "{\"T\":\"q\",\"S\":\"B\",\"t\":\"2026-11-20T14:30:03.25Z\",\"bp\":1,\"bs\":1,\"ap\":2,\"as\":1}\n"
    )
    #expect(report.format == "native")
    #expect(report.counters.lines == 5)
    #expect(report.counts[.trades] == 4)
    #expect(report.counts[.quotes] == 1)
    #expect(report.symbols.map(\.name) == ["B", "A"])
    #expect(report.spanMilliseconds == 2_750)
    #expect(report.busiestSecond?.events == 2)
    #expect(report.busiestSecond?.start == Timestamp(parsing: "2026-11-20T14:30:01Z"))
  }

  @Test func equalsComeByName() throws {
    let report = try report(trade("C", "00") + trade("A", "00") + trade("B", "00"))
    #expect(report.symbols.map(\.name) == ["A", "B", "C"])
  }

  @Test func faultsAreCountedAndTheFirstShown() throws {
    let bad = (0..<30).map { "garbage \($0)\n" }.joined()
    let report = try report(trade("A", "00") + bad)
    #expect(report.counters.malformedLines == 30)
    #expect(report.problems.count == 10)
    #expect(report.problems[0].contains("tape.ndjson:2: "))
    let text = report.text()
    #expect(text.contains("malformed  30\n"))
    #expect(text.contains("first problems\n"))
  }

  @Test func holesInARecordingsNumbersAreGaps() throws {
    let report = try report(
      trade("A", "00", "\"E\":1,\"N\":1,\"P\":0,") + trade("A", "01", "\"E\":1,\"N\":5,\"P\":1,")
        + trade("A", "02", "\"E\":1,\"N\":9,\"P\":7,")
        + trade("A", "03", "\"E\":1,\"N\":12,\"P\":9,"))
    #expect(report.counters.gaps == 1)
    #expect(report.counts[.trades] == 4)
  }

  @Test func aSimulationIsAFeedToo() throws {
    let report = try TapeReport.read(try FeedArgument(parsing: "sim:stocks=3,seconds=2,seed=1"))
    #expect(report.format == nil)
    #expect(report.counts.sum > 0)
    #expect(!report.text().contains("lines"))
  }

  @Test func columnsAreAligned() throws {
    let many = (0..<1_200).map { _ in trade("LONGNAME.WS", "00") }.joined()
    let lines = try report(many + trade("A", "00")).text(symbolsMax: 1)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let table = lines.drop { !$0.hasPrefix("symbol ") }
    #expect(
      Array(table) == [
        "symbol       events  trades", "LONGNAME.WS   1,200   1,200", "... 1 more",
        "all           1,201   1,201", "",
      ])
  }

  @Test func jsonIsOneObject() throws {
    let json = try report(trade("A", "00") + "x\n").json
    var bytes = Array(json.utf8)
    let keys = try bytes.withUnsafeMutableBytes { raw in
      var reader = JSONReader(UnsafeRawBufferPointer(raw))
      var keys: [String] = []
      try reader.beginObject()
      while let key = try reader.nextKey() {
        keys.append(key.string)
        try reader.skipValue()
      }
      try reader.end()
      return keys
    }
    #expect(keys.contains("malformed_lines") && keys.contains("symbols"))
  }

  @Test func figuresAreForPeople() {
    #expect(Figures.count(0) == "0")
    #expect(Figures.count(999) == "999")
    #expect(Figures.count(1_000) == "1,000")
    #expect(Figures.count(1_234_567) == "1,234,567")
    #expect(Figures.count(.max) == "18,446,744,073,709,551,615")
    #expect(Figures.bytes(999) == "999 B")
    #expect(Figures.bytes(1_000) == "1.0 kB")
    #expect(Figures.bytes(1_563_453) == "1.5 MB")
    #expect(Figures.bytes(999_999_999) == "999.9 MB")
    #expect(Figures.bytes(10_000_000_000) == "10.0 GB")
    #expect(Figures.bytes(.max) == "18,446,744.0 TB")
    #expect(Figures.span(milliseconds: 59_999) == "59.9 s")
    #expect(Figures.span(milliseconds: 346_100) == "5 min 46 s")
    #expect(Figures.span(milliseconds: 3_720_000) == "1 h 2 min")
    #expect(Figures.span(milliseconds: 270_000_000) == "3 d 3 h")
    #expect(Figures.rate(93_948, milliseconds: 344_745) == "272.5")
    #expect(Figures.rate(1, milliseconds: 0) == nil)
    #expect(Figures.rate(.max, milliseconds: 1) != nil)
  }

  @Test(.enabled(if: RealFeeds.shouldRun, "set TAPEDECK_FEEDS to the recordings"))
  func realRecordingsHaveTheirTrueCounts() throws {
    let directory = try #require(RealFeeds.directory)
    let futures = try TapeReport.read(
      .file(path: "\(directory)/binance/usdm_btcusdt_20240808.gz"))
    // 6,551 differences, 66,089 quotes, 21,313 trades and one snapshot.
    #expect(futures.counters.lines == 93_954)
    #expect(futures.counts[.quotes] == 66_089)
    #expect(futures.counts[.trades] == 21_313)
    let spot = try TapeReport.read(.file(path: "\(directory)/binance/spot_btcusdt_20240808.gz"))
    // 3,451 differences, 28,040 quotes, 9,757 trades and one snapshot.
    #expect(spot.counters.lines == 41_249)
    #expect(spot.counts[.quotes] == 28_040)
    #expect(spot.counts[.trades] == 9_757)
    let lobster = try TapeReport.read(
      .file(
        path: "\(directory)/lobster/AAPL_2012-06-21_34200000_57600000_message_10.csv"))
    #expect(lobster.counters.lines == 999)
    for report in [futures, spot, lobster] {
      #expect(report.counters.malformedLines == 0 && report.counters.gaps == 0)
    }
  }
}
