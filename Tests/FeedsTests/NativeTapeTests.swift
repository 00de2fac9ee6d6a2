import Feeds
import MarketData
import Testing

@Suite struct NativeTapeTests {
  private let trade =
    #"{"T":"t","S":"AAPL","i":52,"x":"V","p":189.97,"s":46,"c":["@","I"],"z":"C","t":"2024-08-08T13:30:00.000000001Z"}"#
  private let quote =
    #"{"T":"q","S":"MSFT","bx":"Q","bp":1.5,"bs":2,"ax":"N","ap":1.6,"as":3,"c":["R"],"z":"C","t":"2024-08-08T13:30:01Z"}"#

  @Test func messagesAreReadExactly() throws {
    let tape = TemporaryTape("\(trade)\n\(quote)\r\n")
    let source = try NativeTape(path: tape.path, context: FeedContext())
    let items = try source.all()
    #expect(items.map(\.position) == [1, 2])
    guard case .trade(let first) = items[0].event, case .quote(let second) = items[1].event else {
      Issue.record("kinds")
      return
    }
    #expect(source.context.symbols.name(of: first.symbol) == "AAPL")
    #expect(first.price == Decimal9(parsing: "189.97") && first.size == Decimal9(parsing: "46"))
    #expect(first.id == 52 && first.takerSide == .unknown)
    #expect(first.timestamp == Timestamp(parsing: "2024-08-08T13:30:00.000000001Z"))
    #expect(source.context.codes.text(of: first.exchange) == "V")
    #expect(source.context.codes.text(of: first.conditions) == #"["@","I"]"#)
    #expect(second.bidSize == Decimal9(parsing: "2") && second.askPrice == Decimal9(parsing: "1.6"))
    #expect(source.context.codes.text(of: second.askExchange) == "N")
  }

  @Test func keyOrderEscapesAndNumbersOfTheStreamDoNotMatter() throws {
    let tape = TemporaryTape(
      #" { "E":1,"N":9,"P":3, "t":"2024-08-08T15:30:00+02:00", "s":1e-9, "p":1.5E2, "tks":"B", "S":"BTC\/USD", "\u0054":"t", "more":{"a":[1,null]} } "#
    )
    let source = try NativeTape(path: tape.path, context: FeedContext())
    guard case .trade(let trade) = try source.next()?.event else {
      Issue.record("no trade")
      return
    }
    #expect(source.context.symbols.name(of: trade.symbol) == "BTC/USD")
    #expect(trade.size.nanos == 1 && trade.price.nanos == 150 * Decimal9.scale)
    #expect(trade.timestamp == Timestamp(parsing: "2024-08-08T13:30:00Z"))
    #expect(trade.takerSide == .buy)
  }

  @Test func partialBooksChangeAndFullOnesReplace() throws {
    func book(_ body: String) -> String {
      #"{"T":"o","S":"BTC/USD","t":"2024-08-08T13:30:00Z",\#(body)}"#
    }
    let tape = TemporaryTape(
      [
        book(#""b":[{"p":9,"s":1},{"p":8,"s":2}],"a":[{"p":11,"s":1}],"r":true"#),
        book(#""b":[{"p":9,"s":0},{"p":8.5,"s":4}],"a":[{"p":10,"s":3}]"#),
        book(#""b":[],"a":[{"p":12,"s":1}],"r":true"#),
      ].joined(separator: "\n"))
    let source = try NativeTape(path: tape.path, context: FeedContext())
    let tops = try source.all().map { item in
      guard case .depth(let depth) = item.event else { return "?" }
      return (0..<depth.bidCount).map { "\(depth.bids[$0].price)x\(depth.bids[$0].size)" }.joined(
        separator: " ") + "|"
        + (0..<depth.askCount).map { "\(depth.asks[$0].price)x\(depth.asks[$0].size)" }.joined(
          separator: " ")
    }
    #expect(tops == ["9x1 8x2|11x1", "8.5x4 8x2|10x3 11x1", "|12x1"])
  }

  @Test func malformedLinesAreReportedCountedAndSkipped() throws {
    let lines = [
      trade, "{\"T\":\"t\",", "nonsense", trade.replacing("189.97", with: "\"1\""),
      trade.replacing("AAPL", with: "aapl"), trade.replacing("\"s\":46,", with: ""),
      trade.replacing("46", with: "-46"), "{}", "", trade + "x", quote,
      trade.replacing("2024-08-08", with: "2024-13-08"),
    ]
    let reports = Reports()
    let tape = TemporaryTape(lines.joined(separator: "\n"))
    let source = try NativeTape(path: tape.path, context: reports.context())
    #expect(try source.all().map(\.position) == [1, 11])
    #expect(source.context.counters.malformedLines == 9 && source.context.counters.lines == 12)
    let reasons = reports.problems.map { $0.description.replacing(tape.path, with: "tape") }
    #expect(
      reasons == [
        "tape:2: the text ends too early, at byte 9",
        "tape:3: an object was expected, at byte 0",
        "tape:4: the value of \"p\" is not valid",
        "tape:5: symbol: a symbol is not [A-Z0-9._/-]{1,32}",
        "tape:6: \"s\" is missing",
        "tape:7: the value of \"s\" is not valid",
        "tape:8: \"T\" is missing",
        "tape:10: something follows the value, at byte \(trade.utf8.count)",
        "tape:12: the value of \"t\" is not valid",
      ])
  }

  @Test func reportsAreBoundedPerSecond() throws {
    let reports = Reports()
    reports.tick = 1_000_000  // a millisecond between two lines
    let tape = TemporaryTape(String(repeating: "x\n", count: 2_500))
    _ = try NativeTape(path: tape.path, context: reports.context()).all()
    #expect(reports.problems.count == 30)
    #expect(reports.problems[10].unreportedBefore == 989)
  }

  @Test func unknownKindsAreCountedOnly() throws {
    let reports = Reports()
    let tape = TemporaryTape(
      #"{"T":"n","S":"AAPL","headline":"x","t":"2024-08-08T13:30:00Z"}"# + "\n"
        + #"{"T":"success","msg":"connected"}"# + "\n" + quote)
    let source = try NativeTape(path: tape.path, context: reports.context())
    #expect(try source.all().count == 1)
    #expect(source.context.counters.skippedMessages == 2 && reports.problems.isEmpty)
  }

  @Test func timeNeverGoesBackWhileTimestampsMay() throws {
    let early = trade.replacing("13:30:00", with: "13:29:00")
    let tape = TemporaryTape([quote, early, quote].joined(separator: "\n"))
    let source = try NativeTape(path: tape.path, context: FeedContext())
    let items = try source.all()
    #expect(Set(items.map(\.time)).count == 1)
    #expect(source.context.counters.outOfOrder == 1)
  }

  @Test func overlongLinesAreSkippedWithoutBeingHeld() throws {
    let long = String(repeating: " ", count: 3 << 20)
    let reports = Reports()
    let tape = TemporaryTape("\(trade)\n\(long)\n\(quote)\n\(long)")
    let source = try NativeTape(path: tape.path, context: reports.context())
    #expect(try source.all().map(\.position) == [1, 3])
    #expect(reports.problems.map(\.line) == [2, 4])
    #expect(source.context.counters.overlongLines == 2)
  }

  @Test func aLineOfExactlyTheLimitIsRead() throws {
    let limit = 1 << 20
    func padded(_ count: Int) -> String {
      trade + String(repeating: " ", count: count - trade.utf8.count)
    }
    let tape = TemporaryTape(
      [padded(limit), padded(limit + 1), padded(limit)].joined(separator: "\n"))
    let source = try NativeTape(path: tape.path, context: FeedContext())
    #expect(try source.all().map(\.position) == [1, 3])
  }

  @Test func rewindStartsAgainWithTheSameSymbols() throws {
    let tape = TemporaryTape("\(trade)\n\(quote)\n")
    let source = try NativeTape(path: tape.path, context: FeedContext())
    let first = try source.all().map(\.text)
    #expect(try source.all().isEmpty)
    try source.rewind()
    #expect(try source.all().map(\.text) == first)
  }

  @Test(arguments: ["/nowhere/tape", "/tmp", "/dev/null"])
  func whatIsNoFileCannotBeOpened(path: String) {
    let error = #expect(throws: FeedsError.self) {
      try FeedArgument(parsing: path).open(context: FeedContext())
    }
    #expect(error?.code == .cannotOpen && error?.description.hasPrefix(path) == true)
  }

  @Test func contentDecidesTheFormat() throws {
    let context = FeedContext()
    let native = try FeedArgument(parsing: TemporaryTape("\n \(trade)").path)
    #expect(throws: FeedsError.self) { try native.open(context: context) }  // its file is gone
    let tape = TemporaryTape("\n \(trade)")
    #expect(try FeedArgument(parsing: tape.path).open(context: context) is NativeTape)
    tape.write(Array("1723161253937085768 {}".utf8))
    #expect(try FeedArgument(parsing: tape.path).open(context: context) is BinanceRecording)
    #expect(try FeedArgument(parsing: "sim:rate=1").open(context: context) is SimulatedFeed)
    for text in ["", "time,price", "17 x", "17{"] {
      tape.write(Array(text.utf8))
      let error = #expect(throws: FeedsError.self) {
        try FeedArgument(parsing: tape.path).open(context: context)
      }
      #expect(error?.code == .unknownFormat)
    }
  }
}
