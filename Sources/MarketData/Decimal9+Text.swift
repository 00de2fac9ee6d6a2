// Decimal9 to and from decimal text, exactly: no Double on the way in either direction.

extension Decimal9 {
  /// Reads a number by JSON's grammar (`-12.5`, `0.00000001`, `1.5e3`), which is all of `bytes`.
  ///
  /// Nil when it is no such number, when it is not a whole multiple of 1e-9 (trailing zeros do not
  /// matter, however many), or when it is out of range. It never rounds.
  public init?(parsing bytes: RawSpan) {
    guard let value = bytes.withUnsafeBytes({ Decimal9(parsing: $0) }) else { return nil }
    self = value
  }

  /// As `init(parsing:)` of a span.
  public init?(parsing bytes: UnsafeRawBufferPointer) {
    var scanner = ByteScanner(bytes)
    guard let number = try? scanner.scanNumber(), scanner.isAtEnd else { return nil }
    self.init(number)
  }

  /// As `init(parsing:)` of a span, for settings and tests.
  public init?(parsing text: String) {
    var text = text
    guard let value = text.withUTF8({ Decimal9(parsing: UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    self = value
  }

  /// Nil where the number is not a whole multiple of 1e-9 or is out of range.
  init?(_ number: DecimalNumber) {
    guard number.isExact else { return nil }
    guard let magnitude = number.scaled(by: 9) else { return nil }
    if number.isNegative {
      guard magnitude <= Int64.min.magnitude else { return nil }
      self.init(nanos: Int64(truncatingIfNeeded: 0 &- magnitude))
    } else {
      guard let nanos = Int64(exactly: magnitude) else { return nil }
      self.init(nanos: nanos)
    }
  }
}

extension ByteWriter {
  /// Appends the shortest exact form: `189.97`, `100`, `-0.000000001`.
  @inline(__always)
  public mutating func append(_ value: Decimal9) {
    // Sign, 10 digits, point, 9 digits.
    appendUpTo(21) { place in
      var at = 0
      if value.nanos < 0 {
        place.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self)
        at = 1
      }
      let (whole, fraction) = value.nanos.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
      at += DecimalDigits.store(whole, at: place + at)
      if fraction == 0 { return at }
      place.storeBytes(of: UInt8(ascii: "."), toByteOffset: at, as: UInt8.self)
      at += 1
      // Most prices are in cents or hundredths of them, where one or two pairs are enough.
      if fraction % 10_000_000 == 0 {
        DecimalDigits.storePair(fraction / 10_000_000, at: place + at)
        at += 2
      } else if fraction % 100_000 == 0 {
        DecimalDigits.store(fraction / 100_000, count: 4, at: place + at)
        at += 4
      } else {
        DecimalDigits.store(fraction, count: 9, at: place + at)
        at += 9
      }
      while place.load(fromByteOffset: at - 1, as: UInt8.self) == UInt8(ascii: "0") { at -= 1 }
      return at
    }
  }
}

extension Decimal9: CustomStringConvertible {
  public var description: String {
    var writer = ByteWriter(capacity: 21)
    writer.append(self)
    return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
