// The one place where a decimal becomes a float64: MessagePack has no decimal type. Correctly
// rounded (to nearest, ties to even), so that a client's `189.97` is the very double its own parser
// makes.
//
// Three ways, all exact until a single rounding: (1) mantissa up to 2^53 and power up to 10^22 are
// both doubles, and IEEE division and multiplication round once (Clinger 1990); (2) up to 10^19
// either way, integer arithmetic in 128 bits, with what is cut off kept as a sticky last bit; (3)
// the rest, which no feed sends, goes through the standard library's parser.

enum Float64Rounding {
  /// 10^0 to 10^22: the powers of ten that are doubles.
  private static let exactPowers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// The double nearest to the number, or nil where that takes the number's text.
  @inline(__always)
  static func round(_ number: DecimalNumber) -> Double? {
    guard number.isExact else { return nil }
    let (mantissa, exponent) = (number.mantissa, number.exponent)
    let magnitude: Double
    if mantissa == 0 {
      magnitude = 0
    } else if mantissa <= 1 << 53, exponent >= -22, exponent <= 22 {
      let exact = Double(mantissa)
      magnitude = exponent < 0 ? exact / exactPowers[-exponent] : exact * exactPowers[exponent]
    } else if exponent >= -19, exponent <= 19 {
      magnitude = exponent < 0 ? divide(mantissa, -exponent) : multiply(mantissa, exponent)
    } else {
      return nil
    }
    return number.isNegative ? -magnitude : magnitude
  }

  /// The double nearest to a scanned number's text, or nil where it is beyond the largest double.
  static func round(text: UnsafeRawBufferPointer) -> Double? {
    guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite else {
      return nil
    }
    return value
  }

  /// `mantissa / 10^power`, mantissa not 0. Both are shifted until their highest bit is set; the
  /// quotient then has 63 or 64 bits, ten more than a double keeps, and the remainder is its sticky
  /// bit.
  @inline(never)
  private static func divide(_ mantissa: UInt64, _ power: Int) -> Double {
    let divisor = DecimalNumber.powersOfTen[power]
    let (up, down) = (mantissa.leadingZeroBitCount, divisor.leadingZeroBitCount)
    let dividend = mantissa << UInt64(up)
    let (quotient, rest) = (divisor << UInt64(down)).dividingFullWidth(
      (dividend >> 1, dividend << 63))
    return Double(rest == 0 ? quotient : quotient | 1) * powerOfTwo(down - up - 63)
  }

  @inline(never)
  private static func multiply(_ mantissa: UInt64, _ power: Int) -> Double {
    let product = mantissa.multipliedFullWidth(by: DecimalNumber.powersOfTen[power])
    if product.high == 0 { return Double(product.low) }
    let up = UInt64(product.high.leadingZeroBitCount)
    // Swift's shifts by 64 give 0, which is what `up == 0` needs.
    let top = product.high << up | product.low >> (64 - up)
    let isCut = product.low << up != 0
    return Double(isCut ? top | 1 : top) * powerOfTwo(64 - Int(up))
  }

  /// A normal double for the exponents that occur here, -126 to 64.
  private static func powerOfTwo(_ exponent: Int) -> Double {
    Double(bitPattern: UInt64(exponent + 1_023) << 52)
  }
}

extension Decimal9 {
  /// The nearest float64: for an encoding that has no decimals, never for arithmetic.
  public var nearestFloat64: Double {
    let number = DecimalNumber(
      mantissa: nanos.magnitude, exponent: -9, isNegative: nanos < 0, isExact: true)
    // A UInt64 with exponent -9 is within the second way's bounds.
    return Float64Rounding.round(number)!
  }
}
