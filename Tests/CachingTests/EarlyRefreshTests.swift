import Glibc
import TestSupport
import Testing

@testable import Caching

@Suite struct EarlyRefreshTests {
  /// Goal: the share of refreshing readers is the paper's: P(-delta*beta*ln(u) >= remaining) =
  /// exp(-remaining / (delta*beta)). Method: 200,000 draws a point; five standard deviations.
  @Test(arguments: [(40.0, 1.0), (250.0, 1.0), (250.0, 2.0), (10.0, 0.5)])
  func refreshRateFollowsTheFormula(deltaMilliseconds: Double, beta: Double) {
    var random: any RandomNumberGenerator = SplitMix64(seed: 17)
    let draws = 200_000
    for factor in [0.0, 0.1, 0.5, 1, 2, 4] {
      let remaining = UInt64(deltaMilliseconds * beta * factor)
      var due = 0
      for _ in 0..<draws {
        let uniform = EarlyRefresh.uniform(&random)
        if EarlyRefresh.isDue(
          remainingMilliseconds: remaining, loadMicroseconds: Int64(deltaMilliseconds * 1_000),
          beta: beta, uniform: uniform)
        {
          due += 1
        }
      }
      let expected = exp(-Double(remaining) / (deltaMilliseconds * beta))
      let deviation = sqrt(expected * (1 - expected) / Double(draws))
      let rate = Double(due) / Double(draws)
      #expect(
        abs(rate - expected) <= 5 * deviation + 1e-9,
        "delta \(deltaMilliseconds) ms, beta \(beta), remaining \(remaining) ms: \(rate)")
    }
  }

  @Test func uniformIsNeverZeroAndNeverOverOne() {
    struct Constant: RandomNumberGenerator {
      let value: UInt64
      func next() -> UInt64 { value }
    }
    var lowest: any RandomNumberGenerator = Constant(value: 0)
    var highest: any RandomNumberGenerator = Constant(value: .max)
    #expect(EarlyRefresh.uniform(&lowest) > 0)
    #expect(EarlyRefresh.uniform(&highest) == 1)
  }

  @Test func expiredValueIsAlwaysDueAndFreshOneNever() {
    #expect(
      EarlyRefresh.isDue(
        remainingMilliseconds: 0, loadMicroseconds: 1_000, beta: 1, uniform: 1))
    // ln of the smallest draw is -36.7: never earlier than 37 deltas ahead.
    #expect(
      !EarlyRefresh.isDue(
        remainingMilliseconds: 38, loadMicroseconds: 1_000, beta: 1, uniform: 0x1p-53))
  }
}
