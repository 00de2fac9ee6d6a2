extension ByteScanner {
  /// Takes a whole value of any kind and checks it; `nesting` are the arrays and maps around it.
  mutating func skipValue(nesting: Int) throws(MarketDataError) {
    skipSpace()
    switch peek() {
    case UInt8(ascii: "\""): _ = try scanString()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): _ = try scanNumber()
    case UInt8(ascii: "t"): try expectLiteral("true")
    case UInt8(ascii: "f"): try expectLiteral("false")
    case UInt8(ascii: "n"): try expectLiteral("null")
    case UInt8(ascii: "{"):
      guard try beginNested("}", nesting) else { return }
      repeat {
        _ = try scanString()
        try expect(UInt8(ascii: ":"))
        try skipValue(nesting: nesting + 1)
      } while try takeComma(orEnd: UInt8(ascii: "}"))
    case UInt8(ascii: "["):
      guard try beginNested("]", nesting) else { return }
      repeat {
        try skipValue(nesting: nesting + 1)
      } while try takeComma(orEnd: UInt8(ascii: "]"))
    default: throw unexpected()
    }
  }

  /// Takes a price level as `WireJSON` writes it, `{"p":1,"s":2}`, without the detours that other
  /// forms need; takes nothing where it is another form or malformed.
  @inline(__always)
  mutating func takeLevel() -> (price: DecimalNumber, size: DecimalNumber)? {
    let start = position
    guard take("{\"p\":"), let price = takeShortNumber(),
      take(",\"s\":"), let size = takeShortNumber(), take("}")
    else {
      rewind(to: start)
      return nil
    }
    return (price, size)
  }

  /// Takes the opening byte of an array or map, and its closing one too where it is empty: then
  /// false.
  @inline(__always)
  mutating func beginNested(_ end: Unicode.Scalar, _ nesting: Int) throws(MarketDataError) -> Bool {
    guard nesting < MarketDataLimits.valueNestingMax else { throw failure(.nestingTooDeep) }
    advance()
    skipSpace()
    guard peek() == UInt8(ascii: end) else { return true }
    advance()
    return false
  }

  /// Takes a comma (true) or the closing byte (false), after any space.
  @inline(__always)
  mutating func takeComma(orEnd end: UInt8) throws(MarketDataError) -> Bool {
    skipSpace()
    let byte = peek()
    guard byte == UInt8(ascii: ",") || byte == end else { throw unexpected() }
    advance()
    return byte == UInt8(ascii: ",")
  }

  /// Nothing but space may follow.
  @inline(__always)
  mutating func expectEnd() throws(MarketDataError) {
    skipSpace()
    guard isAtEnd else { throw failure(.trailingBytes) }
  }
}
