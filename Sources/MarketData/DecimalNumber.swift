// A scanned decimal number, before it is decided what it becomes.

/// `mantissa * 10^exponent`, negated if so marked.
struct DecimalNumber {
  var mantissa: UInt64 = 0
  var exponent = 0
  var isNegative = false
  /// False where the text has more digits than a UInt64 holds, so that the mantissa lacks some.
  var isExact = true

  /// 10^0 to 10^19, the powers that a UInt64 holds.
  static let powersOfTen: [UInt64] = [
    1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
    10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000,
    1_000_000_000_000_000, 10_000_000_000_000_000, 100_000_000_000_000_000,
    1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
  ]

  /// The magnitude times `10^shift`, where that is a whole number that a UInt64 holds.
  @inline(__always)
  func scaled(by shift: Int) -> UInt64? {
    guard isExact else { return nil }
    if mantissa == 0 { return 0 }
    let power = exponent + shift
    if power == 0 { return mantissa }
    if power > 0 {
      guard power <= 19 else { return nil }
      let (product, tooLarge) = mantissa.multipliedReportingOverflow(
        by: DecimalNumber.powersOfTen[power])
      return tooLarge ? nil : product
    }
    // Below 10^-19 nothing of a mantissa under 10^20 is whole.
    guard power >= -19 else { return nil }
    let (quotient, rest) = mantissa.quotientAndRemainder(
      dividingBy: DecimalNumber.powersOfTen[-power])
    return rest == 0 ? quotient : nil
  }
}
