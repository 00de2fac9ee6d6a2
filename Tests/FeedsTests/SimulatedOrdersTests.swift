import MarketData
import OrderBooks
import Testing

@testable import Feeds

@Suite struct SimulatedOrdersTests {
  private let spec = "sim:stocks=7,crypto=0,rate=2000,seconds=3,open=2,seed="

  // Reading back the file gives the simulation's trades, and at the end its books.
  @Test(arguments: [1, 2, 3]) func anITCHFileOfASessionIsTheSession(seed: Int) throws {
    let spec = try SimulationSpec(parsing: spec + "\(seed)")
    let tape = TemporaryTape(name: "day.itch.gz")
    let messages = try SimulatedSession.writeITCH(spec, to: tape.path)
    let simulated = try SimulatedFeed(spec, context: FeedContext())
    let played = try #require(
      try FeedArgument(parsing: tape.path).open(context: FeedContext()) as? ITCHFeed)
    let expected = try story(simulated)
    let found = try story(played)
    #expect(played.context.counters.lines == messages)
    #expect(played.context.counters.impossibleChanges == 0)
    #expect(found.trades == expected.trades && found.trades.count > 800)
    // The session's end may come between an order and the depth that shows it.
    var tops: [String: String] = [:]
    for market in simulated.markets {
      var depth = simulated.orders.books.depth(
        market.book.number, symbol: market.symbol, timestamp: Timestamp(nanoseconds: 0),
        market.book.units)
      depth.symbol = SymbolID(index: 0)
      tops[simulated.context.symbols.name(of: market.symbol)] = FeedEvent.depth(depth).text
    }
    #expect(found.tops == tops && tops.count == 7)
  }

  /// Trades as text, and the last depth of each symbol.
  private func story(
    _ source: some FeedSource
  ) throws -> (trades: [String], tops: [String: String]) {
    var trades: [String] = []
    var tops: [String: String] = [:]
    while let item = try source.next() {
      switch item.event {
      case .trade(let trade):
        let symbol = source.context.symbols.name(of: trade.symbol)
        trades.append("\(symbol) \(trade.size)@\(trade.price)")
      case .depth(var depth):
        let symbol = source.context.symbols.name(of: depth.symbol)
        depth.symbol = SymbolID(index: 0)
        depth.timestamp = Timestamp(nanoseconds: 0)
        tops[symbol] = FeedEvent.depth(depth).text
      default: break
      }
    }
    return (trades, tops)
  }

  @Test func everyKindOfOrderEventHappensAndNoneIsRare() throws {
    let feed = try SimulatedFeed(
      SimulationSpec(parsing: spec + "5"), context: FeedContext(), keepsFlow: true)
    var counts: [String: Int] = [:]
    var isFirst = true
    while try feed.next() != nil {
      for (_, order) in feed.orders.flow where !isFirst {
        switch order {
        case .add: counts["add", default: 0] += 1
        case .execute: counts["execute", default: 0] += 1
        case .cancel: counts["cancel", default: 0] += 1
        case .delete: counts["delete", default: 0] += 1
        case .replace: counts["replace", default: 0] += 1
        }
      }
      isFirst = false
    }
    #expect(counts.count == 5 && counts.values.allSatisfy { $0 > 100 }, "\(counts)")
  }

  // However long it goes on: the books neither fill up nor thin out, and prices stay near.
  @Test func booksKeepTheirSizeAndPrices() throws {
    let feed = try SimulatedFeed(
      SimulationSpec(parsing: "sim:stocks=2,crypto=1,rate=1000,seed=3,popularity=even,mix=5:6:7"),
      context: FeedContext())
    var first: [SymbolID: Decimal9] = [:]
    for _ in 0..<200_000 {
      guard let item = try feed.next() else { break }
      if case .quote(let quote) = item.event {
        let began = first[quote.symbol, default: quote.bidPrice]
        first[quote.symbol] = began
        try #require(quote.bidPrice.nanos * 2 >= began.nanos - 1)
        try #require(quote.askPrice.nanos <= began.nanos * 2 + 5 * Decimal9.scale)
      }
      guard item.position % 100 == 0 else { continue }
      for book in 0..<3 as Range<UInt16> {
        for side in BookSide.allCases {
          let levels = feed.orders.books.levelCount(book, side)
          try #require(12...40 ~= levels, "event \(item.position)")
        }
      }
      try #require(feed.orders.books.orderCount <= 3 * 2 * 50)
    }
  }

  @Test func whatITCHCannotSayIsRefused() throws {
    for text in ["sim:stocks=2,seconds=1", "sim:stocks=2,crypto=0"] {
      #expect(throws: FeedsError.self) {
        try SimulatedSession.writeITCH(SimulationSpec(parsing: text), to: "/tmp/never.itch")
      }
    }
  }
}
