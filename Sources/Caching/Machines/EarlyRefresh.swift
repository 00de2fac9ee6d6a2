import Glibc

/// Probabilistic early expiration, XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic
/// Cache Stampede Prevention", VLDB 2015. A reader refreshes when
/// `now - delta * beta * ln(rand()) >= expiry`, so with `remaining` to go it does with probability
/// `exp(-remaining / (delta * beta))`: the more likely the nearer expiry is, the slower the load is
/// and the more readers there are, and mostly one of them does.
enum EarlyRefresh {
  /// - Parameters:
  ///   - remainingMilliseconds: until the value expires.
  ///   - loadMicroseconds: delta, what the last load took.
  ///   - uniform: drawn evenly from (0, 1]; ln(0) has no value.
  static func isDue(
    remainingMilliseconds: UInt64, loadMicroseconds: Int64, beta: Double, uniform: Double
  ) -> Bool {
    assert(uniform > 0 && uniform <= 1)
    let ahead = -(Double(loadMicroseconds) / 1_000) * beta * log(uniform)
    return ahead >= Double(remainingMilliseconds)
  }

  /// Even in (0, 1], from 53 random bits.
  static func uniform(_ random: inout any RandomNumberGenerator) -> Double {
    Double((random.next() >> 11) + 1) * 0x1p-53
  }
}
