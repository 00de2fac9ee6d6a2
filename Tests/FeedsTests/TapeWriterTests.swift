import CZlib
import Feeds
import Glibc
import MarketData
import Testing

@Suite struct TapeWriterTests {
  private let spec = "sim:stocks=4,crypto=2,rate=500,seed=11,seconds=3"

  @Test(arguments: ["tape.ndjson", "tape.ndjson.gz"])
  func whatIsWrittenIsReadAgain(name: String) throws {
    let tape = TemporaryTape(name: name)
    let spec = try SimulationSpec(parsing: spec)
    #expect(try SimulatedSession.write(spec, to: tape.path) == 1_500)
    let simulated = try SimulatedFeed(spec, context: FeedContext())
    let read = try NativeTape(path: tape.path, context: FeedContext())
    var count = 0
    while let expected = try simulated.next() {
      let item = try #require(try read.next())
      // Symbols and codes have other numbers in the other context: compare what stands behind them.
      #expect(item.position == expected.position && item.time == expected.time)
      #expect(
        described(item.event, read.context) == described(expected.event, simulated.context))
      count += 1
    }
    #expect(count == 1_500)
    #expect(try read.all().isEmpty && read.context.counters.malformedLines == 0)
  }

  private func described(_ event: FeedEvent, _ context: FeedContext) -> String {
    func code(_ code: CodeID) -> String { code == .absent ? "" : context.codes.text(of: code) }
    switch event {
    case .trade(var trade):
      let codes = [trade.exchange, trade.conditions, trade.tape].map(code)
      let symbol = context.symbols.name(of: trade.symbol)
      (trade.exchange, trade.conditions, trade.tape) = (.absent, .absent, .absent)
      trade.symbol = SymbolID(index: 0)
      return "\(symbol) \(codes) \(trade)"
    case .quote(var quote):
      let codes = [quote.bidExchange, quote.askExchange, quote.conditions, quote.tape].map(code)
      let symbol = context.symbols.name(of: quote.symbol)
      (quote.bidExchange, quote.askExchange, quote.conditions, quote.tape) = (
        .absent, .absent, .absent, .absent
      )
      quote.symbol = SymbolID(index: 0)
      return "\(symbol) \(codes) \(quote)"
    case .depth(var depth):
      let symbol = context.symbols.name(of: depth.symbol)
      depth.symbol = SymbolID(index: 0)
      return "\(symbol) \(FeedEvent.depth(depth).text)"
    case .bar(var bar, let kind):
      let symbol = context.symbols.name(of: bar.symbol)
      bar.symbol = SymbolID(index: 0)
      return "\(symbol) \(kind) \(bar)"
    case .status, .cancel, .correction: return "not simulated"
    case .stale(let symbol, let since): return "\(context.symbols.name(of: symbol)) \(since)"
    }
  }

  @Test func aLineIsAsTheStreamCarriesItWithoutNumbers() throws {
    let tape = TemporaryTape()
    let context = FeedContext()
    let writer = try TapeWriter(path: tape.path, context: context)
    let symbol = try context.symbols.intern("AAPL")
    let time = try #require(Timestamp(parsing: "2024-08-08T13:30:00Z"))
    let price = try #require(Decimal9(parsing: "189.97"))
    try writer.append(
      .trade(Trade(symbol: symbol, timestamp: time, price: price, size: price, id: 7)))
    try writer.append(.stale(symbol, since: time))
    try writer.finish()
    #expect(
      String(decoding: tape.bytes, as: UTF8.self) == """
        {"T":"t","S":"AAPL","t":"2024-08-08T13:30:00Z","p":189.97,"s":189.97,"i":7}
        {"T":"stale","S":"AAPL","since":"2024-08-08T13:30:00Z"}

        """)
    let read = try NativeTape(path: tape.path, context: context).all()
    #expect(read.map(\.event.text).last == "stale \(symbol) \(time)")
  }

  @Test func equalSessionsGiveEqualFiles() throws {
    let first = TemporaryTape(name: "a.gz")
    let second = TemporaryTape(name: "b.gz")
    for tape in [first, second] {
      try SimulatedSession.write(SimulationSpec(parsing: spec), to: tape.path)
    }
    #expect(first.bytes == second.bytes)
  }

  @Test func anUnfinishedTapeLeavesNothing() throws {
    let tape = TemporaryTape(name: "cut.ndjson")
    unlink(tape.path)
    do {
      let writer = try TapeWriter(path: tape.path, context: FeedContext())
      _ = writer
    }
    #expect(access(tape.path, F_OK) != 0 && access(tape.path + ".partial", F_OK) != 0)
  }

  @Test func aSessionWithoutAnEndIsNotWritten() throws {
    let tape = TemporaryTape()
    #expect(throws: FeedsError.self) {
      try SimulatedSession.write(SimulationSpec(parsing: "sim:rate=1"), to: tape.path)
    }
    let error = #expect(throws: FeedsError.self) {
      try SimulatedSession.write(SimulationSpec(parsing: spec), to: "/nowhere/tape.gz")
    }
    #expect(error?.code == .cannotOpen)
  }
}

@Suite struct GzipTapeTests {
  private let lines = (1...30_000).map {
    #"{"T":"t","S":"AAPL","t":"2024-08-08T13:30:00.\#(100_000 + $0)Z","p":\#($0),"s":1}"#
  }

  private func gzip(_ text: String) -> [UInt8] {
    let tape = TemporaryTape(name: "x.gz")
    let file = gzopen(tape.path, "wb")
    var text = text
    text.withUTF8 { _ = gzwrite(file, $0.baseAddress, UInt32($0.count)) }
    gzclose(file)
    return tape.bytes
  }

  private func read(_ bytes: [UInt8]) throws -> (count: Int, reports: Reports, FeedCounters) {
    let reports = Reports()
    let tape = TemporaryTape(bytes, name: "tape")
    let source = try NativeTape(path: tape.path, context: reports.context())
    let count = try source.all().count
    let counters = source.context.counters
    try source.rewind()
    #expect(try source.all().count == count)
    return (count, reports, counters)
  }

  @Test func membersInARowAreOneTape() throws {
    let first = gzip(lines[..<10_000].joined(separator: "\n"))
    let second = gzip("\n" + lines[10_000...].joined(separator: "\n") + "\n")
    let (count, reports, _) = try read(first + second + [UInt8](repeating: 0, count: 700))
    #expect(count == 30_000 && reports.problems.isEmpty)
  }

  @Test func truncatedDataIsReportedAndUsedAsFarAsItGoes() throws {
    let whole = gzip(lines.joined(separator: "\n"))
    let (count, reports, counters) = try read(Array(whole[..<(whole.count / 2)]))
    #expect(count > 10_000 && count < 20_000)
    #expect(counters.damagedFiles == 1 && counters.malformedLines == 0)
    #expect(reports.problems[0].reason.contains("ends too early"))
    #expect(reports.problems[0].line >= UInt64(count))
  }

  @Test func corruptDataIsReportedAndUsedAsFarAsItGoes() throws {
    var bytes = gzip(lines.joined(separator: "\n"))
    for index in bytes.count / 2..<bytes.count / 2 + 50 { bytes[index] = 0xFF }
    let (count, reports, counters) = try read(bytes)
    #expect(count > 1_000 && count < 30_000 && counters.damagedFiles == 1)
    #expect(reports.problems.contains { $0.reason.contains("corrupt") })
  }

  @Test func otherDataBehindTheEndIsReported() throws {
    let (count, reports, _) = try read(gzip(lines.joined(separator: "\n") + "\n") + [1, 2, 3])
    #expect(count == 30_000)
    #expect(reports.problems[0].reason.contains("something that is not gzip follows"))
  }

  @Test func aHeaderAloneIsDamaged() throws {
    for length in 2..<18 {
      let (count, _, counters) = try read(Array(gzip("")[..<length]))
      #expect(count == 0 && counters.damagedFiles == 1)
    }
  }
}
