// Decimals to text and back, digit for digit. The text is what JSON carries and what PostgreSQL prints
// and reads: no exponent, no leading plus, no bare point.
import MarketData

extension ExactDecimal {
  /// From `-?[0-9]+(\.[0-9]+)?`. Nil for anything else (NaN and infinities too), and for what has more
  /// than `scaleMax` digits behind the point that matter or does not fit 127 bits.
  init?(_ text: some StringProtocol) {
    var units: Int128 = 0
    var digits = 0
    var scale: Int?
    // Zeros behind the point count only when another digit follows.
    var zeros = 0
    var bytes = Substring(text).utf8[...]
    let isNegative = bytes.first == UInt8(ascii: "-")
    if isNegative { bytes = bytes.dropFirst() }
    for byte in bytes {
      if byte == UInt8(ascii: "."), scale == nil, digits > 0 {
        scale = 0
        digits = 0
        continue
      }
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      digits += 1
      if scale != nil, byte == UInt8(ascii: "0") {
        zeros += 1
        continue
      }
      let places = scale == nil ? 1 : zeros + 1
      for _ in 0..<places {
        // A zero stays one, however far the point is.
        if units == 0 { break }
        let (next, over) = units.multipliedReportingOverflow(by: 10)
        guard !over else { return nil }
        units = next
      }
      let digit = Int128(byte - UInt8(ascii: "0"))
      let (next, over) =
        isNegative
        ? units.subtractingReportingOverflow(digit) : units.addingReportingOverflow(digit)
      guard !over else { return nil }
      units = next
      if scale != nil {
        scale! += places
        zeros = 0
        guard scale! <= ExactDecimal.scaleMax else { return nil }
      }
    }
    guard digits > 0 else { return nil }
    self.init(units: units, scale: scale ?? 0)
  }

  init(_ decimal: Decimal9) {
    // 9 is a scale that it takes.
    self.init(units: Int128(decimal.nanos), scale: 9)!
  }
}

extension ExactDecimal: CustomStringConvertible {
  /// The shortest text of the number: `1900`, `-0.05`.
  var description: String {
    let digits = String(units.magnitude)
    let sign = isNegative ? "-" : ""
    if scale == 0 { return sign + digits }
    let padding = String(repeating: "0", count: max(0, scale + 1 - digits.count))
    let padded = padding + digits
    return sign + padded.dropLast(scale) + "." + padded.suffix(scale)
  }
}
