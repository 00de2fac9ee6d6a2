import MarketData
import OrderBooks
import Testing

@testable import Feeds

@Suite struct LobsterTests {
  private let first = "34200.004241176,1,16113575,18,5853300,1"

  private func message(_ text: String) throws -> LobsterMessage {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBytes { try LobsterMessage($0) }
  }

  private func row(_ text: String) throws -> LobsterRow {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBytes { try LobsterRow($0) }
  }

  @Test func rowsAreReadExactly() throws {
    let message = try message(first)
    #expect(message.nanoseconds == 34_200_004_241_176 && message.kind == .add)
    #expect(message.order == 16_113_575 && message.shares == 18)
    #expect(message.price == 5_853_300 && message.side == .bid)
    let row = try row("5859400,200,5853300,18,9999999999,0,5853000,150")
    #expect(row.asks == [LobsterRow.Level(price: 5_859_400, size: 200)])
    #expect(row.bids.map(\.price) == [5_853_300, 5_853_000])
  }

  @Test(arguments: [
    "", "34200,1,2,3,4", "34200,1,2,3,4,1,", "x,1,2,3,4,1", "-1,1,2,3,4,1", "34200,0,2,3,4,1",
    "34200,8,2,3,4,1", "34200,1,-2,3,4,1", "34200,1,2,-3,4,1", "34200,1,2,4294967296,4,1",
    "34200,1,2,3,4294967296,1", "34200,1,2,3,-1,1", "34200,1,2,3,4,0", "34200,1,2,3,4,1 ",
    "9e9,1,2,3,4,1", "34200,1,9223372036854775808,3,4,1",
  ])
  func whatIsNoRowIsRefused(text: String) {
    #expect(throws: LineError.self) { try message(text) }
  }

  @Test(arguments: ["1", "1,2,3", "1,2,3,-4", "a,2,3,4", "4294967296,1,3,4", "1,4294967296,3,4"])
  func whatIsNoOrderbookRowIsRefused(text: String) {
    #expect(throws: LineError.self) { try row(text) }
  }

  @Test func ordersThatAreNotKnownAreTheirLevels() throws {
    var book = LobsterBook()
    book.seed(try row("110,5,100,7,111,9,99,8"))
    // One share of an order that rested before the file; then one that the file added.
    _ = book.apply(try message("1,2,55,1,100,1"))
    _ = book.apply(try message("1,1,56,3,100,1"))
    _ = book.apply(try message("1,4,56,2,100,1"))
    _ = book.apply(try message("1,3,55,6,100,1"))
    #expect(book.books.levelCount(0, .bid) == 2)
    #expect(book.books.level(0, .bid, rank: 0) == (price: 100, size: 1))
    #expect(book.apply(try message("1,3,57,6,98,1"))?.fault == .unknownOrder)
    #expect(book.apply(try message("1,5,0,6,98,1")) == nil)
    let isShown = book.shows(try row("110,5,100,1,111,9,99,8"), levels: 2)
    let isOther = book.shows(try row("110,5,100,1,111,9,99,7"), levels: 2)
    let isLonger = book.shows(try row("110,5,100,1"), levels: 2)
    #expect(isShown && !isOther && !isLonger)
  }

  @Test func haltsAndHiddenTradesAreEvents() throws {
    let tape = TemporaryTape(
      Array(
        """
        34200.5,1,9,100,5000000,-1
        34201,5,0,30,4995000,1
        34202,7,0,0,-1,-1
        34203,7,0,0,1,-1
        34204,4,9,100,5000000,-1
        34205,3,77,100,5000000,-1
        """.utf8), name: "AAPL_2012-06-21_34200000_37800000_message_1.csv")
    let reports = Reports()
    let source = try #require(
      try FeedArgument(parsing: tape.path).open(context: reports.context()) as? LobsterFeed)
    let events = try source.all().map { item in
      switch item.event {
      case .trade(let trade): "\(item.position) \(trade.size)@\(trade.price)"
      case .status(let status):
        "\(item.position) \(source.context.codes.text(of: status.statusCode))"
      case .quote(let quote): "\(item.position) \(quote.askPrice) \(quote.timestamp)"
      case .depth(let depth): "\(item.position) \(depth.askCount)"
      default: "?"
      }
    }
    #expect(
      events == [
        "1 500 2012-06-21T13:30:00.5Z", "1 1", "2 30@499.5", "3 H", "4 T", "5 100@500",
        "5 0 2012-06-21T13:30:04Z", "5 0",
      ])
    #expect(reports.problems.map(\.line) == [6])
    #expect(source.context.counters.impossibleChanges == 1)
    #expect(source.context.symbols.name(of: SymbolID(index: 0)) == "AAPL")
  }
}

@Suite(.enabled(if: RealFeeds.shouldRun, "set TAPEDECK_FEEDS to the recordings"))
struct LobsterGoldenTests {
  /// The message file of the published sample.
  private let sample = RealFeeds.directory.map {
    $0 + "/lobster/AAPL_2012-06-21_34200000_57600000_message_10.csv"
  }

  private func lines(_ path: String) -> [String] {
    String(decoding: TemporaryTape.read(path), as: UTF8.self)
      .split(whereSeparator: \.isNewline).map(String.init)
  }

  private func messagesAndRows() throws -> [(LobsterMessage, LobsterRow)] {
    let path = try #require(sample)
    let rows = lines(path.replacing("_message_", with: "_orderbook_"))
    return try zip(lines(path), rows).map { message, row in
      let (message, row) = (Array(message.utf8), Array(row.utf8))
      return (
        try message.withUnsafeBytes { try LobsterMessage($0) },
        try row.withUnsafeBytes { try LobsterRow($0) }
      )
    }
  }

  // Each row's book is the one before it, changed by one message. The tenth level can come up from
  // below, where nothing is told.
  @Test func everyOneStepBookIsThePublishedOne() throws {
    let all = try messagesAndRows()
    #expect(all.count == 999)
    var equal = 0
    for index in all.indices.dropFirst() {
      var book = LobsterBook()
      book.seed(all[index - 1].1)
      let change = book.apply(all[index].0)
      #expect(change?.fault == nil, "row \(index + 1)")
      if book.shows(all[index].1, levels: 9) { equal += 1 }
    }
    #expect(equal == 998)
  }

  @Test func runningOnFromTheFirstRowKeepsTheTouchWhereTheFileTellsIt() throws {
    let all = try messagesAndRows()
    var book = LobsterBook()
    book.seed(all[0].1)
    var equal = 0
    for (message, row) in all.dropFirst() {
      _ = book.apply(message)
      let isEqual = BookSide.allCases.allSatisfy { side in
        guard book.books.levelCount(0, side) > 0, let best = row.levels(side).first else {
          return false
        }
        let level = book.books.level(0, side, rank: 0)
        return level.price == best.price && UInt64(level.size) == best.size
      }
      if isEqual { equal += 1 }
    }
    #expect(equal == 954)
  }

  @Test func withItsOrderbookTheFeedShowsEveryRow() throws {
    let rows = try messagesAndRows().map(\.1)
    let source = try LobsterFeed(
      path: try #require(sample), context: FeedContext())
    var depth: Depth?
    var quote: Quote?
    var position: UInt64 = 0
    func check() throws {
      guard position > 0 else { return }
      let (depth, quote, row) = (
        try #require(depth), try #require(quote), rows[Int(position) - 1]
      )
      try #require(depth.bidCount == row.bids.count && depth.askCount == row.asks.count)
      for (index, level) in row.bids.enumerated() {
        let expected = Level(
          price: BookUnits.shares.price(level.price), size: BookUnits.shares.size(level.size))
        try #require(depth.bids[index] == expected, "row \(position)")
      }
      for (index, level) in row.asks.enumerated() {
        let expected = Level(
          price: BookUnits.shares.price(level.price), size: BookUnits.shares.size(level.size))
        try #require(depth.asks[index] == expected, "row \(position)")
      }
      try #require(
        depth.bids[0] == Level(price: quote.bidPrice, size: quote.bidSize)
          && depth.asks[0] == Level(price: quote.askPrice, size: quote.askSize))
    }
    while let item = try source.next() {
      if item.position != position {
        try check()
        position = item.position
      }
      switch item.event {
      case .depth(let new): depth = new
      case .quote(let new): quote = new
      default: break
      }
    }
    try check()
    #expect(source.context.counters.lines == 999)
    #expect(source.context.counters.malformedLines == 0)
    #expect(source.context.counters.impossibleChanges == 0)
    let first = try #require(Timestamp(parsing: "2012-06-21T13:30:00.004241176Z"))
    try source.rewind()
    #expect(try source.next()?.time == first)
  }
}
