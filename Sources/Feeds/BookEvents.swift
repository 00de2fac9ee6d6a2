// What an order-level book has to say after a change: its touch and its top, as events.

import MarketData
import OrderBooks

/// Prices and sizes of a book in nanos: what one step and one unit are worth.
struct BookUnits {
  var priceNanos: Int64
  var sizeNanos: Int64

  /// Prices with four decimals and whole shares: ITCH and LOBSTER.
  static let shares = BookUnits(priceNanos: 100_000, sizeNanos: Decimal9.scale)

  func price(_ steps: UInt32) -> Decimal9 { Decimal9(nanos: Int64(steps) * priceNanos) }

  /// Saturates: over 9 billion shares at one price are no truth but must not trap.
  func size(_ units: UInt64) -> Decimal9 {
    let (nanos, overflow) = Int64(clamping: units).multipliedReportingOverflow(by: sizeNanos)
    return Decimal9(nanos: overflow ? .max : nanos)
  }
}

extension OrderBookSet {
  func level(_ book: UInt16, _ side: BookSide, rank: Int, _ units: BookUnits) -> Level {
    guard rank < levelCount(book, side) else { return .empty }
    let level = level(book, side, rank: rank)
    return Level(price: units.price(level.price), size: units.size(UInt64(level.size)))
  }

  func quote(
    _ book: UInt16, symbol: SymbolID, timestamp: Timestamp, _ units: BookUnits
  ) -> Quote {
    let bid = level(book, .bid, rank: 0, units)
    let ask = level(book, .ask, rank: 0, units)
    return Quote(
      symbol: symbol, timestamp: timestamp, bidPrice: bid.price, bidSize: bid.size,
      askPrice: ask.price, askSize: ask.size)
  }

  func depth(
    _ book: UInt16, symbol: SymbolID, timestamp: Timestamp, _ units: BookUnits
  ) -> Depth {
    var depth = Depth(symbol: symbol, timestamp: timestamp)
    for rank in 0..<min(Depth.levelsMax, levelCount(book, .bid)) {
      depth.appendBid(level(book, .bid, rank: rank, units))
    }
    for rank in 0..<min(Depth.levelsMax, levelCount(book, .ask)) {
      depth.appendAsk(level(book, .ask, rank: rank, units))
    }
    return depth
  }
}
