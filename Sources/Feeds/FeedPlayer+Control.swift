// What a play is told while it runs.

public import MarketData

extension FeedPlayer {
  /// Nothing is due until `resume`; the feed's clock stands still.
  public func pause(monotonicNanoseconds now: UInt64) {
    guard !isPaused else { return }
    isPaused = true
    holdPlace(now)
  }

  /// Play goes on from where the clock stands.
  public func resume() { isPaused = false }

  /// Play goes on at another speed from where the clock is.
  public func setSpeed(_ speed: FeedSpeed, monotonicNanoseconds now: UInt64) {
    if !isPassing { holdPlace(now) }
    clock = FeedClock(speed: speed, timestamps: clock.timestamps)
  }

  /// The next event at once, of a play that is paused; then its clock stands there. Nil when it is not
  /// paused, or on the way to a place.
  public func takeNext(
    monotonicNanoseconds now: UInt64, wall: Timestamp
  ) throws(FeedsError) -> FeedStep? {
    guard isPaused, !isPassing else { return nil }
    guard !hasEnded else { return .ended }
    guard let item = try peek() else { return try finishPass() }
    guard !item.isPassed else { return nil }
    clock.start(at: item.time, monotonicNanoseconds: now, wall: wall)
    let taken = handOut(item, wall)
    clock.reset()
    place = taken.time
    return .item(taken)
  }

  /// Sends play to `time`: items before it are passed over, those at it are played. Past the end is
  /// the end. Numbering restarts.
  ///
  /// True when play went back, so that what has been shown has not happened yet.
  public func seek(to time: Timestamp) throws(FeedsError) -> Bool {
    let isBack = passTime.map { $0 >= time } ?? false
    if isBack { try rewind() }
    guard !hasEnded else { return false }
    clock.reset()
    place = nil
    target = time
    return isBack
  }

  /// The feed time of the first item of all; nil of a feed that has none.
  public func firstTime() throws(FeedsError) -> Timestamp? {
    if first == nil, !hasEnded { _ = try peek() }
    return first
  }

  /// Sends play to the beginning.
  public func restart() throws(FeedsError) { try rewind() }

  /// Where the feed's clock is: between the last event and the next.
  public func feedTime(monotonicNanoseconds now: UInt64) -> Timestamp? {
    if let target { return target }
    guard let place = clock.feedTime(monotonicNanoseconds: now) ?? place else { return time }
    return max(min(place, ahead?.time ?? place), passTime ?? place)
  }

  /// Stops the clock where it is.
  private func holdPlace(_ now: UInt64) {
    guard !isPassing else { return }
    if let here = feedTime(monotonicNanoseconds: now), passTime != nil { place = here }
    clock.reset()
  }
}
