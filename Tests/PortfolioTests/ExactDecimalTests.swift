import MarketData
import TestSupport
import Testing

@testable import Portfolio

@Suite struct ExactDecimalTests {
  @Test(arguments: [
    ("0", "0"), ("-0", "0"), ("0.000", "0"), ("10.50", "10.5"), ("-0.05", "-0.05"), ("007", "7"),
    ("1900.000000000000000000", "1900"), ("100", "100"), ("0.100", "0.1"),
    ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
    ("-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728"),
    ("0.000000000000000000000000000000000001", "0.000000000000000000000000000000000001"),
    ("5.0000000000000000000000000000000000000000000", "5"),
  ]) func aTextIsReadExactlyAndPrintedShortest(text: String, printed: String) throws {
    let value = try #require(ExactDecimal(text))
    #expect(value.description == printed)
    #expect(ExactDecimal(printed) == value)
  }

  @Test(arguments: [
    "", "-", ".", "1.", ".5", "-.5", "+1", "1e3", "1E3", "NaN", "Infinity", " 1", "1 ", "1,0",
    "1.2.3", "--1", "0x1", "1_000", "\u{661}",
    "170141183460469231731687303715884105728", "-170141183460469231731687303715884105729",
    "0.0000000000000000000000000000000000001",
  ]) func anythingElseIsNoNumber(text: String) {
    #expect(ExactDecimal(text) == nil)
  }

  @Test func equalNumbersAreEqualHoweverTheyAreWritten() throws {
    let values = try ["2.50", "2.5", "02.500"].map { try #require(ExactDecimal($0)) }
    #expect(Set(values).count == 1)
  }

  @Test func roundingSaysWhatItDoesWithHalves() throws {
    let half = try #require(ExactDecimal("2.5"))
    let odd = try #require(ExactDecimal("-3.5"))
    #expect(try half.rounded(to: 0, .halfEven).description == "2")
    #expect(try half.rounded(to: 0, .halfAwayFromZero).description == "3")
    #expect(try half.rounded(to: 0, .towardZero).description == "2")
    #expect(try odd.rounded(to: 0, .halfEven).description == "-4")
    #expect(try odd.rounded(to: 0, .halfAwayFromZero).description == "-4")
    #expect(try odd.rounded(to: 0, .towardZero).description == "-3")
  }

  @Test func whatDoesNotFitIsThrownAndNeverWraps() throws {
    let largest = try #require(ExactDecimal(units: .max, scale: 0))
    let smallest = try #require(ExactDecimal(units: .min, scale: 0))
    let tiny = try #require(ExactDecimal(units: 1, scale: 36))
    #expect(throws: ExactDecimal.Failure.overflow) { try largest + .one }
    #expect(throws: ExactDecimal.Failure.overflow) { try smallest - .one }
    #expect(throws: ExactDecimal.Failure.overflow) { try smallest.negated() }
    #expect(throws: ExactDecimal.Failure.overflow) { try largest * largest }
    #expect(throws: ExactDecimal.Failure.overflow) { try tiny * tiny }
    #expect(throws: ExactDecimal.Failure.overflow) { try largest + tiny }
    #expect(throws: ExactDecimal.Failure.overflow) { try largest.divided(by: tiny, digits: 0) }
    #expect(throws: ExactDecimal.Failure.divisionByZero) {
      try largest.divided(by: .zero, digits: 2)
    }
    #expect(tiny < largest && smallest < tiny && !(largest < tiny) && !(tiny < smallest))
    #expect(try tiny.divided(by: largest, digits: 2) == .zero)
  }

  @Test func aMarketPriceIsTakenOverWhole() {
    #expect(ExactDecimal(Decimal9(nanos: 189_970_000_000)).description == "189.97")
    #expect(ExactDecimal(Decimal9(nanos: -1)).description == "-0.000000001")
    #expect(ExactDecimal(Decimal9(nanos: .max)).description == "9223372036.854775807")
  }

  /// The bounds of the schema, at their ends: none of what the service computes can overflow.
  @Test func theSchemasBoundsFit() throws {
    let quantity = try #require(ExactDecimal("999999999.999999999"))
    let amount = try #require(ExactDecimal("999999999999999.999999999999999999"))
    #expect(try (quantity * quantity).scale == 18)
    #expect(
      try (amount * ExactDecimal(100_000)).description == "99999999999999999999.9999999999999")
  }

  // Every operation against arithmetic with digits, on numbers of all sizes, most of them as money
  // is and some at the edge of 127 bits.
  @Test(arguments: seeds(count: 40)) func agreesWithArithmeticOnDigits(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<50 {
      let left = number(&random)
      let right = number(&random)
      let a = try #require(ExactDecimal(left), "\(left)")
      let b = try #require(ExactDecimal(right), "\(right)")
      let (x, y) = (DecimalModel(left), DecimalModel(right))
      let place = Comment("seed \(seed): \(left) and \(right)")
      #expect(a.description == x.text, place)
      #expect((try? a + b)?.description == fitting(x + y, x, y), place)
      #expect((try? a - b)?.description == fitting(x - y, x, y), place)
      #expect((try? a * b)?.description == fittingProduct(x, y), place)
      #expect((a < b) == (x < y), place)
      #expect((b < a) == (y < x), place)
      guard !b.isZero else { continue }
      let digits = Int.random(in: 0...18, using: &random)
      expect(a, b, x, y, digits, .towardZero, .towardZero, place)
      expect(a, b, x, y, digits, .halfAwayFromZero, .halfAwayFromZero, place)
      expect(a, b, x, y, digits, .halfEven, .halfEven, place)
    }
  }

  private func expect(
    _ a: ExactDecimal, _ b: ExactDecimal, _ x: DecimalModel, _ y: DecimalModel, _ digits: Int,
    _ rounding: ExactDecimal.Rounding, _ model: DecimalModel.Rounding, _ place: Comment
  ) {
    // A quotient whose digits leave 127 bits at the scale asked for is refused, though its trailing
    // zeros might be cut: money never comes near.
    guard let quotient = try? a.divided(by: b, digits: digits, rounding) else {
      let wide = x.divided(by: y, places: digits, model)
      let atScale = wide.digits.magnitude.shifted(digits - wide.scale)
      let isFar = digits - x.scale + y.scale > 38
      #expect(isFar || atScale > DigitNumber(String(Int128.max)), place)
      return
    }
    #expect(quotient.description == x.divided(by: y, places: digits, model).text, place)
  }

  /// A sum is refused also when only one side leaves 127 bits at the finer scale.
  private func fitting(_ sum: DecimalModel, _ x: DecimalModel, _ y: DecimalModel) -> String? {
    let scale = max(x.scale, y.scale)
    let limit = DigitNumber(String(Int128.max))
    for value in [x, y, sum]
    where value.digits.magnitude.shifted(scale - value.scale) > limit { return nil }
    return sum.text
  }

  private func fittingProduct(_ x: DecimalModel, _ y: DecimalModel) -> String? {
    (x.digits * y.digits).magnitude > DigitNumber(String(Int128.max)) ? nil : (x * y).text
  }

  private func number(_ random: inout SplitMix64) -> String {
    let sign = Bool.random(using: &random) ? "-" : ""
    func digits(_ range: ClosedRange<Int>) -> String {
      (0..<Int.random(in: range, using: &random)).map { _ in
        String(Int.random(in: 0...9, using: &random))
      }.joined()
    }
    switch Int.random(in: 0..<10, using: &random) {
    case 0: return sign + "0"
    case 1:
      return sign + "1" + String(repeating: "0", count: Int.random(in: 0...37, using: &random))
    case 2: return sign + "1" + digits(37...37)
    case 3: return sign + "0." + digits(36...36)
    case 4: return sign + "1" + digits(18...18) + "." + digits(18...18)
    case 5:
      return sign + String(Int.random(in: 0...9, using: &random)) + "."
        + String(Int.random(in: 0...9, using: &random)) + "5"
    default: return sign + "1" + digits(0...8) + "." + digits(1...9)
    }
  }
}
