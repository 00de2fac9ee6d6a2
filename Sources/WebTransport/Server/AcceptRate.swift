// How many connections a server takes in each second: a token bucket, and a place in a queue for those
// that it does not. Pure; the clock is handed in.

struct AcceptRate {
  let perSecond: UInt64
  /// Thousandths of a connection: what may still be taken, at most `burst`.
  private var tokens: UInt64
  private let burst: UInt64
  /// Thousandths too: refused, told when to come again, and not due yet.
  private var promised: UInt64 = 0
  private var last: UInt64 = 0

  init(perSecond: Int, burst: Int) {
    precondition(perSecond > 0 && burst > 0)
    self.perSecond = UInt64(perSecond)
    self.burst = UInt64(burst) * 1_000
    tokens = self.burst
  }

  /// Whether one more may be taken, which it then is.
  mutating func take(nowMilliseconds now: UInt64) -> Bool {
    guard mayTake(nowMilliseconds: now) else { return false }
    tokens -= 1_000
    return true
  }

  /// Whether `take` would say yes.
  mutating func mayTake(nowMilliseconds now: UInt64) -> Bool {
    refill(now)
    return tokens >= 1_000
  }

  /// After `take` said no: in how many seconds the client is to come again. The k-th that is refused at
  /// once is told 1 + k / perSecond, so that a crowd comes back spread over the time it takes to let it
  /// in, and not all of it a second later.
  mutating func refuse() -> Int {
    let limit = WebTransportLimits.retryAfterSecondsMax
    let seconds = min(limit, 1 + Int(promised / (perSecond * 1_000)))
    promised = min(promised + 1_000, perSecond * 1_000 * UInt64(limit))
    return seconds
  }

  /// Until `take` says yes again, at least 1.
  var millisecondsToNext: UInt64 {
    tokens >= 1_000 ? 1 : (1_000 - tokens + perSecond - 1) / perSecond
  }

  private mutating func refill(_ now: UInt64) {
    // The first time counts from the beginning of the clock: the bucket is full anyway.
    let elapsed = min(now - min(now, last), 3_600_000)
    last = max(last, now)
    tokens = min(burst, tokens + elapsed * perSecond)
    promised -= min(promised, elapsed * perSecond)
  }
}
