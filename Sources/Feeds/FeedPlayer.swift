// Plays a source against a clock: hands out the items that are due, one a call.
//
// It belongs to the thread that pulls. It reads one item ahead, no more. It asks no clock: each
// call is told the time. A pass that had no item at all ends the play even in a loop, so that an
// empty tape cannot spin.

public import MarketData

public enum FeedStep: Sendable {
  /// Due now; timestamps are as they go out, `time` and `position` as on the feed.
  case item(FeedItem)
  /// Nothing is due before this monotonic time.
  case idle(untilMonotonicNanoseconds: UInt64)
  /// A looped feed came to its end and starts again: numbering restarts, so a new epoch begins.
  case restarted
  case ended
}

public final class FeedPlayer {
  public let source: any FeedSource
  public let loops: Bool
  public private(set) var clock: FeedClock
  /// The feed time of the last item handed out.
  public private(set) var time: Timestamp?
  /// Its position.
  public private(set) var position: UInt64 = 0
  /// Complete passes through the feed.
  public private(set) var passes: UInt64 = 0
  private var ahead: FeedItem?
  private var passHadItems = false
  /// The time of the last step.
  private var askedAt: UInt64?
  private var hasEnded = false

  public init(source: any FeedSource, clock: FeedClock = FeedClock(), loops: Bool = false) {
    self.source = source
    self.clock = clock
    self.loops = loops
  }

  /// The next step. Call it until it says `.idle` or `.ended`, or as often as a turn allows: at
  /// full speed it never says `.idle`.
  ///
  /// - Parameters:
  ///   - monotonicNanoseconds: now, by the clock that `.idle` is told in.
  ///   - wall: now, by the wall clock; the latest timestamp that a rebased event can have.
  public func step(
    monotonicNanoseconds now: UInt64, wall: Timestamp
  ) throws(FeedsError) -> FeedStep {
    guard !hasEnded else { return .ended }
    if ahead == nil {
      ahead = try source.next()
      guard ahead != nil else { return try finishPass() }
    }
    guard let item = ahead else { return .ended }
    if !clock.isAnchored {
      clock.start(at: item.time, monotonicNanoseconds: now, wall: wall)
    }
    var due = clock.dueNanoseconds(item.time)
    if wasAway(now, due) {
      clock.start(at: item.time, monotonicNanoseconds: now, wall: wall)
      due = now
    }
    askedAt = now
    guard due <= now else { return .idle(untilMonotonicNanoseconds: due) }
    ahead = nil
    passHadItems = true
    time = item.time
    position = item.position
    let event = clock.outgoing(item.event, wall: wall)
    return .item(FeedItem(position: item.position, time: item.time, event: event))
  }

  /// Whether nobody asked for so long after the item was due that it would come as an old price
  /// under a live feed: the process was stopped or the machine asleep. Play then goes on from here,
  /// as if no time had passed. A feed that is behind because it is too fast is asked all the time,
  /// and catches up.
  private func wasAway(_ now: UInt64, _ due: UInt64) -> Bool {
    guard let askedAt, case .factor = clock.speed else { return false }
    let missed = max(askedAt, due)
    return now > missed && now - missed > Limits.absenceNanosecondsMax
  }

  private func finishPass() throws(FeedsError) -> FeedStep {
    passes += 1
    guard loops, passHadItems else {
      hasEnded = true
      return .ended
    }
    try source.rewind()
    clock.reset()
    passHadItems = false
    return .restarted
  }
}
