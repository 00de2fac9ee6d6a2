/// An exact decimal number in units of 1e-9 that many of `Decimal9` add up to: volumes.
///
/// 128 bits hold 1.8e19 of the largest `Decimal9`, so a sum of fewer cannot overflow.
public struct WideDecimal9: Hashable, Sendable, Comparable {
  /// The value times 1,000,000,000.
  public var nanos: Int128

  public init(nanos: Int128) { self.nanos = nanos }

  public init(_ value: Decimal9) { nanos = Int128(value.nanos) }

  public static let zero = WideDecimal9(nanos: 0)

  public static func < (a: WideDecimal9, b: WideDecimal9) -> Bool { a.nanos < b.nanos }

  public static func += (sum: inout WideDecimal9, value: Decimal9) {
    sum.nanos += Int128(value.nanos)
  }

  public static func += (sum: inout WideDecimal9, value: WideDecimal9) {
    sum.nanos += value.nanos
  }
}

extension WideDecimal9 {
  /// Reads a number by JSON's grammar, which is all of `bytes`.
  ///
  /// Nil when it is no such number, when it is not a whole multiple of 1e-9, or when it is out of
  /// range. It never rounds. An exponent is taken only with up to 19 digits.
  public init?(parsing bytes: UnsafeRawBufferPointer) {
    var scanner = ByteScanner(bytes)
    guard let number = try? scanner.scanNumber(), scanner.isAtEnd else { return nil }
    if let value = Decimal9(number) {
      self.init(value)
      return
    }
    var magnitude: UInt128 = 0
    var fractionDigits = 0
    var pointSeen = false
    for byte in bytes.dropFirst(number.isNegative ? 1 : 0) {
      switch byte {
      case UInt8(ascii: "."): pointSeen = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        // Zeros beyond the ninth digit say nothing.
        if fractionDigits == 9 {
          guard byte == UInt8(ascii: "0") else { return nil }
          continue
        }
        let (shifted, isLarge) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, isLarger) = shifted.addingReportingOverflow(UInt128(byte - UInt8(ascii: "0")))
        guard !isLarge, !isLarger else { return nil }
        magnitude = sum
        if pointSeen { fractionDigits += 1 }
      default: return nil  // an exponent of a long number
      }
    }
    let scale = UInt128(DecimalNumber.powersOfTen[9 - fractionDigits])
    let (scaled, isLarge) = magnitude.multipliedReportingOverflow(by: scale)
    guard !isLarge, let value = Int128(exactly: scaled) else { return nil }
    self.init(nanos: number.isNegative ? -value : value)
  }

  /// As `init(parsing:)` of bytes, for settings and tests.
  public init?(parsing text: String) {
    var text = text
    guard let value = text.withUTF8({ WideDecimal9(parsing: UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    self = value
  }
}

extension ByteWriter {
  /// Appends the shortest exact form: `189.97`, `100`, `-0.000000001`.
  public mutating func append(_ value: WideDecimal9) {
    if let narrow = Int64(exactly: value.nanos) { return append(Decimal9(nanos: narrow)) }
    if value.nanos < 0 { append(UInt8(ascii: "-")) }
    let (whole, fraction) = value.nanos.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
    appendDecimal(whole)
    if fraction == 0 { return }
    append(UInt8(ascii: "."))
    var digits = Array("\(fraction)".utf8)
    digits.insert(contentsOf: repeatElement(UInt8(ascii: "0"), count: 9 - digits.count), at: 0)
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    for digit in digits { append(digit) }
  }

  /// Appends the integer in decimal. Halves that a UInt64 holds: 10^19 is the largest power of ten
  /// there.
  private mutating func appendDecimal(_ value: UInt128) {
    if let narrow = UInt64(exactly: value) { return appendDecimal(narrow) }
    let power: UInt128 = 10_000_000_000_000_000_000
    let (high, low) = value.quotientAndRemainder(dividingBy: power)
    appendDecimal(high)
    let digits = "\(low)"
    for _ in digits.utf8.count..<19 { append(UInt8(ascii: "0")) }
    append(text: digits)
  }
}

extension WideDecimal9: CustomStringConvertible {
  public var description: String {
    var writer = ByteWriter(capacity: 48)
    writer.append(self)
    return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
