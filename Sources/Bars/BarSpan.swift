import MarketData

/// What traded in one span of time so far. Open and close are those of the earliest and latest trade by
/// timestamp, and among equal ones by the feed's order, so a late trade leaves the bar that it would
/// have left in time.
struct BarSpan {
  /// Minutes or days since 1970; nil: nothing is here.
  var number: Int64?
  /// Its bar was told, or its time is over without one.
  var isClosed = false
  private(set) var open = Decimal9.zero
  private(set) var high = Decimal9.zero
  private(set) var low = Decimal9.zero
  private(set) var close = Decimal9.zero
  private var openTime = Timestamp(nanoseconds: .max)
  private var closeTime = Timestamp(nanoseconds: .min)
  private(set) var hasPrice = false
  /// Open and close are of trades that may set them whatever else there is.
  private var isFirm = false
  private(set) var volume = WideDecimal9.zero
  private(set) var notional = ExactSum.zero
  private(set) var tradeCount: UInt64 = 0
  /// The newest trade in it.
  private(set) var last = SequenceNumber.zero

  mutating func begin(_ number: Int64) {
    self = BarSpan()
    self.number = number
  }

  mutating func apply(_ trade: Trade, _ effect: SaleEffect, _ sequence: SequenceNumber) {
    last = max(last, sequence)
    if effect.contains(.volume) {
      volume += trade.size
      notional.add(trade.price, times: trade.size)
      tradeCount += 1
    }
    guard effect.contains(.highLow) else { return }
    high = hasPrice ? max(high, trade.price) : trade.price
    low = hasPrice ? min(low, trade.price) : trade.price
    hasPrice = true
    let firm = effect.contains(.openClose)
    if firm, !isFirm {
      // What was there counted only for want of another.
      isFirm = true
      openTime = Timestamp(nanoseconds: .max)
      closeTime = Timestamp(nanoseconds: .min)
    }
    guard firm || !isFirm else { return }
    if trade.timestamp < openTime || openTime.nanoseconds == .max {
      open = trade.price
      openTime = trade.timestamp
    }
    if trade.timestamp >= closeTime {
      close = trade.price
      closeTime = trade.timestamp
    }
  }

  func bar(_ symbol: SymbolID, start: Timestamp) -> Bar {
    Bar(
      symbol: symbol, start: start, open: open, high: high, low: low, close: close, volume: volume,
      tradeCount: tradeCount, vwap: notional.mean(over: volume))
  }
}
