/// One last sale. An event: never conflated.
public struct Trade: Hashable, Sendable {
  public enum TakerSide: UInt8, Sendable {
    case unknown, buy, sell
  }

  public var symbol: SymbolID
  public var timestamp: Timestamp
  public var price: Decimal9
  public var size: Decimal9
  /// The exchange's trade id (`"i"`), when it has one.
  public var id: Int64?
  /// `"x"`, a string.
  public var exchange: CodeID = .absent
  /// `"c"`: the interned text is the JSON value itself, an array of strings, kept byte for byte.
  public var conditions: CodeID = .absent
  /// `"z"`, a string.
  public var tape: CodeID = .absent
  /// `"tks"`, crypto only: `"B"` or `"S"`.
  public var takerSide: TakerSide = .unknown

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
