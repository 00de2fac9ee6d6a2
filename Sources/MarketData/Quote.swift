/// The best bid and offer. State: a newer one replaces it. A missing side has price and size 0.
public struct Quote: Hashable, Sendable {
  public var symbol: SymbolID
  public var timestamp: Timestamp
  public var bidPrice: Decimal9
  public var bidSize: Decimal9
  public var askPrice: Decimal9
  public var askSize: Decimal9
  /// `"bx"`, a string.
  public var bidExchange: CodeID = .absent
  /// `"ax"`, a string.
  public var askExchange: CodeID = .absent
  /// `"c"`: the JSON value itself, as in `Trade.conditions`.
  public var conditions: CodeID = .absent
  /// `"z"`, a string.
  public var tape: CodeID = .absent

  public init(
    symbol: SymbolID, timestamp: Timestamp,
    bidPrice: Decimal9, bidSize: Decimal9, askPrice: Decimal9, askSize: Decimal9
  ) {
    self.symbol = symbol
    self.timestamp = timestamp
    self.bidPrice = bidPrice
    self.bidSize = bidSize
    self.askPrice = askPrice
    self.askSize = askSize
  }
}
