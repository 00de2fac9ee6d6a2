import MarketData
import OrderBooks

/// One simulated symbol: its book, and the decoration of its messages.
struct SimulatedMarket {
  enum Output {
    case trade, quote, depth
  }

  let symbol: SymbolID
  var book: SimulatedBook
  private let isCrypto: Bool
  private var tradeID: Int64 = 0
  private let exchanges: [CodeID]
  private let tape: CodeID
  private let tradeConditions: CodeID
  private let oddLotConditions: CodeID
  private let quoteConditions: CodeID

  init(
    _ symbol: SymbolID, _ listing: SimulatedListing, number: UInt16, _ context: FeedContext,
    _ orders: inout SimulatedOrders, _ generator: inout SeededGenerator
  ) {
    self.symbol = symbol
    isCrypto = listing.market == .crypto
    book = SimulatedBook(
      listing, number: number, market: &orders, generator: &generator)
    func code(_ text: String) -> CodeID {
      var text = text
      return text.withUTF8 { context.code(UnsafeRawBufferPointer($0)) }
    }
    switch listing.market {
    case .nasdaq, .nyse:
      exchanges = (listing.market == .nasdaq ? ["Q", "V", "P", "Z"] : ["N", "V", "P", "Z"]).map(
        code)
      tape = code(listing.market == .nasdaq ? "C" : "A")
      tradeConditions = code("[\"@\"]")
      oddLotConditions = code("[\"@\",\"I\"]")
      quoteConditions = code("[\"R\"]")
    case .nse, .crypto:
      exchanges = [listing.market == .nse ? code("NSE") : .absent]
      (tape, tradeConditions, oddLotConditions, quoteConditions) = (
        .absent, .absent, .absent, .absent
      )
    }
  }

  mutating func event(
    _ output: Output, timestamp: Timestamp, _ orders: inout SimulatedOrders,
    _ generator: inout SeededGenerator
  ) -> FeedEvent {
    switch output {
    case .trade: .trade(trade(timestamp, &orders, &generator))
    case .quote: .quote(quote(timestamp, orders, &generator))
    case .depth:
      .depth(
        orders.books.depth(book.number, symbol: symbol, timestamp: timestamp, book.units))
    }
  }

  private mutating func trade(
    _ timestamp: Timestamp, _ orders: inout SimulatedOrders, _ generator: inout SeededGenerator
  ) -> Trade {
    let side: BookSide = generator.below(2) == 0 ? .bid : .ask
    let level = book.trade(side, &orders, &generator)
    tradeID += 1
    var trade = Trade(
      symbol: symbol, timestamp: timestamp, price: level.price, size: level.size, id: tradeID)
    trade.exchange = exchange(&generator)
    trade.conditions =
      level.size.nanos < 100 * Decimal9.scale ? oddLotConditions : tradeConditions
    trade.tape = tape
    if isCrypto { trade.takerSide = side == .bid ? .sell : .buy }
    return trade
  }

  private func quote(
    _ timestamp: Timestamp, _ orders: borrowing SimulatedOrders,
    _ generator: inout SeededGenerator
  ) -> Quote {
    var quote = orders.books.quote(
      book.number, symbol: symbol, timestamp: timestamp, book.units)
    quote.bidExchange = exchange(&generator)
    quote.askExchange = exchange(&generator)
    quote.conditions = quoteConditions
    quote.tape = tape
    return quote
  }

  private func exchange(_ generator: inout SeededGenerator) -> CodeID {
    exchanges[Int(generator.below(Int64(exchanges.count)))]
  }
}
