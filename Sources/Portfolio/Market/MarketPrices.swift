// Live prices and the feed's time, read from the market Redis at each request: nothing is kept, so
// nothing can be stale without being called so. One loop's.
//
// A key of the ingester is a lease: while it is there the price is live. When it has gone there is
// `stock:{symbol}:last` for a day; and when Redis is away there is nothing, which is said too.
import EventLoops
import MarketData
import RedisClient

/// What is known of a symbol's price now.
struct Mark: Hashable, Sendable {
  /// Nil when nothing is known.
  var price: MarketPrice?
  /// Not vouched for by a living feed.
  var isStale: Bool

  static let unknown = Mark(price: nil, isStale: true)
}

final class MarketPrices {
  private let redis: RedisConnection
  private let feed: String

  /// `redis` is of the market role; started and closed by who made it.
  init(redis: RedisConnection, feed: String) {
    self.redis = redis
    self.feed = feed
  }

  /// A mark for each symbol. Does not fail and takes at most `RESTLimits.priceMilliseconds`.
  func marks(_ symbols: [String]) async -> [String: Mark] {
    var keys: [[UInt8]] = []
    for symbol in symbols {
      for suffix in ["price", "quote", "last"] {
        keys.append(Array("stock:\(symbol):\(suffix)".utf8))
      }
    }
    let values = await values(keys)
    var marks: [String: Mark] = [:]
    for (index, symbol) in symbols.enumerated() {
      marks[symbol] = MarketPrices.mark(
        trade: values[3 * index], quote: values[3 * index + 1], last: values[3 * index + 2])
    }
    return marks
  }

  static func mark(trade: [UInt8]?, quote: [UInt8]?, last: [UInt8]?) -> Mark {
    if let live = trade.flatMap(MarketValue.trade) ?? quote.flatMap(MarketValue.quote) {
      return Mark(price: live, isStale: false)
    }
    return Mark(price: last.flatMap(MarketValue.last), isStale: true)
  }

  /// The feed's time, which is not the wall's when a tape is played with its own; nil when no feed
  /// says one.
  func feedTime() async -> Timestamp? {
    let key = Array(FeedKey.heartbeat.name(feed: feed).utf8)
    guard let value = await values([key])[0],
      let heartbeat = value.withUnsafeBytes({ try? FeedHeartbeat(parsing: $0) }),
      !heartbeat.isRebased, heartbeat.timestamp.nanoseconds > 0
    else { return nil }
    return heartbeat.timestamp
  }

  /// One GET for each key (in a cluster they are on many nodes), all in one write.
  private func values(_ keys: [[UInt8]]) async -> [[UInt8]?] {
    guard !keys.isEmpty else { return [] }
    return await Gathering.answers(
      keys.count, on: redis.loop, withinMilliseconds: RESTLimits.priceMilliseconds
    ) { gathering in
      for (index, key) in keys.enumerated() {
        redis.send(Redis.Get(key)) { gathering.take(index, (try? $0.get()) ?? nil) }
      }
    }
  }
}
