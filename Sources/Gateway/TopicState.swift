// The order of one topic as one gateway loop has seen it: what is newer, what was lost, what can be
// vouched for. Pure: it gets headers and answers what to do; the loop does it.
//
// Joining: SSUBSCRIBE is acknowledged, then one GET. Live messages may come before the GET's value;
// whichever is newer stands. A value from GET never enters an event ring: it only tells which event
// was the newest when the topic was joined, so that a loss between the join and the first live event
// is seen.
//
// Loss: an event names its symbol's previous one ("P", and its epoch "Q" where that is another: a
// tape that loops repeats its numbers). One that was not the last seen means that something between
// was lost; how many is not known, for numbers are the whole feed's.
//
// Verifying: a quiet topic's key is read now and then. What is newer there was lost on its channel;
// where there is no key any more nobody vouches for what is shown.
package import MarketData

/// One topic's state in about 100 bytes, kept in an array by topic index.
package struct TopicState: Sendable {
  package enum Phase: UInt8, Sendable {
    /// Waits for the acknowledgement of SSUBSCRIBE.
    case subscribing
    /// Waits for the GET's value.
    case reading
    case joined
  }

  /// What to do with a message that came in.
  package enum Verdict: Hashable, Sendable {
    /// Not newer than what was seen.
    case drop
    case deliver
    /// Announce a loss of unknown size, then deliver.
    case deliverAfterGap
    /// Tell the subscribers that the topic cannot be vouched for.
    case announceStale
    /// There never was a value, and none is missing: a notice that was given is taken back.
    case withdrawNotice
  }

  package private(set) var phase = Phase.subscribing
  /// The newest value or event seen.
  package private(set) var last = SequenceNumber.zero
  /// Subscribers have been told that the topic is stale, and nothing has cleared it.
  package private(set) var isStale = false
  /// Counts joins, so that the answer to an older GET is known as such.
  package private(set) var generation: UInt32 = 0
  private let carriesEvents: Bool
  /// The last event seen live.
  private var lastEvent: SequenceNumber?
  /// The newest event at the time of the join.
  private var baseline: SequenceNumber?
  /// Events offered since the flush with this number, modulo 2^32.
  private var flush: UInt32 = 0
  private var offeredCount: UInt32 = 0
  /// Milliseconds modulo 2^32: of the last message; and, while the topic is not joined, since when
  /// messages may have been lost.
  private var heardMilliseconds: UInt32
  private var unjoinedMilliseconds: UInt32
  /// The last look found no key.
  private var isMissing = false

  package init(carriesEvents: Bool, nowMilliseconds: UInt64 = 0) {
    self.carriesEvents = carriesEvents
    unjoinedMilliseconds = UInt32(truncatingIfNeeded: nowMilliseconds)
    heardMilliseconds = unjoinedMilliseconds
  }

  /// The newest value or event known of, shown or not.
  package var newest: SequenceNumber { max(last, baseline ?? .zero) }

  /// SSUBSCRIBE was acknowledged, or a value is wanted anew: the caller sends one GET and hands its
  /// answer to `read` with the generation returned.
  package mutating func subscribed(nowMilliseconds: UInt64 = 0) -> UInt32 {
    if phase == .joined { unjoinedMilliseconds = UInt32(truncatingIfNeeded: nowMilliseconds) }
    phase = .reading
    generation &+= 1
    return generation
  }

  /// The subscriber's link is down: messages may be lost until the next `subscribed`, and may have been
  /// since the moment given, which was the link's last sign of life.
  package mutating func linkLost(sinceMilliseconds since: UInt64 = 0) {
    if phase == .joined { unjoinedMilliseconds = UInt32(truncatingIfNeeded: since) }
    phase = .subscribing
  }

  /// Not joined for longer than a value may be believed, and nobody has been told.
  package func isOverdue(nowMilliseconds now: UInt64) -> Bool {
    let age = UInt32(truncatingIfNeeded: now) &- unjoinedMilliseconds
    return phase != .joined && !isStale && age > GatewayLimits.heartbeatAgeMaxMilliseconds
  }

  /// The GET's answer; `header` is nil when there is no key. A state's value is to be delivered when
  /// this says so. While the feed is not live a key may still be there for the rest of its TTL; it
  /// is not shown.
  package mutating func read(
    _ header: MessageHeader?, generation: UInt32, feedIsLive: Bool
  ) -> Verdict {
    guard generation == self.generation, phase == .reading else { return .drop }
    phase = .joined
    guard let header, !header.isStaleMarker else { return .drop }
    if carriesEvents {
      // A quiet symbol is vouched for again, though there is no new event to say so.
      if feedIsLive { isStale = false }
      if lastEvent == nil, baseline == nil { baseline = header.sequence }
      return .drop
    }
    guard feedIsLive else { return .drop }
    return acceptState(header.sequence)
  }

  /// A message from the channel.
  package mutating func receive(
    _ header: MessageHeader, nowMilliseconds: UInt64 = 0
  ) -> Verdict {
    heardMilliseconds = UInt32(truncatingIfNeeded: nowMilliseconds)
    isMissing = false
    // Whatever the read will say, the channel has said it, or something newer.
    if phase == .reading, header.sequence >= newest { phase = .joined }
    if header.isStaleMarker { return acceptMarker(header.sequence) }
    guard carriesEvents else { return acceptState(header.sequence) }
    guard header.sequence > last else { return .drop }
    let lost = losesBefore(header)
    last = header.sequence
    lastEvent = header.sequence
    isStale = false
    return lost ? .deliverAfterGap : .deliver
  }

  /// Joined, and nothing has ever been there.
  package var joinedWithoutValue: Bool { phase == .joined && hasNothing && !isStale }

  /// No value and no event has ever been seen.
  package var hasNothing: Bool { last == .zero && baseline == nil }

  // MARK: - Verifying

  /// Whether the key is to be looked at: a state's whose channel has been silent for a while, and
  /// whatever is stale in a feed that lives.
  package func wantsVerifying(nowMilliseconds now: UInt64) -> Bool {
    guard phase == .joined else { return false }
    if isStale { return true }
    return !carriesEvents && last != .zero
      && UInt32(truncatingIfNeeded: now) &- heardMilliseconds
        >= GatewayLimits.verifyQuietMilliseconds
  }

  /// What the key holds; `header` is nil when there is none. One that is not there is looked for a
  /// second time, unless the feed names the symbol as one that it cannot vouch for: a writer that was
  /// held up for a moment writes all of it again.
  package mutating func verify(
    _ header: MessageHeader?, generation: UInt32, isNamedStale: Bool
  ) -> Verdict {
    guard generation == self.generation, phase == .joined else { return .drop }
    guard let header, !header.isStaleMarker else { return keyIsMissing(isNamedStale) }
    isMissing = false
    if carriesEvents {
      isStale = false
      return .drop
    }
    return acceptState(header.sequence)
  }

  private mutating func keyIsMissing(_ isNamedStale: Bool) -> Verdict {
    if hasNothing, !isNamedStale {
      guard isStale else { return .drop }
      isStale = false
      return .withdrawNotice
    }
    guard !isStale else { return .drop }
    guard isMissing || isNamedStale else {
      isMissing = true
      return .drop
    }
    return feedStopped() ? .announceStale : .drop
  }

  /// Counts an event; gives how many there are since that flush.
  package mutating func offered(inFlush number: UInt64) -> Int {
    let number = UInt32(truncatingIfNeeded: number)
    offeredCount = number == flush ? offeredCount &+ 1 : 1
    flush = number
    return Int(offeredCount)
  }

  /// The value cannot be vouched for any more. True when the subscribers are to be told.
  package mutating func feedStopped() -> Bool {
    guard !isStale else { return false }
    isStale = true
    forgetReads()
    return true
  }

  /// What was read before this moment says nothing of what comes after it. A join's read stays, for
  /// nothing else would end it.
  private mutating func forgetReads() {
    isMissing = false
    if phase == .joined { generation &+= 1 }
  }

  private mutating func acceptMarker(_ sequence: SequenceNumber) -> Verdict {
    guard sequence >= last else { return .drop }
    last = sequence
    forgetReads()
    guard !isStale else { return .drop }
    isStale = true
    return .announceStale
  }

  /// The value last seen clears staleness too: a quiet symbol's value is written again, with the
  /// same number, by an ingester that vouches for it again.
  private mutating func acceptState(_ sequence: SequenceNumber) -> Verdict {
    guard sequence > last || (isStale && sequence == last) else { return .drop }
    last = sequence
    isStale = false
    return .deliver
  }

  private func losesBefore(_ header: MessageHeader) -> Bool {
    guard let previous = header.previous else { return false }
    if let lastEvent { return previous != lastEvent }
    guard let baseline, header.sequence > baseline else { return false }
    return previous != baseline
  }
}
