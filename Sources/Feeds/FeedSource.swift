public import MarketData

/// One event of a feed with its place on it.
public struct FeedItem: Sendable {
  /// The feed's own number of the event: the `"N"` of the stream. It grows, from 1 at the earliest;
  /// events that one message of an exchange makes (a trade, the quote and the depth it leaves) have
  /// that message's number in common, at most one event of a kind and symbol.
  public var position: UInt64
  /// When the event came on the feed; it paces the play and never goes back within one pass.
  public var time: Timestamp
  /// What happened; its timestamps are the exchange's and may lie before or after `time`.
  public var event: FeedEvent
  /// It lies before the place where play begins: it makes the state there, and is no event of the play.
  public var isPassed: Bool

  public init(position: UInt64, time: Timestamp, event: FeedEvent, isPassed: Bool = false) {
    self.position = position
    self.time = time
    self.event = event
    self.isPassed = isPassed
  }
}

/// A feed that is read when one wants to: a tape, a recording, a simulation.
///
/// Everything is synchronous and belongs to one thread, the one that pulls.
public protocol FeedSource: AnyObject {
  /// Holds the tables that give the events' symbols and codes their meaning.
  var context: FeedContext { get }

  /// What is being read, for people: a path or a simulation's spec.
  var name: String { get }

  /// The next event; nil at the end, and again at each call after it.
  ///
  /// Throws when the feed cannot be read further at all. What can be skipped (a malformed line) is
  /// reported to the context and skipped.
  func next() throws(FeedsError) -> FeedItem?

  /// Starts again from the first event. Symbols keep their ids.
  func rewind() throws(FeedsError)
}
