/// Whether a link still lives, by the bytes that come: a link on which nothing came for a while is
/// asked, one that owes an answer and stays silent is dead. Pure; times are milliseconds of one
/// monotonic clock.
struct LinkHealth {
  enum Verdict: Equatable {
    case alive
    /// Nothing came for a while and nothing is owed: ask.
    case probe
    case dead(RedisLinkDown)
  }

  let probeAfter: UInt64
  let answerTimeout: UInt64
  let commandTimeout: UInt64
  let checkEvery: UInt64

  private var lastByteAt: UInt64
  /// Since when an answer is owed without a pause.
  private var owedSince: UInt64?
  private var checkedAt: UInt64

  init(_ options: RedisOptions, now: UInt64) {
    probeAfter = options.probeAfterMilliseconds
    answerTimeout = options.answerTimeoutMilliseconds
    commandTimeout = options.commandTimeoutMilliseconds
    checkEvery = options.checkEveryMilliseconds
    lastByteAt = now
    checkedAt = now
  }

  mutating func received(now: UInt64) { lastByteAt = now }

  /// An answer is owed from now on, if none was before.
  mutating func owed(now: UInt64) {
    if owedSince == nil { owedSince = now }
  }

  /// Nothing is owed any more.
  mutating func settled() { owedSince = nil }

  /// - Parameters:
  ///   - oldestSentAt: when the oldest unanswered command was given, or became the oldest.
  ///   - allowance: how much longer that command may take by agreement.
  mutating func check(now: UInt64, oldestSentAt: UInt64?, allowance: UInt64) -> Verdict {
    let sinceCheck = now - checkedAt
    checkedAt = now
    if sinceCheck > 4 * checkEvery {
      // This loop did not run (stopped, starved): its timers come before its sockets, so what Redis
      // answered meanwhile is not read yet. Silence is counted anew from here.
      lastByteAt = now
      return .alive
    }
    guard let owedSince else { return now - lastByteAt >= probeAfter ? .probe : .alive }
    if now - max(lastByteAt, owedSince) >= answerTimeout + allowance {
      return .dead(.silent(milliseconds: answerTimeout + allowance))
    }
    if let oldestSentAt, now > oldestSentAt, now - oldestSentAt >= commandTimeout + allowance {
      return .dead(.commandTimedOut(milliseconds: commandTimeout + allowance))
    }
    return .alive
  }
}
