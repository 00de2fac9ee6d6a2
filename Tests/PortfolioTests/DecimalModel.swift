/// Whole numbers of any size, as decimal digits the way school does it: slow and plain.
struct DigitNumber: Comparable {
  var isNegative = false
  /// Lowest first; empty for zero.
  var digits: [Int] = []

  init(_ text: some StringProtocol) {
    isNegative = text.first == "-"
    digits = text.reversed().compactMap(\.wholeNumberValue)
    trim()
  }

  init(digits: [Int], isNegative: Bool) {
    self.digits = digits
    self.isNegative = isNegative
    trim()
  }

  private mutating func trim() {
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { isNegative = false }
  }

  var text: String {
    (isNegative ? "-" : "") + (digits.isEmpty ? "0" : digits.reversed().map(String.init).joined())
  }

  var magnitude: DigitNumber { DigitNumber(digits: digits, isNegative: false) }
  var negated: DigitNumber { DigitNumber(digits: digits, isNegative: !isNegative) }

  func shifted(_ places: Int) -> DigitNumber {
    DigitNumber(digits: Array(repeating: 0, count: places) + digits, isNegative: isNegative)
  }

  static func < (a: DigitNumber, b: DigitNumber) -> Bool {
    if a.isNegative != b.isNegative { return a.isNegative }
    let isLower =
      a.digits.count == b.digits.count
      ? a.digits.reversed().lexicographicallyPrecedes(b.digits.reversed())
      : a.digits.count < b.digits.count
    return a.isNegative ? a != b && !isLower : isLower
  }

  static func + (a: DigitNumber, b: DigitNumber) -> DigitNumber {
    if a.isNegative != b.isNegative {
      return a.isNegative ? b - a.magnitude : a - b.magnitude
    }
    var sum: [Int] = []
    var carry = 0
    for place in 0..<max(a.digits.count, b.digits.count) {
      let total =
        carry + (place < a.digits.count ? a.digits[place] : 0)
        + (place < b.digits.count ? b.digits[place] : 0)
      sum.append(total % 10)
      carry = total / 10
    }
    return DigitNumber(digits: sum + [carry], isNegative: a.isNegative)
  }

  static func - (a: DigitNumber, b: DigitNumber) -> DigitNumber {
    if a.isNegative != b.isNegative { return a + b.negated }
    if a.magnitude < b.magnitude { return (b - a).negated }
    var rest: [Int] = []
    var borrow = 0
    for place in 0..<a.digits.count {
      let digit = a.digits[place] - borrow - (place < b.digits.count ? b.digits[place] : 0)
      rest.append((digit + 10) % 10)
      borrow = digit < 0 ? 1 : 0
    }
    return DigitNumber(digits: rest, isNegative: a.isNegative)
  }

  static func * (a: DigitNumber, b: DigitNumber) -> DigitNumber {
    var product = Array(repeating: 0, count: a.digits.count + b.digits.count + 1)
    for (i, x) in a.digits.enumerated() {
      for (j, y) in b.digits.enumerated() { product[i + j] += x * y }
    }
    for place in 0..<(product.count - 1) {
      product[place + 1] += product[place] / 10
      product[place] %= 10
    }
    return DigitNumber(digits: product, isNegative: a.isNegative != b.isNegative)
  }

  /// Of magnitudes: long division.
  func divided(by divisor: DigitNumber) -> (quotient: DigitNumber, remainder: DigitNumber) {
    var quotient: [Int] = []
    var remainder = DigitNumber(digits: [], isNegative: false)
    for digit in digits.reversed() {
      remainder = DigitNumber(digits: [digit] + remainder.digits, isNegative: false)
      var times = 0
      while remainder >= divisor.magnitude {
        remainder = remainder - divisor.magnitude
        times += 1
      }
      quotient.insert(times, at: 0)
    }
    return (DigitNumber(digits: quotient, isNegative: false), remainder)
  }
}

/// A decimal of any size and any number of places.
struct DecimalModel {
  var digits: DigitNumber
  var scale: Int

  init(digits: DigitNumber, scale: Int) {
    self.digits = digits
    self.scale = scale
    while self.scale > 0, self.digits.digits.first ?? 0 == 0 {
      if !self.digits.digits.isEmpty { self.digits.digits.removeFirst() }
      self.scale -= 1
    }
  }

  init(_ text: String) {
    let parts = text.split(separator: ".")
    self.init(
      digits: DigitNumber(text.filter { $0 != "." }), scale: parts.count > 1 ? parts[1].count : 0)
  }

  /// Nil where 127 bits or 36 places do not hold it.
  var text: String? {
    let limit = DigitNumber("170141183460469231731687303715884105727")
    guard digits.magnitude <= limit, scale <= 36 else { return nil }
    let all = digits.magnitude.text
    let padded = String(repeating: "0", count: max(0, scale + 1 - all.count)) + all
    let sign = digits.isNegative ? "-" : ""
    return scale == 0 ? sign + all : sign + padded.dropLast(scale) + "." + padded.suffix(scale)
  }

  private func digits(at scale: Int) -> DigitNumber { digits.shifted(scale - self.scale) }

  static func + (a: DecimalModel, b: DecimalModel) -> DecimalModel {
    let scale = max(a.scale, b.scale)
    return DecimalModel(digits: a.digits(at: scale) + b.digits(at: scale), scale: scale)
  }

  static func - (a: DecimalModel, b: DecimalModel) -> DecimalModel {
    let scale = max(a.scale, b.scale)
    return DecimalModel(digits: a.digits(at: scale) - b.digits(at: scale), scale: scale)
  }

  static func * (a: DecimalModel, b: DecimalModel) -> DecimalModel {
    DecimalModel(digits: a.digits * b.digits, scale: a.scale + b.scale)
  }

  static func < (a: DecimalModel, b: DecimalModel) -> Bool {
    let scale = max(a.scale, b.scale)
    return a.digits(at: scale) < b.digits(at: scale)
  }

  enum Rounding { case towardZero, halfAwayFromZero, halfEven }

  func divided(by other: DecimalModel, places: Int, _ rounding: Rounding) -> DecimalModel {
    let above = digits.magnitude.shifted(places + other.scale)
    let below = other.digits.magnitude.shifted(scale)
    var (quotient, remainder) = above.divided(by: below)
    let twice = remainder + remainder
    let isOdd = (quotient.digits.first ?? 0) % 2 == 1
    let goesUp =
      switch rounding {
      case .towardZero: false
      case .halfAwayFromZero: twice >= below
      case .halfEven: twice > below || (twice == below && isOdd)
      }
    if goesUp { quotient = quotient + DigitNumber("1") }
    let isNegative = digits.isNegative != other.digits.isNegative
    return DecimalModel(
      digits: DigitNumber(digits: quotient.digits, isNegative: isNegative), scale: places)
  }
}
