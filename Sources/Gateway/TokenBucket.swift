/// How much a client may say: a token bucket that is one number, the moment from which it is full again
/// (microseconds). What is spent moves it on; it is empty while that moment is further away than the
/// burst takes to come back. Pure; time is given.
struct TokenBucket: Hashable {
  private var fullAt: UInt64 = 0

  /// Spends so many tokens. False when they were not there; then nothing is spent.
  mutating func spend(_ tokens: UInt64, _ rule: RateRule, now: UInt64) -> Bool {
    // Multiplied first: a token of a fast rule takes less than a microsecond.
    let cost = tokens &* 1_000_000 / rule.perSecond
    let full = max(fullAt, now) &+ cost
    guard full <= now &+ rule.burst &* 1_000_000 / rule.perSecond else { return false }
    fullAt = full
    return true
  }
}

/// So much at once, and then so much a second.
package struct RateRule: Sendable, Hashable {
  package var burst: UInt64
  package var perSecond: UInt64

  package init(burst: UInt64, perSecond: UInt64) {
    // 2^40 tokens of a byte are 2^60 microseconds' worth: nothing here overflows.
    precondition(1...1 << 40 ~= burst && 1...1 << 40 ~= perSecond)
    self.burst = burst
    self.perSecond = perSecond
  }
}
