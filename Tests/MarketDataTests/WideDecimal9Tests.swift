import MarketData
import TestSupport
import Testing

@Suite struct WideDecimal9Tests {
  @Test(arguments: [
    "0", "189.97", "-0.000000001", "9223372036.854775807", "9223372036.854775808",
    "12345678901234567890.123456789", "100000000000000000000000000000",
    "170141183460469231731687303715.884105727", "-170141183460469231731687303715.884105727",
    "100000000000000000000.000000001", "99999999999999999999",
  ])
  func textIsExactBothWays(text: String) {
    #expect(WideDecimal9(parsing: text)?.description == text)
  }

  @Test(arguments: [
    "", "-", "1.", ".5", "01", "1e400", "0.0000000001", "12345678901.1234567891",
    "170141183460469231731687303715.884105728", "999999999999999999999999999999999999999",
    "12345678901234567890123e1", " 1", "1 ", "0x10", "1,5", "NaN",
  ])
  func otherTextIsRefused(text: String) { #expect(WideDecimal9(parsing: text) == nil) }

  @Test func zerosBeyondTheNinthDigitDoNotMatter() {
    #expect(
      WideDecimal9(parsing: "98765432109876.5000000000000")
        == WideDecimal9(parsing: "98765432109876.5"))
    #expect(WideDecimal9(parsing: "1.5e3") == WideDecimal9(parsing: "1500"))
  }

  @Test(arguments: seeds(count: 20))
  func randomValuesComeBack(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<500 {
      let bits = UInt128(random.next()) << 64 | UInt128(random.next())
      let value = WideDecimal9(
        nanos: Int128(truncatingIfNeeded: bits) >> Int128(random.next() % 128))
      #expect(WideDecimal9(parsing: value.description) == value, "seed \(seed), \(value.nanos)")
    }
  }

  @Test func sumsDoNotWrap() {
    var sum = WideDecimal9.zero
    for _ in 0..<4 { sum += Decimal9(nanos: .max) }
    #expect(sum.description == "36893488147.419103228")
  }
}
