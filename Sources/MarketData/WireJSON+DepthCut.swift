extension WireJSON {
  /// Copies a value, leaving at most `levels` (1 to `Depth.levelsMax`) entries of its arrays `b`
  /// and `a`. Every other byte stays as it is, so a value without such arrays is copied verbatim.
  ///
  /// The whole value is checked as `check` does; on an error nothing has been appended.
  public static func cutDepth(
    _ json: RawSpan, levels: Int, into writer: inout ByteWriter
  ) throws(MarketDataError) {
    try json.withUnsafeBytes { (bytes) throws(MarketDataError) in
      try cutDepth(bytes, levels: levels, into: &writer)
    }
  }

  /// As `cutDepth` of a span.
  public static func cutDepth(
    _ json: UnsafeRawBufferPointer, levels: Int, into writer: inout ByteWriter
  ) throws(MarketDataError) {
    precondition(levels >= 1 && levels <= Depth.levelsMax)
    let start = writer.count
    do throws(MarketDataError) {
      try copyCut(json, levels, &writer)
    } catch {
      writer.truncate(to: start)
      throw error
    }
  }

  private static func copyCut(
    _ json: UnsafeRawBufferPointer, _ levels: Int, _ writer: inout ByteWriter
  ) throws(MarketDataError) {
    var scanner = ByteScanner(json)
    guard json.count <= MarketDataLimits.valueBytesMax else {
      throw scanner.failure(.valueTooLarge)
    }
    writer.reserve(json.count)
    var copied = 0
    scanner.skipSpace()
    guard scanner.peek() == UInt8(ascii: "{") else { throw scanner.unexpected() }
    if try scanner.beginNested("}", 0) {
      repeat {
        let key = try scanner.scanString()
        try scanner.expect(UInt8(ascii: ":"))
        scanner.skipSpace()
        let letter = scanner.keyLetter(key)
        let isSide = letter == UInt8(ascii: "b") || letter == UInt8(ascii: "a")
        if isSide, scanner.peek() == UInt8(ascii: "[") {
          if let dropped = try skipArray(&scanner, keeping: levels) {
            writer.append(scanner.bytes(copied..<dropped.lowerBound))
            copied = dropped.upperBound
          }
        } else {
          try scanner.skipValue(nesting: 1)
        }
      } while try scanner.takeComma(orEnd: UInt8(ascii: "}"))
    }
    try scanner.expectEnd()
    writer.append(scanner.bytes(copied..<json.count))
  }

  /// Takes an array and gives the bytes behind its first `kept` elements, up to its `]`.
  private static func skipArray(
    _ scanner: inout ByteScanner, keeping kept: Int
  ) throws(MarketDataError) -> Range<Int>? {
    guard try scanner.beginNested("]", 1) else { return nil }
    var elements = 0
    var keptEnd = 0
    repeat {
      if scanner.takeLevel() == nil { try scanner.skipValue(nesting: 2) }
      elements += 1
      if elements == kept { keptEnd = scanner.position }
    } while try scanner.takeComma(orEnd: UInt8(ascii: "]"))
    return elements > kept ? keptEnd..<scanner.position - 1 : nil
  }
}
