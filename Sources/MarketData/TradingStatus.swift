/// Whether a symbol may be traded: a halt, a pause, a resumption. State: a newer one replaces it.
///
/// The texts are codes of the feed's `CodeTable`; `.absent` is written as an empty string, because
/// clients take no status without all of them.
public struct TradingStatus: Hashable, Sendable {
  public var symbol: SymbolID
  public var timestamp: Timestamp
  /// `"sc"`: `H` halted, `P` paused, `Q` quotation only, `T` trading (the letters of tape C).
  public var statusCode: CodeID = .absent
  /// `"sm"`: the status in words.
  public var statusMessage: CodeID = .absent
  /// `"rc"`: the exchange's code of the reason, such as `T1` or `LUDP`.
  public var reasonCode: CodeID = .absent
  /// `"rm"`: the reason in words.
  public var reasonMessage: CodeID = .absent
  /// `"z"`.
  public var tape: CodeID = .absent

  public init(symbol: SymbolID, timestamp: Timestamp) {
    self.symbol = symbol
    self.timestamp = timestamp
  }
}
