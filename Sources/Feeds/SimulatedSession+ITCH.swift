// A simulated session as an ITCH 5.0 file: the orders themselves, from which the reader builds the
// books that the simulation had.
//
// Only stocks: ITCH knows whole shares and prices of four decimals. All directory messages come
// first, then the orders that rest when the session begins, then each event's. A trade's match
// number is its own: they are counted over all stocks.

import MarketData
import OrderBooks

extension SimulatedSession {
  /// Writes the whole session and returns the number of its messages.
  ///
  /// - Parameters:
  ///   - spec: must have an end (`seconds`) and no `crypto`.
  ///   - path: `.gz` at its end compresses it.
  @discardableResult
  public static func writeITCH(
    _ spec: SimulationSpec, to path: String
  ) throws(FeedsError) -> UInt64 {
    guard spec.seconds != nil, spec.crypto == 0 else {
      throw FeedsError(
        .badArgument, "'\(spec)': a session that is written as ITCH needs 'seconds' and 'crypto=0'")
    }
    let context = FeedContext()
    let feed = try SimulatedFeed(spec, context: context, keepsFlow: true)
    let file = try TapeWriter(path: path, context: context)
    var exchange = ITCHSession(feed)
    exchange.begin()
    while let item = try feed.next() {
      exchange.take(feed.orders, at: item.time)
      if exchange.writer.bytes.count >= Limits.writerChunkBytes {
        try file.append(raw: &exchange.writer.bytes)
      }
    }
    exchange.end()
    try file.append(raw: &exchange.writer.bytes)
    try file.finish()
    return exchange.writer.messages
  }
}

/// The messages of a session in the making.
private struct ITCHSession: ~Copyable {
  var writer = ITCHWriter(capacity: 2 * Limits.writerChunkBytes)
  private let stocks: [UInt64]
  private let ticks: [UInt32]
  private var match: UInt64 = 0
  private var nanoseconds: UInt64
  private let midnight: Timestamp

  init(_ feed: SimulatedFeed) {
    stocks = feed.markets.map { market in
      ITCHWriter.stock(feed.context.symbols.name(of: market.symbol).utf8)
    }
    // A step of a stock is a whole number of the ten-thousandths that ITCH counts in.
    ticks = feed.markets.map {
      UInt32($0.book.units.priceNanos / BookUnits.shares.priceNanos)
    }
    let start = SimulatedFeed.sessionStart
    let date = CivilDate(daysSinceEpoch: start.nanoseconds / 86_400_000_000_000)
    midnight = TradingDay(date: date).midnight
    nanoseconds = UInt64(start.nanoseconds - midnight.nanoseconds)
  }

  private func locate(_ book: UInt16) -> UInt16 { book + 1 }

  mutating func begin() {
    writer.systemEvent(UInt8(ascii: "O"), nanoseconds: nanoseconds)
    for (index, stock) in stocks.enumerated() {
      writer.directory(
        locate(UInt16(index)), stock: stock, marketCategory: UInt8(ascii: "Q"),
        nanoseconds: nanoseconds)
    }
    writer.systemEvent(UInt8(ascii: "Q"), nanoseconds: nanoseconds)
  }

  mutating func end() {
    writer.systemEvent(UInt8(ascii: "M"), nanoseconds: nanoseconds)
    writer.systemEvent(UInt8(ascii: "C"), nanoseconds: nanoseconds)
  }

  mutating func take(_ orders: borrowing SimulatedOrders, at time: Timestamp) {
    nanoseconds = UInt64(time.nanoseconds - midnight.nanoseconds)
    for (book, order) in orders.flow {
      let (locate, index) = (locate(book), Int(book))
      switch order {
      case .add(let reference, let side, let shares, let steps):
        writer.add(
          locate, reference, side, shares: shares, stock: stocks[index],
          price: steps * ticks[index], nanoseconds: nanoseconds)
      case .execute(let reference, let shares):
        match += 1
        writer.execute(
          locate, reference, shares: shares, match: match, nanoseconds: nanoseconds)
      case .cancel(let reference, let shares):
        writer.cancel(locate, reference, shares: shares, nanoseconds: nanoseconds)
      case .delete(let reference):
        writer.delete(locate, reference, nanoseconds: nanoseconds)
      case .replace(let old, let new, let shares, let steps):
        writer.replace(
          locate, old, with: new, shares: shares, price: steps * ticks[index],
          nanoseconds: nanoseconds)
      }
    }
  }
}
