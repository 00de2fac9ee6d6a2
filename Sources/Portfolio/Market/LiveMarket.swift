// The newest values of the market, read from Redis at each request: nothing is kept.
//
// A value is shown only while the feed vouches for it. Its key is a lease, which the ingester lets go;
// but a dead ingester's leases run on for up to 2 s, so the feed's heartbeat is read with them: one that
// says paused or ended, or that is older than a gateway would believe, makes every value stale; and one of
// a new run makes those stale that an earlier run left.
//
// Redis is one node: its keys come by MGET in batches. Of a cluster each key is in a slot of its own
// (`RedisSlot`; symbols have no hash tags, since a channel is its key), where batches would be pipelined
// GETs to each node: `ask` is the only place that would change. One loop's.
import EventLoops
import MarketData
import RedisClient
import WebTransport

/// What a request for live values finds.
struct LiveReading {
  /// By symbol, in the order asked for, a row for each of the kinds; those with at least one.
  var found: [(symbol: String, rows: [MessageRow?])] = []
  /// Known, but without a value that may be shown.
  var stale: [String] = []
}

/// A value that can be asked for: under which key it is, and what it is there.
struct LiveKind: Sendable {
  let key: MarketKey
  let shape: MessageShape

  static let trade = LiveKind(key: .price, shape: MessageTable.trade)
  static let quote = LiveKind(key: .quote, shape: MessageTable.quote)
  static let orderBook = LiveKind(key: .depth, shape: MessageTable.orderBook)
  static let bar = LiveKind(key: .bar, shape: MessageTable.bar)
  static let updatedBar = LiveKind(key: .barUpdated, shape: MessageTable.updatedBar)
  static let dailyBar = LiveKind(key: .barDaily, shape: MessageTable.dailyBar)
}

final class LiveMarket {
  private let redis: RedisConnection
  private let heartbeatKey: [UInt8]
  /// A value that could not be read, and why; what it says comes from outside.
  private let report: (String) -> Void
  /// Values that could not be read.
  private(set) var malformed: UInt64 = 0

  /// `redis` is of the market role; started and closed by who made it.
  init(redis: RedisConnection, feed: String, report: @escaping (String) -> Void) {
    self.redis = redis
    heartbeatKey = Array(FeedKey.heartbeat.name(feed: feed).utf8)
    self.report = report
  }

  /// Each symbol once, with the newest value of each of the kinds.
  ///
  /// - Throws: 503 when Redis does not answer in time.
  func read(_ kinds: [LiveKind], of symbols: [String]) async throws(HTTPError) -> LiveReading {
    let keys = symbols.flatMap { symbol in kinds.map { LiveMarket.key($0.key, symbol) } }
    let (run, values) = try await ask(keys)
    var reading = LiveReading()
    var isKnown: Set<String> = []
    var without: [String] = []
    for (place, symbol) in symbols.enumerated() {
      let own = values[place * kinds.count..<(place + 1) * kinds.count]
      let rows = run.map { run in zip(kinds, own).map { row($0, symbol, $1, of: run) } } ?? []
      if rows.contains(where: { $0 != nil }) {
        reading.found.append((symbol, rows))
      } else if own.contains(where: { $0 != nil }) {
        isKnown.insert(symbol)
        without.append(symbol)
      } else {
        without.append(symbol)
      }
    }
    let unseen = without.filter { !isKnown.contains($0) }
    if !unseen.isEmpty {
      let last = try await ask(unseen.map(LiveMarket.lastKey)).values
      for (symbol, value) in zip(unseen, last) where value != nil { isKnown.insert(symbol) }
    }
    reading.stale = without.filter { isKnown.contains($0) }
    return reading
  }

  private func row(
    _ kind: LiveKind, _ symbol: String, _ value: [UInt8]?, of run: UInt64
  ) -> MessageRow? {
    guard let value else { return nil }
    do throws(RowFault) {
      let row = try kind.shape.row(value, symbol: symbol)
      return row.sequence.epoch >= run ? row : nil
    } catch {
      // A stale marker is as good a reason as any other text not to show it.
      malformed &+= 1
      report("the value of \(symbol) for \(kind.shape.name)s cannot be shown: \(error)")
      return nil
    }
  }

  // MARK: - Redis

  private enum Part {
    case values([[UInt8]?])
    case heartbeat([UInt8]?)
    case timeToLive(Redis.TimeToLive.Answer)
  }

  /// All in one write: the heartbeat, how long it is still good for, and the keys in batches.
  private func ask(
    _ keys: [[UInt8]]
  ) async throws(HTTPError) -> (run: UInt64?, values: [[UInt8]?]) {
    let batches = stride(from: 0, to: keys.count, by: PortfolioLimits.liveBatchKeys).map {
      Array(keys[$0..<min($0 + PortfolioLimits.liveBatchKeys, keys.count)])
    }
    let parts = await Gathering<Part>.answers(
      batches.count + 2, on: redis.loop, withinMilliseconds: RESTLimits.priceMilliseconds
    ) { gathering in
      // A key that is absent is an answer too.
      func take<Answer>(
        _ place: Int, _ result: Result<Answer, RedisError>, _ part: (Answer) -> Part
      ) {
        if case .success(let answer) = result {
          gathering.take(place, part(answer))
        } else {
          gathering.take(place, nil)
        }
      }
      redis.send(Redis.Get(heartbeatKey)) { take(0, $0) { .heartbeat($0) } }
      redis.send(Redis.TimeToLive(heartbeatKey)) { take(1, $0) { .timeToLive($0) } }
      for (place, batch) in batches.enumerated() {
        redis.send(Redis.MGet(batch)) { take(place + 2, $0) { .values($0) } }
      }
    }
    var heartbeat: [UInt8]?
    var rest = Redis.TimeToLive.Answer.absent
    var values: [[UInt8]?] = []
    for part in parts {
      switch part {
      case .heartbeat(let value): heartbeat = value
      case .timeToLive(let answer): rest = answer
      case .values(let some): values += some
      case nil: throw .unavailable("live prices cannot be reached")
      }
    }
    guard values.count == keys.count else { throw .unavailable("live prices cannot be reached") }
    return (LiveMarket.run(heartbeat, rest), values)
  }

  /// The run of the feed whose values are vouched for now: those of its epochs, from this one on. Nil:
  /// none is.
  static func run(_ heartbeat: [UInt8]?, _ rest: Redis.TimeToLive.Answer) -> UInt64? {
    guard case .milliseconds(let rest) = rest, let heartbeat,
      let heard = heartbeat.withUnsafeBytes({ try? FeedHeartbeat(parsing: $0) })
    else { return nil }
    // It is set anew four times a second: what it has lost of its time to live is its age.
    let age = Int64(FeedKey.heartbeat.ttlMilliseconds) - rest
    guard heard.state == .live, age <= PortfolioLimits.heartbeatAgeMaxMilliseconds else {
      return nil
    }
    return heard.run
  }

  private static func key(_ key: MarketKey, _ symbol: String) -> [UInt8] {
    var out = ByteWriter(capacity: 64)
    key.append(symbol: symbol.utf8Span.span.bytes, to: &out)
    return out.withUnsafeBytes { Array($0) }
  }

  private static func lastKey(_ symbol: String) -> [UInt8] {
    var out = ByteWriter(capacity: 64)
    LastPrice.appendKey(symbol: symbol.utf8Span.span.bytes, to: &out)
    return out.withUnsafeBytes { Array($0) }
  }
}
