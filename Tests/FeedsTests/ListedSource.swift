import Feeds
import MarketData

/// A source of given items.
final class ListedSource: FeedSource {
  let context: FeedContext
  let name: String
  var items: [FeedItem]
  var index = 0
  private(set) var rewinds = 0
  /// Thrown in place of the item with this index.
  var failsAt: Int?

  /// Quotes at these times, with positions from 1.
  init(milliseconds: [Int64], name: String = "list", context: FeedContext = FeedContext()) {
    self.name = name
    self.context = context
    items = milliseconds.enumerated().map { ordinal, time in
      let timestamp = Timestamp(nanoseconds: time * 1_000_000)
      let quote = Quote(
        symbol: SymbolID(index: 0), timestamp: timestamp, bidPrice: .zero, bidSize: .zero,
        askPrice: .zero, askSize: .zero)
      return FeedItem(position: UInt64(ordinal + 1), time: timestamp, event: .quote(quote))
    }
  }

  func next() throws(FeedsError) -> FeedItem? {
    if index == failsAt { throw FeedsError(.cannotRead, "\(name): the disk is gone") }
    guard index < items.count else { return nil }
    index += 1
    return items[index - 1]
  }

  func rewind() throws(FeedsError) {
    index = 0
    rewinds += 1
  }
}
