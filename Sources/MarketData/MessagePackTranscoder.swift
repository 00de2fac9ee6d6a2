// One value's JSON to MessagePack, in one pass and without a tree: what a client of the binary
// stream gets is derived here, once per message, loop and depth.
//
// The mapping is by key, because JSON has one kind of number and MessagePack two: prices are
// float64, other numbers integers where they are whole (`10`, `10.0`) and float64 where not; `t` is
// the timestamp extension, and so is `since` where it is a string. A key that is a price in one
// message and a text in another (`c`, `o`, `u`, `d`) is decided by the value. Unknown keys pass by
// the same rules. A map's header is written last, in the one byte kept for it; over 15 entries it
// grows and the map moves up by two bytes.
//
// Input may come from anybody. Refused: all that is not one JSON object of valid UTF-8, a `t` that
// is no RFC 3339 timestamp (clients lose the rest of a frame over it), and numbers beyond float64.

public enum MessagePackTranscoder {
  /// Appends the object as one MessagePack map, with at most `levels` (1 to `Depth.levelsMax`)
  /// entries of its arrays `b` and `a`.
  ///
  /// Throws `.syntax` with the place in the input; on an error nothing has been appended.
  public static func transcode(
    _ json: RawSpan, levels: Int = Depth.levelsMax, into writer: inout ByteWriter
  ) throws(MarketDataError) {
    try json.withUnsafeBytes { (bytes) throws(MarketDataError) in
      try transcode(bytes, levels: levels, into: &writer)
    }
  }

  /// As `transcode` of a span.
  public static func transcode(
    _ json: UnsafeRawBufferPointer, levels: Int = Depth.levelsMax, into writer: inout ByteWriter
  ) throws(MarketDataError) {
    precondition(levels >= 1 && levels <= Depth.levelsMax)
    let start = writer.count
    do throws(MarketDataError) {
      var pass = Pass(scanner: ByteScanner(json), levels: levels)
      guard json.count <= MarketDataLimits.valueBytesMax else {
        throw pass.scanner.failure(.valueTooLarge)
      }
      // Values shrink, as a rule; only a one-digit price grows (`"p":1,` is 6 bytes and becomes
      // 11).
      writer.reserve(json.count)
      pass.scanner.skipSpace()
      guard pass.scanner.peek() == UInt8(ascii: "{") else { throw pass.scanner.unexpected() }
      try pass.map(nesting: 0, into: &writer)
      try pass.scanner.expectEnd()
    } catch {
      writer.truncate(to: start)
      throw error
    }
  }
}

/// What a key says about its value.
private enum KeyMeaning {
  case plain, price, timestamp, since, side

  @inline(__always)
  init(_ key: UnsafeRawBufferPointer, isTop: Bool) {
    switch key.count {
    case 1: self = KeyMeaning.ofLetter(key[0], isTop)
    case 2:
      switch UInt16(key[0]) << 8 | UInt16(key[1]) {
      case 0x6270, 0x6170, 0x7677, 0x6F70, 0x6370: self = .price  // bp ap vw op cp
      default: self = .plain
      }
    case 5:
      let since: StaticString = "since"
      let equal = key.elementsEqual(UnsafeBufferPointer(start: since.utf8Start, count: 5))
      self = equal && isTop ? .since : .plain
    default: self = .plain
    }
  }

  @inline(__always)
  static func ofLetter(_ letter: UInt8, _ isTop: Bool) -> KeyMeaning {
    switch letter {
    case UInt8(ascii: "p"), UInt8(ascii: "o"), UInt8(ascii: "h"), UInt8(ascii: "l"),
      UInt8(ascii: "c"), UInt8(ascii: "u"), UInt8(ascii: "d"):
      .price
    case UInt8(ascii: "t"): isTop ? .timestamp : .plain
    case UInt8(ascii: "a"), UInt8(ascii: "b"): isTop ? .side : .plain
    default: .plain
    }
  }
}

/// One pass over one value.
private struct Pass {
  var scanner: ByteScanner
  let levels: Int

  /// Takes an object; the next byte is its `{`.
  mutating func map(nesting: Int, into writer: inout ByteWriter) throws(MarketDataError) {
    let header = writer.count
    writer.append(0x80)
    guard try scanner.beginNested("}", nesting) else { return }
    var entries = 0
    repeat {
      let key = try scanner.scanString()
      let meaning = self.key(key, isTop: nesting == 0, &writer)
      try scanner.expect(UInt8(ascii: ":"))
      try value(meaning, nesting: nesting + 1, into: &writer)
      entries += 1
    } while try scanner.takeComma(orEnd: UInt8(ascii: "}"))
    Pass.close(header, entries, fixed: 0x80, wide: 0xDE, &writer)
  }

  /// Packs a key and says what it means. The decoded key is what the client will see, so it is what
  /// counts.
  @inline(__always)
  private func key(
    _ key: ByteScanner.Text, isTop: Bool, _ writer: inout ByteWriter
  ) -> KeyMeaning {
    let bytes = scanner.bytes(key.range)
    if bytes.count == 1 {
      writer.append(bigEndian: 0xA100 | UInt16(bytes[0]))
      return KeyMeaning.ofLetter(bytes[0], isTop)
    }
    writer.packStringHeader(count: key.decodedCount)
    scanner.appendDecoded(key, to: &writer)
    if !key.hasEscapes { return KeyMeaning(bytes, isTop: isTop) }
    return writer.withUnsafeBytes { written in
      KeyMeaning(UnsafeRawBufferPointer(rebasing: written.suffix(key.decodedCount)), isTop: isTop)
    }
  }

  private mutating func value(
    _ meaning: KeyMeaning, nesting: Int, into writer: inout ByteWriter
  ) throws(MarketDataError) {
    scanner.skipSpace()
    let first = scanner.peek()
    if meaning == .timestamp || (meaning == .since && first == UInt8(ascii: "\"")) {
      return try timestamp(&writer)
    }
    switch first {
    case UInt8(ascii: "\""): try string(&writer)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      try number(isPrice: meaning == .price, &writer)
    case UInt8(ascii: "{"): try map(nesting: nesting, into: &writer)
    case UInt8(ascii: "["):
      try array(isSide: meaning == .side, nesting: nesting, into: &writer)
    case UInt8(ascii: "t"):
      try scanner.expectLiteral("true")
      writer.packBool(true)
    case UInt8(ascii: "f"):
      try scanner.expectLiteral("false")
      writer.packBool(false)
    case UInt8(ascii: "n"):
      try scanner.expectLiteral("null")
      writer.packNil()
    default: throw scanner.unexpected()
    }
  }

  /// Takes an array; the next byte is its `[`.
  private mutating func array(
    isSide: Bool, nesting: Int, into writer: inout ByteWriter
  ) throws(MarketDataError) {
    let kept = isSide ? levels : Int.max
    let header = writer.count
    writer.append(0x90)
    guard try scanner.beginNested("]", nesting) else { return }
    var elements = 0
    repeat {
      let keeps = elements < kept
      if isSide, let level = scanner.takeLevel() {
        if keeps { Pass.level(level.price, level.size, into: &writer) }
      } else if keeps {
        try value(.plain, nesting: nesting + 1, into: &writer)
      } else {
        try scanner.skipValue(nesting: nesting + 1)
      }
      if keeps { elements += 1 }
    } while try scanner.takeComma(orEnd: UInt8(ascii: "]"))
    Pass.close(header, elements, fixed: 0x90, wide: 0xDC, &writer)
  }

  /// Packs `{"p":1,"s":2}`. A short number always rounds without its text.
  @inline(__always)
  private static func level(
    _ price: DecimalNumber, _ size: DecimalNumber, into writer: inout ByteWriter
  ) {
    writer.append(bigEndian: 0x82A1_70CB as UInt32)
    writer.append(bigEndian: Float64Rounding.round(price)!.bitPattern)
    writer.append(bigEndian: 0xA173 as UInt16)
    if packWhole(size, into: &writer) { return }
    writer.packFloat64(Float64Rounding.round(size)!)
  }

  /// Packs a number as an integer where it is one that MessagePack holds.
  @inline(__always)
  private static func packWhole(_ number: DecimalNumber, into writer: inout ByteWriter) -> Bool {
    guard let magnitude = number.scaled(by: 0) else { return false }
    if !number.isNegative {
      writer.packUnsigned(magnitude)
      return true
    }
    guard magnitude <= Int64.min.magnitude else { return false }
    writer.packInteger(Int64(truncatingIfNeeded: 0 &- magnitude))
    return true
  }

  /// Writes the header of a map or array whose entries are known now. They are at most half of
  /// `MarketDataLimits.valueBytesMax`, so 16 bits hold them.
  @inline(__always)
  private static func close(
    _ header: Int, _ entries: Int, fixed: UInt8, wide: UInt8, _ writer: inout ByteWriter
  ) {
    if entries < 16 {
      writer.replaceByte(at: header, with: fixed | UInt8(truncatingIfNeeded: entries))
      return
    }
    writer.insertHole(at: header + 1, length: 2)
    writer.replaceByte(at: header, with: wide)
    writer.replaceByte(at: header + 1, with: UInt8(entries >> 8))
    writer.replaceByte(at: header + 2, with: UInt8(entries & 0xFF))
  }

  @inline(__always)
  private mutating func string(_ writer: inout ByteWriter) throws(MarketDataError) {
    let text = try scanner.scanString()
    writer.packStringHeader(count: text.decodedCount)
    scanner.appendDecoded(text, to: &writer)
  }

  @inline(__always)
  private mutating func timestamp(_ writer: inout ByteWriter) throws(MarketDataError) {
    let start = scanner.position
    guard scanner.peek() == UInt8(ascii: "\"") else {
      throw scanner.failure(scanner.isAtEnd ? .endOfInput : .malformedTimestamp)
    }
    let text = try scanner.scanString()
    guard let timestamp = Timestamp(parsing: scanner.bytes(text.range)) else {
      throw scanner.failure(.malformedTimestamp, at: start)
    }
    writer.packTimestamp(timestamp)
  }

  @inline(__always)
  private mutating func number(
    isPrice: Bool, _ writer: inout ByteWriter
  ) throws(MarketDataError) {
    let start = scanner.position
    let number = try scanner.scanNumber()
    if !isPrice, Pass.packWhole(number, into: &writer) { return }
    if let value = Float64Rounding.round(number) { return writer.packFloat64(value) }
    guard let value = Float64Rounding.round(text: scanner.bytes(start..<scanner.position)) else {
      throw scanner.failure(.numberOutOfRange, at: start)
    }
    writer.packFloat64(value)
  }
}
