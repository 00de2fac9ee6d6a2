// Plays a source against a clock: hands out the items that are due, one a call; and is told to pause,
// to go on, or to go elsewhere (`FeedPlayer+Control.swift`).
//
// It belongs to the thread that pulls. It reads one item ahead, no more. It asks no clock: each
// call is told the time. A pass that had no item at all ends the play even in a loop, so that an
// empty tape cannot spin.
//
// A tape has no index, and a book is made of all that was before: going to a place means to read up to
// it, from the beginning when it lies behind. Items on the way are handed out as `.passed`, whatever
// their time and also while the play is paused.

public import MarketData

public enum FeedStep: Sendable {
  /// Due now; timestamps are as they go out, `time` and `position` as on the feed.
  case item(FeedItem)
  /// Lies before the place where play goes on: it makes the state there, and is nobody's event.
  case passed(FeedItem)
  /// Nothing is due before this monotonic time; `.max` while the play is paused.
  case idle(untilMonotonicNanoseconds: UInt64)
  /// A looped feed came to its end and starts again: numbering restarts, so a new epoch begins.
  case restarted
  case ended
}

public final class FeedPlayer {
  public let source: any FeedSource
  /// Whether play starts again at the feed's end. May be changed while playing.
  public var loops: Bool
  public internal(set) var clock: FeedClock
  /// The feed time of the last item handed out.
  public private(set) var time: Timestamp?
  /// Its position.
  public internal(set) var position: UInt64 = 0
  /// Complete passes through the feed.
  public private(set) var passes: UInt64 = 0
  public internal(set) var isPaused = false
  /// The end was reached; nothing comes until play is sent back.
  public internal(set) var hasEnded = false
  /// The feed time of the first item of all.
  private(set) var first: Timestamp?
  /// Play goes on here; what lies before is passed over.
  var target: Timestamp?
  /// The feed time to go on from when the clock is anchored next; nil: that of the next item.
  var place: Timestamp?
  /// The feed time of the last item of this pass.
  var passTime: Timestamp?
  var ahead: FeedItem?
  private var passHadItems = false
  /// The time up to which items are being passed over.
  private var passingTo: Timestamp?
  /// The time of the last step.
  private var askedAt: UInt64?

  public init(source: any FeedSource, clock: FeedClock = FeedClock(), loops: Bool = false) {
    self.source = source
    self.clock = clock
    self.loops = loops
  }

  /// On the way to a place: until something else than `.passed` is handed out nothing is to be shown.
  public var isPassing: Bool { target != nil || passingTo != nil }

  /// The next step. Call it until it says `.idle` or `.ended`, or as often as a turn allows: at
  /// full speed, and on the way to a place, it never says `.idle`.
  ///
  /// - Parameters:
  ///   - monotonicNanoseconds: now, by the clock that `.idle` is told in.
  ///   - wall: now, by the wall clock; the latest timestamp that a rebased event can have.
  public func step(
    monotonicNanoseconds now: UInt64, wall: Timestamp
  ) throws(FeedsError) -> FeedStep {
    guard !hasEnded else { return .ended }
    guard let item = try peek() else { return try finishPass() }
    if item.isPassed || target.map({ item.time < $0 }) == true { return pass(item, now, wall) }
    arrive()
    guard !isPaused else { return .idle(untilMonotonicNanoseconds: .max) }
    if !clock.isAnchored { anchor(item, now, wall) }
    var due = clock.dueNanoseconds(item.time)
    if wasAway(now, due) {
      clock.start(at: item.time, monotonicNanoseconds: now, wall: wall)
      due = now
    }
    askedAt = now
    guard due <= now else { return .idle(untilMonotonicNanoseconds: due) }
    return .item(handOut(item, wall))
  }

  func peek() throws(FeedsError) -> FeedItem? {
    if ahead == nil {
      ahead = try source.next()
      if first == nil { first = ahead?.time }
    }
    return ahead
  }

  func handOut(_ item: FeedItem, _ wall: Timestamp) -> FeedItem {
    ahead = nil
    passHadItems = passHadItems || !item.isPassed
    time = item.time
    passTime = item.time
    position = item.position
    var item = item
    item.event = clock.outgoing(item.event, wall: wall)
    return item
  }

  /// Its timestamps go out as far before now as it lies before the place.
  private func pass(_ item: FeedItem, _ now: UInt64, _ wall: Timestamp) -> FeedStep {
    let to = passingTo ?? max(item.time, target ?? item.time)
    passingTo = to
    if !clock.isAnchored { clock.start(at: to, monotonicNanoseconds: now, wall: wall) }
    return .passed(handOut(item, wall))
  }

  /// The next item is one to be played.
  private func arrive() {
    guard isPassing else { return }
    // What lies before the first item is no place to wait at.
    place = passTime == nil ? nil : passingTo ?? target
    target = nil
    passingTo = nil
    clock.reset()
  }

  private func anchor(_ item: FeedItem, _ now: UInt64, _ wall: Timestamp) {
    clock.start(
      at: min(place ?? item.time, item.time), monotonicNanoseconds: now, wall: wall)
    place = nil
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

  func finishPass() throws(FeedsError) -> FeedStep {
    passes += 1
    guard loops, passHadItems else {
      hasEnded = true
      target = nil
      passingTo = nil
      clock.reset()
      return .ended
    }
    try rewind()
    return .restarted
  }

  /// At the feed's beginning again, and nowhere on the way.
  func rewind() throws(FeedsError) {
    ahead = nil
    try source.rewind()
    clock.reset()
    passHadItems = false
    passTime = nil
    target = nil
    passingTo = nil
    place = nil
    hasEnded = false
  }
}
