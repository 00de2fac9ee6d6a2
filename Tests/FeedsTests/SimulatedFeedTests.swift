import Feeds
import MarketData
import Testing

@Suite struct SimulatedFeedTests {
  private func feed(_ text: String) throws -> SimulatedFeed {
    try SimulatedFeed(SimulationSpec(parsing: text), context: FeedContext())
  }

  @Test func sameSpecGivesTheSameEventsAgainAndAfterARewind() throws {
    let text = "sim:stocks=12,crypto=3,rate=700,seed=7,seconds=4,open=3"
    let first = try feed(text)
    let items = try first.all().map(\.text)
    #expect(try feed(text).all().map(\.text) == items)
    try first.rewind()
    #expect(try first.all().map(\.text) == items)
    #expect(try feed("sim:stocks=12,crypto=3,rate=700,seed=8,seconds=4").all().map(\.text) != items)
  }

  @Test func everySecondHasItsRateAndTheOpenIsBusier() throws {
    var perSecond = [Int](repeating: 0, count: 15)
    for item in try feed("sim:rate=333,seed=3,seconds=15,open=5").all() {
      let elapsed = item.time.nanoseconds - SimulatedFeed.sessionStart.nanoseconds
      perSecond[Int(elapsed / 1_000_000_000)] += 1
    }
    #expect(perSecond[0] == 333 * 5)
    #expect(perSecond[10...].allSatisfy { $0 == 333 })
    #expect(zip(perSecond, perSecond.dropFirst()).allSatisfy { $0 >= $1 })
  }

  @Test func withoutAnEndItGoesOn() throws {
    let items = try feed("sim:stocks=1,crypto=0,rate=1,seed=1").all(limit: 1_000)
    #expect(items.count == 1_000)
    #expect(items.last!.time.nanoseconds / 1_000_000_000 == 1_749_735_000 + 999)
  }

  /// Goal: what the stream promises holds after each event. Method: several seeds, each with many
  /// events on few symbols, so that prices wander and books empty.
  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func bookQuotesAndTradesAgree(seed: UInt64) throws {
    let source = try feed("sim:stocks=3,crypto=2,rate=5000,seed=\(seed),mix=2:3:4")
    var quotes: [SymbolID: Quote] = [:]
    var depths: [SymbolID: Depth] = [:]
    var last = Timestamp(nanoseconds: .min)
    for (index, item) in try source.all(limit: 15_000).enumerated() {
      try #require(item.position == UInt64(index + 1) && item.time >= last, "seed \(seed)")
      last = item.time
      switch item.event {
      case .trade(let trade):
        let quote = try #require(quotes[trade.symbol])
        let atBid = trade.price == quote.bidPrice && trade.size <= quote.bidSize
        let atAsk = trade.price == quote.askPrice && trade.size <= quote.askSize
        try #require(atBid || atAsk, "seed \(seed), event \(index)")
        try #require(trade.size > .zero)
      case .quote(let quote):
        try #require(quote.bidPrice < quote.askPrice, "seed \(seed), event \(index)")
        try #require(quote.bidSize > .zero && quote.askSize > .zero && quote.bidPrice > .zero)
        quotes[quote.symbol] = quote
      case .depth(let depth):
        let quote = try #require(quotes[depth.symbol])
        try #require(depth.bidCount == 10 && depth.askCount == 10)
        try #require(
          depth.bids[0] == Level(price: quote.bidPrice, size: quote.bidSize)
            && depth.asks[0] == Level(price: quote.askPrice, size: quote.askSize),
          "seed \(seed), event \(index)")
        for level in 1..<10 {
          try #require(depth.bids[level].price < depth.bids[level - 1].price)
          try #require(depth.asks[level].price > depth.asks[level - 1].price)
          try #require(depth.bids[level].size > .zero && depth.asks[level].size > .zero)
        }
        depths[depth.symbol] = depth
      default: Issue.record("a simulation has no \(item.event.text)")
      }
    }
    #expect(quotes.count == 5 && depths.count == 5)
  }

  @Test func namesAreRealFirstAndNumberedThen() throws {
    let source = try feed("sim:stocks=500,crypto=9,rate=1000,seed=1")
    let names = (0..<509).map { source.context.symbols.name(of: SymbolID(index: UInt32($0))) }
    #expect(names[..<2] == ["AAPL", "MSFT"])
    #expect(names[24..<27] == ["RELIANCE", "INFY", "TCS"])
    #expect(names[499].hasPrefix("SIM0"))
    #expect(names[500] == "BTC/USD" && names[508] == "SIM0001/USD")
    #expect(Set(names).count == 509)
  }

  @Test func mixDecidesTheKinds() throws {
    var counts = [0, 0, 0]
    for item in try feed("sim:rate=5000,seed=9,mix=1:3:6").all(limit: 50_000) {
      switch item.event {
      case .trade: counts[0] += 1
      case .quote: counts[1] += 1
      default: counts[2] += 1
      }
    }
    #expect(abs(counts[0] - 5_000) < 300 && abs(counts[1] - 15_000) < 600)
  }

  @Test(arguments: [
    ("sim:stocks=x5", "character 12: 'stocks' is a number from 0 to 50000, found 'x5'"),
    ("sim:stocks=5,rate", "character 14: expected 'key=value', found 'rate'"),
    ("sim:stocks=5,bars=2", "character 14: there is no 'bars'"),
    ("sim:seed=1,seed=2", "character 12: 'seed' is given twice"),
    ("sim:mix=3:2:1", "character 9: 'mix' is"),
    ("sim:rate=0", "character 10: 'rate' is"),
    ("sim:stocks=0,crypto=0", "character 1: stocks and crypto together are 1 to 50000"),
    ("sim:stocks=50000,crypto=50000", "together"),
    ("sim:,", "character 5: expected"),
  ])
  func malformedSpecIsRefusedWithPlaceAndReason(text: String, reason: String) {
    let error = #expect(throws: FeedsError.self) { try SimulationSpec(parsing: text) }
    #expect(error?.code == .badArgument)
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  @Test func specsDescriptionIsASpec() throws {
    let text = "sim:stocks=5,crypto=0,rate=9,seed=3,seconds=60,open=2,mix=0:1:1,popularity=even"
    #expect(try SimulationSpec(parsing: text).description == text)
    #expect(try SimulationSpec(parsing: "sim:") == SimulationSpec())
  }
}
