import MarketData

/// Why a line of a tape is skipped; the reason is made to text only when it is reported.
enum LineError: Error, CustomStringConvertible {
  case json(JSONError)
  /// A field that the message must have.
  case missing(StaticString)
  /// A field whose value is of the wrong type or out of range.
  case invalid(StaticString)
  /// The symbol is malformed, or the table of symbols is full.
  case symbol(MarketDataError)
  case other(StaticString)

  var description: String {
    switch self {
    case .json(let error): "\(error)"
    case .missing(let field): "\"\(field)\" is missing"
    case .invalid(let field): "the value of \"\(field)\" is not valid"
    case .symbol(let error): "symbol: \(error)"
    case .other(let reason): "\(reason)"
    }
  }
}
