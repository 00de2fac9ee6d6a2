/// What traded in one span of time. A closed or updated minute is an event; a day is state.
public struct Bar: Hashable, Sendable {
  public var symbol: SymbolID
  /// The start of the span (`"t"`).
  public var start: Timestamp
  public var open: Decimal9
  public var high: Decimal9
  public var low: Decimal9
  public var close: Decimal9
  public var volume: WideDecimal9
  /// `"n"`: trades that count towards the volume. Nil where the source does not say.
  public var tradeCount: UInt64?
  /// `"vw"`: the sum of price times size over the volume, rounded once, half away from zero, to
  /// 1e-9. Nil where the source does not say.
  public var vwap: Decimal9?

  public init(
    symbol: SymbolID, start: Timestamp, open: Decimal9, high: Decimal9, low: Decimal9,
    close: Decimal9, volume: WideDecimal9, tradeCount: UInt64? = nil, vwap: Decimal9? = nil
  ) {
    self.symbol = symbol
    self.start = start
    self.open = open
    self.high = high
    self.low = low
    self.close = close
    self.volume = volume
    self.tradeCount = tradeCount
    self.vwap = vwap
  }
}

/// Which of the stream's bar messages a bar is.
public enum BarKind: UInt8, Hashable, Sendable, CaseIterable {
  /// A minute that is over, `"b"`: an event.
  case minute
  /// A closed minute that a late trade changed, whole, `"u"`: an event.
  case updated
  /// The day so far, `"d"`: state.
  case daily

  /// Its `"T"`.
  public var letter: UInt8 {
    switch self {
    case .minute: UInt8(ascii: "b")
    case .updated: UInt8(ascii: "u")
    case .daily: UInt8(ascii: "d")
    }
  }

  public var key: MarketKey {
    switch self {
    case .minute: .bar
    case .updated: .barUpdated
    case .daily: .barDaily
    }
  }
}
