extension WireJSON {
  /// Checks that the bytes are one JSON object and nothing else, in valid UTF-8: such a value can
  /// be put into a client's frame without spoiling it.
  ///
  /// Throws `.syntax` where they are not, or where they exceed `MarketDataLimits.valueBytesMax` or
  /// `valueNestingMax`.
  public static func check(_ json: RawSpan) throws(MarketDataError) {
    try json.withUnsafeBytes { (bytes) throws(MarketDataError) in try check(bytes) }
  }

  /// As `check` of a span.
  public static func check(_ json: UnsafeRawBufferPointer) throws(MarketDataError) {
    var scanner = ByteScanner(json)
    guard json.count <= MarketDataLimits.valueBytesMax else {
      throw scanner.failure(.valueTooLarge)
    }
    scanner.skipSpace()
    guard scanner.peek() == UInt8(ascii: "{") else { throw scanner.unexpected() }
    try scanner.skipValue(nesting: 0)
    try scanner.expectEnd()
  }
}
