// The trades of the last while, so that a broken one can be told with its price and size: the
// exchange names it by its match number alone. A ring; the oldest gives way.

import MarketData

struct RecentTrades {
  struct Entry {
    var match: UInt64
    var price: UInt32
    var locate: UInt16
    var shares: UInt64
  }

  private let capacity: Int
  private var entries: [Entry] = []
  private var oldest = 0

  init(capacity: Int) { self.capacity = capacity }

  mutating func add(_ entry: Entry) {
    guard entries.count == capacity else {
      entries.append(entry)
      return
    }
    entries[oldest] = entry
    oldest = oldest + 1 == capacity ? 0 : oldest + 1
  }

  /// Trades are broken some dozen times on a day, so they are looked for one by one.
  func find(_ match: UInt64) -> Entry? { entries.first { $0.match == match } }

  mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    oldest = 0
  }
}
