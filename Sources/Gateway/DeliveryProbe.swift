// Whether Redis delivers: a message of the loop's own, published on the link for commands, must come back
// on the link for channels. One is under way at a time. Pure; the caller gives the time, and sends.
//
// It vouches for no price: heartbeats do, which come the same way. It tells what heartbeats cannot: that
// the link for commands is dead, so that nothing can be joined, or that this loop lags behind.
package struct DeliveryProbe: Sendable {
  package struct Counters: Sendable {
    package var sent: UInt64 = 0
    /// Given up, or never sent since there was no link.
    package var failures: UInt64 = 0
  }

  package private(set) var counters = Counters()
  /// Number of the newest.
  private var number: UInt64 = 0
  private var isUnderWay = false
  private var sentMilliseconds: UInt64
  /// When the newest that came back had left.
  private var returnedMilliseconds: UInt64
  private var hasReturned = false
  private var tripMilliseconds: UInt64 = 0

  package init(nowMilliseconds: UInt64) {
    sentMilliseconds = nowMilliseconds
    returnedMilliseconds = nowMilliseconds
  }

  /// The number to publish now, if one is due. To be called a few times a second.
  package mutating func next(nowMilliseconds now: UInt64, canSend: Bool) -> UInt64? {
    let age = now - min(now, sentMilliseconds)
    guard age >= GatewayLimits.probeMilliseconds || number == 0 else { return nil }
    if isUnderWay {
      guard age >= GatewayLimits.probeAnswerMilliseconds else { return nil }
      isUnderWay = false
      counters.failures &+= 1
    }
    sentMilliseconds = now
    guard canSend else {
      counters.failures &+= 1
      return nil
    }
    number &+= 1
    isUnderWay = true
    counters.sent &+= 1
    return number
  }

  /// One came back. True when it is the one under way, false for one that was given up.
  package mutating func returned(_ number: UInt64, nowMilliseconds now: UInt64) -> Bool {
    guard isUnderWay, number == self.number else { return false }
    isUnderWay = false
    hasReturned = true
    returnedMilliseconds = sentMilliseconds
    tripMilliseconds = now - min(now, sentMilliseconds)
    return true
  }

  /// Since the newest probe that came back had left.
  package func age(nowMilliseconds now: UInt64) -> UInt64 { now - min(now, returnedMilliseconds) }

  package func isPassing(nowMilliseconds now: UInt64) -> Bool {
    hasReturned && age(nowMilliseconds: now) <= GatewayLimits.probeAgeMaxMilliseconds
  }

  /// The last one came back without delay.
  package var isPrompt: Bool {
    hasReturned && !isUnderWay && tripMilliseconds <= GatewayLimits.probePromptMilliseconds
  }
}
