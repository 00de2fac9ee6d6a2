import Glibc
import MarketData
import TestSupport
import Testing

@Suite struct Float64RoundingTests {
  /// The float64 that the price `text` becomes on the wire.
  private func onTheWire(_ text: String) throws(MarketDataError) -> UInt64 {
    try packed("{\"p\":\(text)}").suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  // strtod of the C library is correctly rounded; every path of ours must give its very bits.
  @Test(arguments: seeds(from: 40, count: 4)) func agreesWithStrtodToTheLastBit(
    seed: UInt64
  ) throws {
    var random = ModelMessage(seed: seed)
    for turn in 0..<5_000 {
      let text: String
      switch turn % 5 {
      // Nanos beyond 2^53, where the quotient is not one division of doubles.
      case 0: text = "\(random.random.next() >> 1)".dropLastNine()
      case 1:
        text =
          "\(random.random.next()).\(random.digits(Int.random(in: 1...9, using: &random.random)))"
      case 2: text = random.number()
      // A double printed in full, and next to the middle between two doubles.
      case 3: text = "\(Double(random.random.next() >> 11) / 1e6)"
      default: text = middle(&random)
      }
      let expected = strtod(text, nil)
      try #require(try onTheWire(text) == expected.bitPattern, "seed \(seed) turn \(turn): \(text)")
    }
  }

  // The product has up to 128 bits, and in one of 2,048 cases all that decides between two doubles
  // are bits below the 64 that are rounded: hence so many.
  @Test func longProductsAgreeWithStrtod() throws {
    var random = SplitMix64(seed: 46)
    for _ in 0..<40_000 {
      let text = "\(random.next())e\(Int.random(in: 1...19, using: &random))"
      try #require(try onTheWire(text) == strtod(text, nil).bitPattern, "seed 46: \(text)")
    }
  }

  /// An integer exactly between two neighbouring doubles, or one beside it, with zeros behind.
  private func middle(_ random: inout ModelMessage) -> String {
    let shift = UInt64.random(in: 1...10, using: &random.random)
    let significand = random.random.next() >> 11 | 1 << 52
    let half = significand << shift | 1 << (shift - 1)
    let beside = Int.random(in: -1...1, using: &random.random)
    return "\(half &+ UInt64(bitPattern: Int64(beside)))" + random.random.pick(["", ".0", "e0"])
  }

  @Test func decimal9RoundsAsItsTextDoes() {
    var random = SplitMix64(seed: 45)
    for _ in 0..<20_000 {
      let shift = Int64.random(in: 0..<64, using: &random)
      let value = Decimal9(nanos: Int64(bitPattern: random.next()) >> shift)
      guard value.nearestFloat64 == strtod(value.description, nil) else {
        Issue.record("seed 45: \(value)")
        return
      }
    }
    #expect(Decimal9(nanos: .min).nearestFloat64 == -9_223_372_036.854775808)
  }
}

extension String {
  /// `1234567890123` as `1234.567890123`.
  fileprivate func dropLastNine() -> String {
    let padded = String(repeating: "0", count: Swift.max(0, 10 - count)) + self
    return padded.dropLast(9) + "." + padded.suffix(9)
  }
}
