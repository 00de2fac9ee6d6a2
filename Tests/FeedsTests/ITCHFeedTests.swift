import MarketData
import OrderBooks
import TestSupport
import Testing

@testable import Feeds

@Suite struct ITCHFeedTests {
  private let apple = ITCHWriter.stock("AAPL".utf8)
  private let name = "01302019.NASDAQ_ITCH50"

  private func tape(
    name: String? = nil, _ write: (inout ITCHWriter) -> Void
  ) -> TemporaryTape {
    var writer = ITCHWriter()
    write(&writer)
    return TemporaryTape(
      writer.bytes.withUnsafeBytes { Array($0) }, name: name ?? self.name)
  }

  private func open(_ tape: TemporaryTape, _ reports: Reports = Reports()) throws -> ITCHFeed {
    try #require(
      try FeedArgument(parsing: tape.path).open(context: reports.context()) as? ITCHFeed)
  }

  private func text(_ item: FeedItem, _ context: FeedContext) -> String {
    func code(_ code: CodeID) -> String { context.codes.text(of: code) }
    switch item.event {
    case .trade(let trade):
      return "\(item.position) trade \(trade.size)@\(trade.price) "
        + "\(code(trade.conditions)) \(trade.id ?? 0)"
    case .quote(let quote):
      return "\(item.position) quote \(quote.bidSize)@\(quote.bidPrice) "
        + "\(quote.askSize)@\(quote.askPrice)"
    case .depth(let depth): return "\(item.position) depth \(depth.bidCount) \(depth.askCount)"
    case .status(let status):
      return "\(item.position) status \(code(status.statusCode)) \(code(status.statusMessage))"
        + "|\(code(status.reasonCode)) \(code(status.reasonMessage))"
    case .cancel(let cancel):
      return "\(item.position) cancel \(cancel.size)@\(cancel.price) \(cancel.id ?? 0)"
    default: return "?"
    }
  }

  @Test func aMessageYieldsItsTradeThenQuoteThenDepth() throws {
    let tape = tape { writer in
      writer.systemEvent(UInt8(ascii: "O"), nanoseconds: 1)
      writer.directory(1, stock: apple, marketCategory: UInt8(ascii: "Q"), nanoseconds: 2)
      writer.add(1, 1, .bid, shares: 200, stock: apple, price: 1_000_000, nanoseconds: 3)
      writer.add(1, 2, .ask, shares: 300, stock: apple, price: 1_000_100, nanoseconds: 4)
      writer.add(1, 3, .bid, shares: 50, stock: apple, price: 999_900, nanoseconds: 5)
      writer.execute(1, 2, shares: 100, match: 71, nanoseconds: 6)
      writer.execute(1, 1, shares: 50, match: 72, nanoseconds: 7)
      writer.replace(1, 3, with: 4, shares: 10, price: 1_000_000, nanoseconds: 8)
      writer.cancel(1, 4, shares: 5, nanoseconds: 9)
      writer.delete(1, 4, nanoseconds: 10)
    }
    let source = try open(tape)
    let items = try source.all()
    #expect(
      items.map { text($0, source.context) } == [
        "3 quote 200@100 0@0", "3 depth 1 0", "4 quote 200@100 300@100.01", "4 depth 1 1",
        "5 depth 2 1", #"6 trade 100@100.01 ["@"] 71"#, "6 quote 200@100 200@100.01",
        "6 depth 2 1", #"7 trade 50@100 ["@","I"] 72"#, "7 quote 150@100 200@100.01",
        "7 depth 2 1", "8 quote 160@100 200@100.01", "8 depth 1 1",
        "9 quote 155@100 200@100.01", "9 depth 1 1", "10 quote 150@100 200@100.01",
        "10 depth 1 1",
      ])
    // Midnight in New York in winter is 5 o'clock in Greenwich.
    #expect(items[0].time == Timestamp(parsing: "2019-01-30T05:00:00.000000003Z"))
    #expect(source.context.counters.lines == 10)
    try source.rewind()
    #expect(try source.all().map(\.text) == items.map(\.text))
  }

  @Test func whatIsNotPrintableIsNoTrade() throws {
    let tape = tape { writer in
      writer.add(1, 1, .bid, shares: 300, stock: apple, price: 1_000_000, nanoseconds: 3)
      writer.executeAtPrice(
        1, 1, shares: 100, match: 5, isPrintable: false, price: 990_000, nanoseconds: 4)
      writer.executeAtPrice(
        1, 1, shares: 100, match: 6, isPrintable: true, price: 990_000, nanoseconds: 4)
    }
    let source = try open(tape)
    #expect(
      try source.all().map { text($0, source.context) } == [
        "1 quote 300@100 0@0", "1 depth 1 0", "2 quote 200@100 0@0", "2 depth 1 0",
        #"3 trade 100@99 ["@"] 6"#, "3 quote 100@100 0@0", "3 depth 1 0",
      ])
  }

  @Test func hiddenTradesCrossesHaltsAndBrokenTrades() throws {
    let tape = tape { writer in
      writer.trade(
        1, .bid, shares: 100, stock: apple, price: 1_000_000, match: 8, nanoseconds: 1)
      for (type, shares) in [("O", 5_000), ("C", 600), ("H", 7), ("O", 0)] as [(Character, UInt64)]
      {
        writer.cross(
          1, shares: shares, stock: apple, price: 1_010_000, match: 9,
          type: type.asciiValue!, nanoseconds: 2)
      }
      writer.tradingAction(
        1, stock: apple, state: UInt8(ascii: "H"), reason: 0x5431_2020, nanoseconds: 3)
      writer.tradingAction(
        1, stock: apple, state: UInt8(ascii: "T"), reason: 0x2020_2020, nanoseconds: 4)
      writer.brokenTrade(1, match: 8, nanoseconds: 5)
      writer.brokenTrade(1, match: 99, nanoseconds: 6)
    }
    let reports = Reports()
    let source = try open(tape, reports)
    #expect(
      try source.all().map { text($0, source.context) } == [
        #"1 trade 100@100 ["@"] 8"#, #"2 trade 5000@101 ["@","O"] 9"#,
        #"3 trade 600@101 ["@","6"] 9"#, #"4 trade 7@101 ["@","5"] 9"#,
        "6 status H Trading Halt|T1 News Pending", "7 status T Trading| ", "8 cancel 100@100 8",
      ])
    #expect(reports.problems.map(\.reason) == ["the broken trade is not known"])
    #expect(source.context.counters.impossibleChanges == 1)
  }

  @Test func theImpossibleIsReportedWithItsPlaceAndLeavesTheBook() throws {
    let good: (inout ITCHWriter) -> Void = { [apple] writer in
      writer.add(1, 1, .bid, shares: 300, stock: apple, price: 1_000_000, nanoseconds: 3)
    }
    let tape = tape { writer in
      good(&writer)
      writer.delete(1, 9, nanoseconds: 4)
      writer.execute(2, 1, shares: 1, match: 1, nanoseconds: 5)
      writer.execute(1, 1, shares: 301, match: 2, nanoseconds: 6)
      writer.bytes.append(bigEndian: UInt16(20))
      writer.bytes.append("D3456789012345678901")
      writer.bytes.append(bigEndian: UInt16(1))
      writer.bytes.append("?")
      good(&writer)
      writer.bytes.append(bigEndian: UInt16(36))
      writer.bytes.append("A")
    }
    let reports = Reports()
    let source = try open(tape, reports)
    let items = try source.all().map { text($0, source.context) }
    #expect(
      items == [
        "1 quote 300@100 0@0", "1 depth 1 0", #"4 trade 300@100 ["@"] 2"#, "4 quote 0@0 0@0",
        "4 depth 0 0", "7 quote 300@100 0@0", "7 depth 1 0",
      ])
    #expect(
      reports.problems.map { $0.description.replacing(tape.path, with: "tape") } == [
        "tape, byte 38: the order is not known",
        "tape, byte 59: the order rests in another book",
        "tape, byte 92: more shares than the order has",
        "tape, byte 125: a message of type D has 19 bytes, this one 20",
        "tape, byte 147: there is no message of type 63",
        "tape, byte 188: the last message is cut off",
      ])
    let counters = source.context.counters
    #expect(counters.impossibleChanges == 3 && counters.malformedLines == 2)
    #expect(counters.skippedMessages == 1 && counters.lines == 7)
  }

  @Test func aTimeBeyondTheDayMovesNothing() throws {
    let tape = tape { writer in
      writer.add(1, 1, .bid, shares: 300, stock: apple, price: 1_000_000, nanoseconds: 7)
      writer.add(
        1, 2, .bid, shares: 300, stock: apple, price: 1_000_000,
        nanoseconds: 86_400_000_000_000)
      writer.delete(1, 1, nanoseconds: 9)
    }
    let reports = Reports()
    let source = try open(tape, reports)
    let midnight = try #require(Timestamp(parsing: "2019-01-30T05:00:00Z")).nanoseconds
    #expect(try source.all().map { $0.time.nanoseconds - midnight } == [7, 7, 7, 7, 9, 9])
    #expect(reports.problems.map(\.byteOffset) == [38])
    #expect(source.context.counters.malformedLines == 1)
    #expect(source.context.counters.outOfOrder == 0)
  }

  @Test func aSymbolThatIsNoneIsReportedAndTheOthersGoOn() throws {
    let odd = ITCHWriter.stock("abc*".utf8)
    let tape = tape { writer in
      writer.add(7, 1, .bid, shares: 300, stock: odd, price: 1_000_000, nanoseconds: 3)
      writer.add(8, 2, .bid, shares: 300, stock: apple, price: 1_000_000, nanoseconds: 3)
      writer.delete(7, 1, nanoseconds: 4)
    }
    let reports = Reports()
    let source = try open(tape, reports)
    #expect(try source.all().map(\.position) == [2, 2])
    #expect(reports.problems.count == 1 && source.context.counters.impossibleChanges == 0)
  }

  @Test func aSessionEndsAtALengthOfNothing() throws {
    let good: (inout ITCHWriter) -> Void = { [apple] writer in
      writer.add(1, 1, .bid, shares: 300, stock: apple, price: 1_000_000, nanoseconds: 3)
      writer.bytes.append(bigEndian: UInt16(0))
    }
    let whole = tape { good(&$0) }
    let reports = Reports()
    #expect(try open(whole, reports).all().count == 2)
    #expect(reports.problems.isEmpty)
    // What follows is read, because the length may be damaged.
    let longer = tape {
      good(&$0)
      $0.delete(1, 1, nanoseconds: 4)
    }
    #expect(try open(longer, reports).all().map(\.position) == [1, 1, 2, 2])
    #expect(
      reports.problems.map { $0.description.replacing(longer.path, with: "tape") } == [
        "tape, byte 38: messages follow the end of a session"
      ])
  }

  // A damaged length would take everything behind it for something else.
  @Test(arguments: [0, 1, 17, 40, 3_000, 65_535])
  func aDamagedLengthCostsItsMessageAlone(length: Int) throws {
    let tape = tape { writer in
      writer.directory(1, stock: apple, marketCategory: UInt8(ascii: "Q"), nanoseconds: 1)
      for reference in 1...2_000 as ClosedRange<UInt64> {
        writer.add(
          1, reference, .bid, shares: 100, stock: apple, price: 1_000_000,
          nanoseconds: reference)
      }
    }
    var bytes = tape.bytes
    for message in [500, 900] {
      let offset = 41 + 38 * message
      (bytes[offset], bytes[offset + 1]) = (UInt8(length >> 8), UInt8(length & 0xFF))
    }
    tape.write(bytes)
    let reports = Reports()
    let source = try open(tape, reports)
    let items = try source.all()
    guard case .depth(let depth)? = items.last?.event else {
      Issue.record("no depth")
      return
    }
    #expect(depth.bids[0].size == Decimal9(parsing: "199800"))
    #expect(reports.problems.count(where: { $0.reason == "38 bytes are no messages" }) == 2)
    #expect(reports.problems.allSatisfy { [19_041, 34_241].contains($0.byteOffset) })
  }

  @Test(arguments: [
    ("01302019.NASDAQ_ITCH50.gz", "2019-01-30T05:00:00Z"),
    ("20190730.BX_ITCH_50.gz", "2019-07-30T04:00:00Z"),
    ("S031018-v50.txt.gz", "2018-03-10T05:00:00Z"), ("S031218-v50", "2018-03-12T04:00:00Z"),
    ("day.2018-11-04.itch", "2018-11-04T04:00:00Z"), ("2018-11-05_x", "2018-11-05T05:00:00Z"),
    ("AAPL_2012-06-21_34200000_57600000_message_10.csv", "2012-06-21T04:00:00Z"),
    ("13322019.itch", "1970-01-01T05:00:00Z"), ("itch", "1970-01-01T05:00:00Z"),
  ])
  func theDayIsReadFromTheName(name: String, midnight: String) throws {
    let day = TradingDay(inNameOf: "/a.b/2001-01-01/" + name) ?? .unknown
    #expect(day.midnight == Timestamp(parsing: midnight))
  }

  @Test func aDayThatIsToldCounts() throws {
    let tape = tape { writer in
      writer.add(1, 1, .bid, shares: 300, stock: apple, price: 1_000_000, nanoseconds: 3)
    }
    let source = try FeedArgument(parsing: tape.path + "@2020-06-01").open(
      context: FeedContext())
    #expect(try source.next()?.time == Timestamp(parsing: "2020-06-01T04:00:00.000000003Z"))
    #expect(try TapeReport.read(FeedArgument(parsing: tape.path + "@2020-06-01")).format == "itch")
    #expect(throws: FeedsError.self) {
      try FeedArgument(parsing: tape.path + "@20200601").open(context: FeedContext())
    }
    #expect(throws: FeedsError.self) {
      try ITCHFeed(path: tape.path, context: FeedContext(), day: "2020-02-30")
    }
    // A file of this very name is meant by it.
    let named = TemporaryTape(tape.bytes, name: "01302019@2020-06-01")
    #expect(TapeName(named.path) == TapeName(path: named.path, day: nil))
  }

  @Test func aFileCutOffInItsCompressionIsUsedAsFarAsItGoes() throws {
    let spec = try SimulationSpec(parsing: "sim:stocks=3,crypto=0,rate=500,seconds=2")
    let tape = TemporaryTape(name: "day.itch.gz")
    let messages = try SimulatedSession.writeITCH(spec, to: tape.path)
    tape.write(Array(tape.bytes.dropLast(2_000)))
    let reports = Reports()
    let source = try ITCHFeed(path: tape.path, context: reports.context())
    #expect(try !source.all().isEmpty)
    #expect(source.context.counters.lines > messages / 2)
    #expect(source.context.counters.lines < messages)
    #expect(
      reports.problems.map(\.reason) == ["the gzip data ends too early; the rest is not read"])
    #expect(source.context.counters.damagedFiles == 1)
  }

  // Damaged files of all kinds: no trap, no end that never comes, books that do not cross by it.
  @Test(arguments: seeds(from: 80, count: 4)) func damageIsCountedAndReadingGoesOn(
    seed: UInt64
  ) throws {
    var random = SplitMix64(seed: seed)
    for round in 0..<10 {
      var writer = ITCHWriter()
      for reference in 1...300 as ClosedRange<UInt64> {
        let price = UInt32.random(in: 10_000...10_050, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0, 1:
          writer.add(
            UInt16.random(in: 1...3, using: &random), reference,
            Bool.random(using: &random) ? .bid : .ask, shares: 100, stock: apple, price: price,
            nanoseconds: reference)
        case 2: writer.execute(1, reference / 2, shares: 60, match: 1, nanoseconds: reference)
        default: writer.delete(1, reference / 2, nanoseconds: reference)
        }
      }
      var bytes = writer.bytes.withUnsafeBytes { Array($0) }
      for _ in 0..<Int.random(in: 1...30, using: &random) {
        let index = Int.random(in: 40..<bytes.count, using: &random)
        bytes[index] = UInt8.random(in: 0...255, using: &random)
      }
      bytes.removeLast(Int.random(in: 0..<200, using: &random))
      let tape = TemporaryTape(bytes, name: name)
      let source = try ITCHFeed(path: tape.path, context: FeedContext())
      var last: UInt64 = 0
      var time = Timestamp(nanoseconds: .min)
      while let item = try source.next() {
        try #require(item.position >= last && item.time >= time, "seed \(seed) round \(round)")
        (last, time) = (item.position, item.time)
        guard case .depth(let depth) = item.event else { continue }
        for index in 0..<depth.bidCount {
          try #require(depth.bids[index].size > .zero, "seed \(seed) round \(round)")
        }
      }
    }
  }
}
