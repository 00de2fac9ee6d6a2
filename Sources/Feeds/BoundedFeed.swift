// A part of a feed: from its start, inclusive, to its end, exclusive, by pacing time.
//
// What lies before the start is read all the same, since books are made of it. It comes first, marked
// as passed and at the time of the start: whoever plays makes the state of it that the part begins
// with, and shows nobody its events.

import MarketData

public final class BoundedFeed: FeedSource {
  public var context: FeedContext { source.context }
  public var name: String { source.name }
  private let source: any FeedSource
  private let bounds: FeedBounds
  /// The bounds on this feed, since its first event is known.
  private var span: (start: Timestamp, end: Timestamp)?
  private var last: Timestamp?
  private var hadItems = false
  private var isOver = false

  public init(_ source: any FeedSource, _ bounds: FeedBounds) {
    self.source = source
    self.bounds = bounds
  }

  /// Throws at the end of a feed that has nothing between the bounds.
  public func next() throws(FeedsError) -> FeedItem? {
    guard !isOver else { return nil }
    guard var item = try source.next() else { return try finish(nil) }
    if span == nil { span = try resolve(item.time) }
    let span = span!
    guard item.time < span.end else { return try finish(item.time) }
    last = item.time
    if item.time < span.start {
      item.time = span.start
      item.isPassed = true
    } else {
      hadItems = true
    }
    return item
  }

  public func rewind() throws(FeedsError) {
    try source.rewind()
    isOver = false
    hadItems = false
    last = nil
  }

  private func resolve(_ first: Timestamp) throws(FeedsError) -> (start: Timestamp, end: Timestamp)
  {
    let start = bounds.start?.resolved(first: first) ?? Timestamp(nanoseconds: .min)
    let end = bounds.end?.resolved(first: first) ?? Timestamp(nanoseconds: .max)
    if bounds.start != nil, bounds.end != nil { try FeedBounds.check(start < end) }
    return (start, end)
  }

  /// The part is over, by an event at `next` or by the feed's end.
  private func finish(_ next: Timestamp?) throws(FeedsError) -> FeedItem? {
    isOver = true
    guard !hadItems else { return nil }
    let before = last.map { "the last before is at \($0)" }
    let after = next.map { "the next is at \($0)" }
    let places = [before, after].compactMap { $0 }.joined(separator: ", ")
    throw FeedsError(
      .badArgument,
      "\(name): no event between --start and --end\(places.isEmpty ? "" : ": \(places)")")
  }
}
