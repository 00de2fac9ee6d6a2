/// A trade that never was: broken or cancelled after it was reported. An event.
public struct TradeCancel: Hashable, Sendable {
  public var symbol: SymbolID
  public var timestamp: Timestamp
  /// The cancelled trade's price and size.
  public var price: Decimal9
  public var size: Decimal9
  /// The cancelled trade's id (`"i"`).
  public var id: Int64?
  /// `"x"`, a string; clients take none without it.
  public var exchange: CodeID = .absent
  /// `"a"`, a string: `C` cancelled, `E` in error.
  public var action: CodeID = .absent
  /// `"z"`, a string.
  public var tape: CodeID = .absent

  public init(
    symbol: SymbolID, timestamp: Timestamp, price: Decimal9, size: Decimal9, id: Int64? = nil
  ) {
    self.symbol = symbol
    self.timestamp = timestamp
    self.price = price
    self.size = size
    self.id = id
  }
}
