/// What this target refuses. Every case comes from outside input; none is a programmer's error.
public enum MarketDataError: Error, Hashable, Sendable {
  /// Not `[A-Z0-9._/-]{1,32}`.
  case symbolMalformed
  /// The table holds `MarketDataLimits.symbolsMax` symbols.
  case symbolsFull
  /// Empty, longer than `MarketDataLimits.codeBytesMax`, or not UTF-8.
  case codeMalformed
  /// The table holds `MarketDataLimits.codesMax` codes.
  case codesFull
  /// Bytes that are not what they should be: where (0 is the first byte), and why.
  case syntax(offset: Int, fault: SyntaxFault)
}

/// Why bytes were refused by a scanner or reader.
public enum SyntaxFault: String, Hashable, Sendable {
  case endOfInput = "the input ends too early"
  case unexpectedByte = "an unexpected byte"
  case trailingBytes = "bytes after the end of the value"
  case malformedNumber = "a malformed number"
  case numberOutOfRange = "a number out of range"
  case controlCharacter = "a control character in a string"
  case malformedEscape = "a malformed escape in a string"
  case malformedUTF8 = "a string that is not UTF-8"
  case malformedTimestamp = "a malformed timestamp"
  case missingField = "a required field is missing"
  case nestingTooDeep = "nested too deeply"
  case valueTooLarge = "larger than the limit"
}

extension MarketDataError: CustomStringConvertible {
  /// Safe to show: it quotes none of the input.
  public var description: String {
    switch self {
    case .symbolMalformed: "a symbol is not [A-Z0-9._/-]{1,32}"
    case .symbolsFull: "more than \(MarketDataLimits.symbolsMax) symbols"
    case .codeMalformed:
      "a code is empty, over \(MarketDataLimits.codeBytesMax) bytes or not UTF-8"
    case .codesFull: "more than \(MarketDataLimits.codesMax) codes"
    case .syntax(let offset, let fault): "\(fault.rawValue) at offset \(offset)"
    }
  }
}
