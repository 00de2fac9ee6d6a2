import Bars
import MarketData
import TestSupport
import Testing

@Suite struct ExactSumTests {
  private func sum(_ terms: [(String, String)]) -> (ExactSum, WideDecimal9) {
    var sum = ExactSum.zero
    var volume = WideDecimal9.zero
    for (price, size) in terms {
      sum.add(Decimal9(parsing: price)!, times: Decimal9(parsing: size)!)
      volume += Decimal9(parsing: size)!
    }
    return (sum, volume)
  }

  @Test(arguments: [
    ([("1", "1"), ("2", "1")], "3", "1.5"),
    ([("0.000000001", "0.000000001")], "0.000000000000000001", "0.000000001"),
    // A third, two thirds; a half away from zero, on both sides of it.
    ([("1", "1"), ("0", "2")], "1", "0.333333333"),
    ([("2", "1"), ("0", "2")], "2", "0.666666667"),
    ([("0.000000001", "1"), ("0", "1")], "0.000000001", "0.000000001"),
    ([("-0.000000001", "1"), ("0", "1")], "-0.000000001", "-0.000000001"),
    ([("0.000000001", "1"), ("0", "2")], "0.000000001", "0"),
    ([("-37.63", "1000")], "-37630", "-37.63"),
    ([("189.97", "100"), ("190.03", "50")], "28498.5", "189.99"),
  ])
  func meanIsRoundedOnceAwayFromZero(
    terms: [(String, String)], text: String, mean: String
  ) {
    let (sum, volume) = sum(terms)
    #expect(sum.description == text)
    #expect(sum.mean(over: volume)?.description == mean)
  }

  @Test func theLargestDoNotOverflow() {
    var sum = ExactSum.zero
    var volume = WideDecimal9.zero
    let largest = Decimal9(nanos: .max)
    for _ in 0..<100_000 {
      sum.add(largest, times: largest)
      volume += largest
    }
    #expect(sum.mean(over: volume) == largest)
    var negative = ExactSum.zero
    for _ in 0..<100_000 { negative.add(Decimal9(nanos: -.max), times: largest) }
    #expect(negative.mean(over: volume) == Decimal9(nanos: -.max))
    // 100,000 * (2^63 - 1)^2 / 10^18.
    #expect(sum.description == "8507059173023461584739690.7784232501249")
    #expect(negative.description == "-" + sum.description)
  }

  @Test func thereIsNoMeanOfNothing() {
    #expect(ExactSum.zero.mean(over: .zero) == nil)
    #expect(ExactSum(high: .max, low: .max).mean(over: WideDecimal9(nanos: 1)) == nil)
  }

  @Test(arguments: seeds(count: 10))
  func productOfAMeanAndItsVolumeIsTheSum(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<200 {
      let price = Decimal9(nanos: Int64(bitPattern: random.next()) >> Int64(random.next() % 60))
      let count = Int(random.next() % 20) + 1
      let size = Decimal9(nanos: Int64(random.next() >> (1 + random.next() % 50)))
      guard size > .zero else { continue }
      var sum = ExactSum.zero
      var volume = WideDecimal9.zero
      for _ in 0..<count {
        sum.add(price, times: size)
        volume += size
      }
      #expect(sum == ExactSum(price, times: volume), "seed \(seed)")
      #expect(sum.mean(over: volume) == price, "seed \(seed)")
    }
  }
}
