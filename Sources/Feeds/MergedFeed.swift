// Several feeds as one, by their pacing times; of equal times the feed that was named first is first.
//
// One context, so one table: a symbol that is in two feeds is one symbol. Its trades are one row, and
// its quote or book is whichever came last. That is right for feeds that complete each other (the
// trades of a day in one file, its books in another), and what two venues of one symbol look like
// without a consolidated tape.
//
// Positions are counted anew: they grow by one with every message, and events of one message go on
// having one in common. The same feeds in the same order give the same positions.

import MarketData

public final class MergedFeed: FeedSource {
  public let context: FeedContext
  public var name: String { sources.map(\.name).joined(separator: " + ") }
  private let sources: [any FeedSource]
  /// The next item of each.
  private var ahead: [FeedItem?] = []
  private var hasBegun = false
  private var position: UInt64 = 0
  /// One of them cannot be read further, and so all of them.
  private var failure: FeedsError?
  /// Where the item given last came from.
  private var last: (source: Int, position: UInt64)?

  /// The feeds must share `context`. There is at least one.
  public init(_ sources: [any FeedSource], context: FeedContext) {
    precondition(!sources.isEmpty && sources.allSatisfy { $0.context === context })
    self.sources = sources
    self.context = context
  }

  public func next() throws(FeedsError) -> FeedItem? {
    if let failure { throw failure }
    if !hasBegun {
      ahead = []
      for source in sources { ahead.append(try source.next()) }
      hasBegun = true
    }
    var first: Int?
    for index in ahead.indices {
      guard let item = ahead[index] else { continue }
      if let best = first, ahead[best]!.time <= item.time { continue }
      first = index
    }
    guard let first, var item = ahead[first] else { return nil }
    do throws(FeedsError) {
      ahead[first] = try sources[first].next()
    } catch {
      // This item was read before it, and is not lost.
      ahead[first] = nil
      failure = error
    }
    if last?.source != first || last?.position != item.position { position += 1 }
    last = (first, item.position)
    item.position = position
    return item
  }

  public func rewind() throws(FeedsError) {
    for source in sources { try source.rewind() }
    hasBegun = false
    failure = nil
    position = 0
    last = nil
  }
}
