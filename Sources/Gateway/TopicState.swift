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
package import MarketData

/// One topic's state in about 60 bytes, kept in an array by topic index.
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

  package init(carriesEvents: Bool) { self.carriesEvents = carriesEvents }

  /// SSUBSCRIBE was acknowledged, or a value is wanted anew: the caller sends one GET and hands its
  /// answer to `read` with the generation returned.
  package mutating func subscribed() -> UInt32 {
    phase = .reading
    generation &+= 1
    return generation
  }

  /// The subscriber's link is down: messages may be lost until the next `subscribed`.
  package mutating func linkLost() { phase = .subscribing }

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
  package mutating func receive(_ header: MessageHeader) -> Verdict {
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
  package var joinedWithoutValue: Bool {
    phase == .joined && last == .zero && baseline == nil && !isStale
  }

  /// Counts an event; gives how many there are since that flush.
  package mutating func offered(inFlush number: UInt64) -> Int {
    let number = UInt32(truncatingIfNeeded: number)
    offeredCount = number == flush ? offeredCount &+ 1 : 1
    flush = number
    return Int(offeredCount)
  }

  /// The feed as a whole is not live any more. True when the subscribers are to be told.
  package mutating func feedStopped() -> Bool {
    guard !isStale else { return false }
    isStale = true
    return true
  }

  private mutating func acceptMarker(_ sequence: SequenceNumber) -> Verdict {
    guard sequence >= last else { return .drop }
    last = sequence
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
