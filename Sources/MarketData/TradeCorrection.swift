/// A trade that was reported wrongly, as it was and as it should have been. An event.
public struct TradeCorrection: Hashable, Sendable {
  /// One version of the trade.
  public struct Version: Hashable, Sendable {
    public var id: Int64?
    public var price: Decimal9
    public var size: Decimal9
    /// The JSON value itself, as in `Trade.conditions`; `.absent` is written as `[]`.
    public var conditions: CodeID = .absent

    public init(id: Int64? = nil, price: Decimal9, size: Decimal9) {
      self.id = id
      self.price = price
      self.size = size
    }
  }

  public var symbol: SymbolID
  public var timestamp: Timestamp
  /// `"oi" "op" "os" "oc"`.
  public var original: Version
  /// `"ci" "cp" "cs" "cc"`.
  public var corrected: Version
  /// `"x"`, a string; clients take none without it.
  public var exchange: CodeID = .absent
  /// `"z"`, a string.
  public var tape: CodeID = .absent

  public init(
    symbol: SymbolID, timestamp: Timestamp, original: Version, corrected: Version
  ) {
    self.symbol = symbol
    self.timestamp = timestamp
    self.original = original
    self.corrected = corrected
  }
}
