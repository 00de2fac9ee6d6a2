import MarketData
import TestSupport
import Testing

@Suite struct Decimal9TextTests {
  @Test(arguments: [
    ("189.97", 189_970_000_000), ("100", 100_000_000_000), ("0", 0), ("-0", 0), ("0.000000001", 1),
    ("-0.5", -500_000_000), ("0.01000000", 10_000_000), ("1.5e3", 1_500_000_000_000),
    ("15E-1", 1_500_000_000), ("1e-9", 1), ("10e-10", 1),
    ("1.1234567890000000000000000", 1_123_456_789),
    ("9223372036.854775807", Int64.max), ("-9223372036.854775808", Int64.min), ("0e99999", 0),
  ])
  func textIsReadExactly(text: String, nanos: Int64) {
    #expect(Decimal9(parsing: text) == Decimal9(nanos: nanos))
  }

  @Test(arguments: [
    "", "-", "+1", ".5", "5.", "01", "1e", "1e+", "0x1", "1 ", " 1", "1,5", "NaN", "inf",
    "0.0000000001", "1.1234567891", "9223372036.854775808", "-9223372036.854775809", "1e10",
    "1e400",
    "1.00000000000000000000000001", "99999999999999999999999", "--1",
  ])
  func whatIsNoExactNumberIsRefused(text: String) {
    #expect(Decimal9(parsing: text) == nil)
  }

  @Test(arguments: [
    (189_970_000_000, "189.97"), (100_000_000_000, "100"), (0, "0"), (1, "0.000000001"),
    (-500_000_000, "-0.5"), (10_100_000, "0.0101"), (1_000_010_000, "1.00001"),
    (Int64.max, "9223372036.854775807"), (Int64.min, "-9223372036.854775808"),
  ])
  func shortestExactFormIsWritten(nanos: Int64, text: String) {
    #expect(Decimal9(nanos: nanos).description == text)
  }

  @Test func everyWrittenNumberReadsBackAndIsShortest() {
    var random = SplitMix64(seed: 11)
    for _ in 0..<10_000 {
      var nanos = Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random)
      for _ in 0..<Int.random(in: 0..<10, using: &random) {
        nanos = nanos.multipliedReportingOverflow(by: 10).partialValue
      }
      let text = Decimal9(nanos: nanos).description
      guard Decimal9(parsing: text)?.nanos == nanos, text == model(nanos) else {
        Issue.record("seed 11: \(nanos) became \(text)")
        return
      }
    }
  }

  /// Pads with zeros and strips them again.
  private func model(_ nanos: Int64) -> String {
    var digits = String(nanos.magnitude)
    while digits.count < 10 { digits = "0" + digits }
    var fraction = String(digits.suffix(9))
    while fraction.last == "0" { fraction.removeLast() }
    return (nanos < 0 ? "-" : "") + digits.dropLast(9) + (fraction.isEmpty ? "" : "." + fraction)
  }

  @Test func unsignedDecimalsOfEveryLengthAreWritten() {
    var value: UInt64 = 1
    for _ in 0..<20 {
      for near in [value - 1, value, value &+ 1] {
        #expect(text { $0.appendDecimal(near) } == String(near))
      }
      value = value.multipliedReportingOverflow(by: 10).partialValue
    }
    #expect(text { $0.appendDecimal(UInt64.max) } == "18446744073709551615")
    #expect(text { $0.appendDecimal(Int64.min) } == "-9223372036854775808")
  }
}
