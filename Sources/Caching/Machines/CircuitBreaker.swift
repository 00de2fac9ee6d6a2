/// Whether Redis is asked at all. Pure: the caller brings the time.
///
/// closed: it is. After `failuresMax` unanswered commands in a row, or at once when the link is lost,
/// open: it is not, and after a wait one probe is due. Its answer closes the breaker; its failure
/// doubles the wait. Readers never are the probe: none of them pays for it.
struct CircuitBreaker {
  enum State: Hashable, Sendable {
    case closed(failures: Int)
    case open(probeAt: UInt64, wait: UInt64)
    case probing(wait: UInt64)
  }

  private(set) var state: State = .closed(failures: 0)
  /// Times that it went from closed to open.
  private(set) var openings: UInt64 = 0
  let failuresMax: Int
  let waitBase: UInt64
  let waitMax: UInt64

  init(failuresMax: Int, waitBase: UInt64, waitMax: UInt64) {
    precondition(failuresMax > 0 && waitBase > 0 && waitMax >= waitBase)
    self.failuresMax = failuresMax
    self.waitBase = waitBase
    self.waitMax = waitMax
  }

  init(_ options: CacheOptions) {
    self.init(
      failuresMax: options.breakerFailuresMax, waitBase: options.probeDelayBaseMilliseconds,
      waitMax: options.probeDelayMaxMilliseconds)
  }

  var isClosed: Bool {
    if case .closed = state { true } else { false }
  }

  /// A command was answered.
  mutating func succeeded() {
    if case .closed = state { state = .closed(failures: 0) }
  }

  /// A command was not answered in time. True: this opened the breaker.
  mutating func failed(now: UInt64) -> Bool {
    guard case .closed(let failures) = state else { return false }
    guard failures + 1 >= failuresMax else {
      state = .closed(failures: failures + 1)
      return false
    }
    open(now: now)
    return true
  }

  /// The link is gone.
  mutating func tripped(now: UInt64) -> Bool {
    guard case .closed = state else { return false }
    open(now: now)
    return true
  }

  /// The link serves again: the probe need not wait.
  mutating func linkReady(now: UInt64) {
    if case .open(_, let wait) = state { state = .open(probeAt: now, wait: wait) }
  }

  /// Whether to send the one probe now.
  mutating func takeProbe(now: UInt64) -> Bool {
    guard case .open(let probeAt, let wait) = state, now >= probeAt else { return false }
    state = .probing(wait: wait)
    return true
  }

  /// True: this closed the breaker.
  mutating func probed(answered: Bool, now: UInt64) -> Bool {
    guard case .probing(let wait) = state else { return false }
    if answered {
      state = .closed(failures: 0)
      return true
    }
    let next = min(waitMax, wait * 2)
    state = .open(probeAt: now + next, wait: next)
    return false
  }

  private mutating func open(now: UInt64) {
    state = .open(probeAt: now + waitBase, wait: waitBase)
    openings += 1
  }
}
