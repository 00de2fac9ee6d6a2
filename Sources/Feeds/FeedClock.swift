// The clock of a feed: which moment of ours a moment of the feed falls on.
//
// Pure: it is told the time and never asks. An anchor ties one feed time to one monotonic and one
// wall time; everything else is a distance from it, divided by the speed. All arithmetic is of
// integers and saturates: a tape may carry any timestamp. Anchoring again (at each pass of a loop,
// and whenever play is to go on from another place or moment) is all that a pause, a seek or a
// standby that follows its leader's clock need.

public import MarketData

public struct FeedClock: Sendable {
  public let speed: FeedSpeed
  public let timestamps: FeedTimestamps
  private var anchor: Anchor?

  private struct Anchor {
    var feed: Timestamp
    var monotonicNanoseconds: UInt64
    var wall: Timestamp
  }

  public init(speed: FeedSpeed = .realTime, timestamps: FeedTimestamps = .rebased) {
    self.speed = speed
    self.timestamps = timestamps
  }

  public var isAnchored: Bool { anchor != nil }

  /// From now on `feed` time falls on this moment.
  public mutating func start(at feed: Timestamp, monotonicNanoseconds: UInt64, wall: Timestamp) {
    anchor = Anchor(feed: feed, monotonicNanoseconds: monotonicNanoseconds, wall: wall)
  }

  /// The next `start` will say where feed time lies.
  public mutating func reset() { anchor = nil }

  /// The feed time that falls on this moment; saturating. Nil when there is none: not anchored, or at
  /// full speed.
  public func feedTime(monotonicNanoseconds now: UInt64) -> Timestamp? {
    guard let anchor, case .factor(let factor) = speed else { return nil }
    let passed = Int64(
      clamping: now < anchor.monotonicNanoseconds
        ? 0 : now - anchor.monotonicNanoseconds)
    let product = passed.multipliedFullWidth(by: factor.nanos)
    // Does not fit when |product.high| could reach the divisor.
    guard product.high.magnitude < Decimal9.scale.magnitude / 2 else {
      return Timestamp(nanoseconds: .max)
    }
    let (sum, overflow) = anchor.feed.nanoseconds.addingReportingOverflow(
      Decimal9.scale.dividingFullWidth(product).quotient)
    return Timestamp(nanoseconds: overflow ? .max : sum)
  }

  /// The monotonic time at which what came at `time` is due; 0 when at once.
  public func dueNanoseconds(_ time: Timestamp) -> UInt64 {
    guard let anchor, case .factor = speed else { return 0 }
    let offset = elapsed(from: anchor.feed, to: time)
    if offset < 0 {
      return anchor.monotonicNanoseconds
        &- min(
          offset.magnitude, anchor.monotonicNanoseconds)
    }
    let (sum, overflow) = anchor.monotonicNanoseconds.addingReportingOverflow(UInt64(offset))
    return overflow ? .max : sum
  }

  /// The timestamp under which an event of the feed goes out: its own, or moved to our time, and
  /// then never later than `wall`, the wall time now.
  public func outgoing(_ timestamp: Timestamp, wall: Timestamp) -> Timestamp {
    guard timestamps == .rebased else { return timestamp }
    guard let anchor, case .factor = speed else { return wall }
    let offset = elapsed(from: anchor.feed, to: timestamp)
    let (sum, overflow) = anchor.wall.nanoseconds.addingReportingOverflow(offset)
    if overflow { return offset < 0 ? Timestamp(nanoseconds: .min) : wall }
    return min(Timestamp(nanoseconds: sum), wall)
  }

  /// The event with its timestamps as they go out.
  public func outgoing(_ event: FeedEvent, wall: Timestamp) -> FeedEvent {
    guard timestamps == .rebased else { return event }
    switch event {
    case .trade(var trade):
      trade.timestamp = outgoing(trade.timestamp, wall: wall)
      return .trade(trade)
    case .quote(var quote):
      quote.timestamp = outgoing(quote.timestamp, wall: wall)
      return .quote(quote)
    case .depth(var depth):
      depth.timestamp = outgoing(depth.timestamp, wall: wall)
      return .depth(depth)
    case .bar(var bar, let kind):
      bar.start = outgoing(bar.start, wall: wall)
      return .bar(bar, kind)
    case .status(var status):
      status.timestamp = outgoing(status.timestamp, wall: wall)
      return .status(status)
    case .cancel(var cancel):
      cancel.timestamp = outgoing(cancel.timestamp, wall: wall)
      return .cancel(cancel)
    case .correction(var correction):
      correction.timestamp = outgoing(correction.timestamp, wall: wall)
      return .correction(correction)
    case .stale(let symbol, let since):
      return .stale(symbol, since: outgoing(since, wall: wall))
    }
  }

  /// Nanoseconds of ours between two feed times; saturating. Only with a factor.
  private func elapsed(from: Timestamp, to: Timestamp) -> Int64 {
    guard case .factor(let factor) = speed else { return 0 }
    let (distance, overflow) = to.nanoseconds.subtractingReportingOverflow(from.nanoseconds)
    guard !overflow else { return to > from ? .max : .min }
    if factor.nanos == Decimal9.scale { return distance }
    let product = distance.multipliedFullWidth(by: Decimal9.scale)
    // Does not fit when |product.high| could reach the divisor.
    guard product.high.magnitude < factor.nanos.magnitude / 2 else {
      return distance > 0 ? .max : .min
    }
    return factor.nanos.dividingFullWidth(product).quotient
  }
}
