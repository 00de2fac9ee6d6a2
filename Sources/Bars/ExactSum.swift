// Sums of price times size, exactly, in units of 1e-18. One product of two Int64 takes 126 bits and
// the sign, so 192 bits hold 2^64 of the largest.
public import MarketData

public struct ExactSum: Hashable, Sendable {
  /// Two's complement: `high` times 2^128, plus `low`.
  public private(set) var low: UInt128
  public private(set) var high: Int64

  public init(high: Int64, low: UInt128) {
    self.high = high
    self.low = low
  }

  public static let zero = ExactSum(high: 0, low: 0)

  public mutating func add(_ price: Decimal9, times size: Decimal9) {
    add(Int128(price.nanos) * Int128(size.nanos))
  }

  public mutating func add(_ value: Int128) {
    let (sum, carry) = low.addingReportingOverflow(UInt128(truncatingIfNeeded: value))
    low = sum
    high += (value < 0 ? -1 : 0) + (carry ? 1 : 0)
  }

  /// A price times a volume; nil where 192 bits do not hold it.
  public init?(_ price: Decimal9, times volume: WideDecimal9) {
    let (top, bottom) = price.nanos.magnitude.multipliedWide(by: volume.nanos.magnitude)
    guard let high = Int64(exactly: top) else { return nil }
    let isNegative = (price.nanos < 0) != (volume.nanos < 0)
    self = ExactSum(high: high, low: bottom)
    if isNegative { self = negated }
  }

  public var isNegative: Bool { high < 0 }

  private var negated: ExactSum {
    let flipped = ~low
    let (low, carry) = flipped.addingReportingOverflow(1)
    return ExactSum(high: ~high &+ (carry ? 1 : 0), low: low)
  }

  private var magnitude: (high: UInt64, low: UInt128) {
    let positive = isNegative ? negated : self
    return (UInt64(bitPattern: positive.high), positive.low)
  }

  /// The sum over `volume`, rounded once to 1e-9, half away from zero. Nil where the volume is not
  /// positive or the result is no `Decimal9` (which a mean of prices always is).
  public func mean(over volume: WideDecimal9) -> Decimal9? {
    guard volume.nanos > 0 else { return nil }
    let divisor = UInt128(volume.nanos)
    let (top, bottom) = magnitude
    guard UInt128(top) < divisor else { return nil }
    var (quotient, rest) =
      top == 0
      ? bottom.quotientAndRemainder(dividingBy: divisor)
      : divisor.dividingFullWidth((UInt128(top), bottom))
    if rest >= divisor - rest { quotient += 1 }
    guard let nanos = Int64(exactly: quotient) else { return nil }
    return Decimal9(nanos: isNegative ? -nanos : nanos)
  }
}

extension ExactSum: CustomStringConvertible {
  /// The exact decimal text: `1234.5`, with up to 18 digits behind the point.
  public var description: String {
    var (top, bottom) = magnitude
    var digits: [UInt8] = []
    // 10^18 at a time: the remainder and 128 bits below it are what dividingFullWidth takes.
    let power: UInt128 = 1_000_000_000_000_000_000
    while top > 0 || bottom > 0 {
      let (highQuotient, highRest) = UInt128(top).quotientAndRemainder(dividingBy: power)
      let (lowQuotient, rest) = power.dividingFullWidth((highRest, bottom))
      top = UInt64(highQuotient)
      bottom = lowQuotient
      let group = Array(String(rest).utf8.reversed())
      digits += group + Array(repeating: UInt8(ascii: "0"), count: 18 - group.count)
    }
    digits += Array(repeating: UInt8(ascii: "0"), count: max(0, 19 - digits.count))
    while digits.count > 19, digits.last == UInt8(ascii: "0") { digits.removeLast() }
    let whole = String(decoding: digits[18...].reversed(), as: UTF8.self)
    let fraction = String(
      decoding: digits[..<18].drop { $0 == UInt8(ascii: "0") }.reversed(), as: UTF8.self)
    return (isNegative ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
  }
}

extension UInt64 {
  /// 64 times 128 bits: the upper 64 and the lower 128.
  fileprivate func multipliedWide(by other: UInt128) -> (high: UInt64, low: UInt128) {
    let lower = UInt128(self) * UInt128(UInt64(truncatingIfNeeded: other))
    let upper = UInt128(self) * (other >> 64)
    let (low, carry) = lower.addingReportingOverflow(upper << 64)
    return (UInt64(truncatingIfNeeded: upper >> 64) + (carry ? 1 : 0), low)
  }
}
