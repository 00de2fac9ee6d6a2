// Money, quantities and prices as the database's numeric holds them: an integer of 127 bits and how
// many of its digits stand behind the point. Nothing rounds but `divided` and `rounded`, which are told
// how; nothing wraps or traps: what does not fit is thrown.
//
// One value has one representation (no trailing zeros behind the point), so equality and hashing are
// those of the numbers. The database's bounds (m0001) keep quantity x price and sums of amounts far
// inside the range.

struct ExactDecimal: Hashable, Sendable {
  /// The digits, with the sign.
  let units: Int128
  /// How many of them are behind the point, 0 to `scaleMax`.
  let scale: Int

  /// 36: a product of two amounts of scale 18.
  static let scaleMax = 36

  static let zero = ExactDecimal(normalizing: 0, scale: 0)
  static let one = ExactDecimal(normalizing: 1, scale: 0)

  private init(normalizing units: Int128, scale: Int) {
    var units = units
    var scale = scale
    while scale > 0, units % 10 == 0 {
      units /= 10
      scale -= 1
    }
    self.units = units
    self.scale = scale
  }

  init(_ integer: Int64) { self.init(normalizing: Int128(integer), scale: 0) }

  /// `units` / 10^`scale`; nil where the scale is outside 0...`scaleMax`.
  init?(units: Int128, scale: Int) {
    guard (0...ExactDecimal.scaleMax).contains(scale) else { return nil }
    self.init(normalizing: units, scale: scale)
  }

  var isZero: Bool { units == 0 }
  var isNegative: Bool { units < 0 }

  enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Beyond 127 bits, or more than `scaleMax` digits behind the point.
    case overflow
    case divisionByZero

    var description: String {
      switch self {
      case .overflow: "a decimal beyond 127 bits"
      case .divisionByZero: "a division by zero"
      }
    }
  }

  enum Rounding: Hashable, Sendable, CaseIterable {
    case towardZero
    /// What PostgreSQL's round(numeric, n) does.
    case halfAwayFromZero
    case halfEven
  }
}

// MARK: - Arithmetic

extension ExactDecimal {
  static func + (a: ExactDecimal, b: ExactDecimal) throws(Failure) -> ExactDecimal {
    let scale = max(a.scale, b.scale)
    let (sum, over) = try a.units(at: scale).addingReportingOverflow(try b.units(at: scale))
    guard !over else { throw .overflow }
    return ExactDecimal(normalizing: sum, scale: scale)
  }

  static func - (a: ExactDecimal, b: ExactDecimal) throws(Failure) -> ExactDecimal {
    let scale = max(a.scale, b.scale)
    let (rest, over) = try a.units(at: scale).subtractingReportingOverflow(try b.units(at: scale))
    guard !over else { throw .overflow }
    return ExactDecimal(normalizing: rest, scale: scale)
  }

  static func * (a: ExactDecimal, b: ExactDecimal) throws(Failure) -> ExactDecimal {
    let (product, over) = a.units.multipliedReportingOverflow(by: b.units)
    guard !over else { throw .overflow }
    let result = ExactDecimal(normalizing: product, scale: a.scale + b.scale)
    guard result.scale <= scaleMax else { throw .overflow }
    return result
  }

  func negated() throws(Failure) -> ExactDecimal { try .zero - self }

  func magnitude() throws(Failure) -> ExactDecimal { isNegative ? try negated() : self }

  /// The quotient with at most `digits` digits behind the point.
  func divided(
    by divisor: ExactDecimal, digits: Int, _ rounding: Rounding = .halfAwayFromZero
  ) throws(Failure) -> ExactDecimal {
    precondition((0...ExactDecimal.scaleMax).contains(digits))
    guard !divisor.isZero else { throw .divisionByZero }
    if isZero { return .zero }
    // a / 10^s : b / 10^t in units of 10^-digits is a * 10^(digits - s + t) : b.
    let exponent = digits - scale + divisor.scale
    var below = divisor.units.magnitude
    let quotient: UInt128
    let remainder: UInt128
    if exponent >= 0 {
      guard let power = ExactDecimal.power(exponent) else { throw .overflow }
      let above = units.magnitude.multipliedFullWidth(by: power)
      guard above.high < below else { throw .overflow }
      (quotient, remainder) = below.dividingFullWidth(above)
    } else {
      // Where the divisor leaves 128 bits, it is over twice the dividend: the quotient rounds to 0.
      guard let power = ExactDecimal.power(-exponent) else { return .zero }
      let (scaled, over) = below.multipliedReportingOverflow(by: power)
      guard !over else { return .zero }
      below = scaled
      (quotient, remainder) = units.magnitude.quotientAndRemainder(dividingBy: below)
    }
    let goesUp: Bool
    switch rounding {
    case .towardZero: goesUp = false
    case .halfAwayFromZero: goesUp = remainder >= below - remainder
    case .halfEven:
      goesUp =
        remainder > below - remainder || (remainder == below - remainder && quotient % 2 == 1)
    }
    // Never all ones when it goes up: a quotient that large is refused by the next line anyway.
    let (magnitude, over) = quotient.addingReportingOverflow(goesUp ? 1 : 0)
    guard !over, magnitude <= Int128.max.magnitude else { throw .overflow }
    let signed = isNegative == divisor.isNegative ? Int128(magnitude) : -Int128(magnitude)
    return ExactDecimal(normalizing: signed, scale: digits)
  }

  /// At most `digits` digits behind the point.
  func rounded(
    to digits: Int, _ rounding: Rounding = .halfAwayFromZero
  ) throws(Failure) -> ExactDecimal {
    scale <= digits ? self : try divided(by: .one, digits: digits, rounding)
  }

  /// The digits as if `scale` of them were behind the point; it is never below the own scale.
  private func units(at scale: Int) throws(Failure) -> Int128 {
    guard let power = ExactDecimal.power(scale - self.scale) else { throw .overflow }
    let (scaled, over) = units.multipliedReportingOverflow(by: Int128(power))
    guard !over else { throw .overflow }
    return scaled
  }

  /// 10^`exponent`, which fits 127 bits up to 38.
  private static func power(_ exponent: Int) -> UInt128? {
    guard exponent <= 38 else { return nil }
    return (0..<exponent).reduce(into: UInt128(1)) { power, _ in power *= 10 }
  }
}

extension ExactDecimal: Comparable {
  static func < (a: ExactDecimal, b: ExactDecimal) -> Bool {
    let scale = max(a.scale, b.scale)
    // Who does not fit at the finer scale is farther from zero than who does. Only one of the two is
    // scaled at all, so they cannot both fail.
    guard let left = try? a.units(at: scale) else { return a.isNegative }
    guard let right = try? b.units(at: scale) else { return !b.isNegative }
    return left < right
  }
}

extension Sequence where Element == ExactDecimal {
  func sum() throws(ExactDecimal.Failure) -> ExactDecimal {
    var total = ExactDecimal.zero
    for value in self { total = try total + value }
    return total
  }
}
