import Glibc
import MarketData
import Testing

@testable import Feeds

/// Real recordings, which are not part of the repository: beside it, or where TAPEDECK_FEEDS says.
enum RealFeeds {
  static let directory: String? = {
    var candidates: [String] = []
    if let path = getenv("TAPEDECK_FEEDS") { candidates.append(String(cString: path)) }
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    candidates.append("/\(root)/../shared/feeds")
    return candidates.first { access($0 + "/binance", R_OK) == 0 }
  }()

  /// Where CI runs, they must be there: a golden test that silently skips proves nothing.
  static let shouldRun = directory != nil || getenv("CI") != nil
}

@Suite(.enabled(if: RealFeeds.shouldRun, "set TAPEDECK_FEEDS to the recordings"))
struct BinanceGoldenTests {
  struct Expected: Sendable {
    var file: String
    var lines: Int
    var quotes: Int
    var trades: Int
    /// Differences applied to the book, those that waited for the snapshot included.
    var applied: Int
    /// Of these, those that waited; the recording shows the book once for all of them.
    var waited: Int
  }

  static let recordings = [
    Expected(
      file: "spot_btcusdt_20240808.gz", lines: 41_249, quotes: 28_040, trades: 9_757,
      applied: 3_449, waited: 1),
    Expected(
      file: "usdm_btcusdt_20240808.gz", lines: 93_954, quotes: 66_089, trades: 21_313,
      applied: 6_547, waited: 2),
  ]

  /// The touch that the exchange published last at or below an update id.
  private struct Tickers {
    private var tickers: [(id: Int, quote: Quote)]
    private var next = 0

    init(_ tickers: [(id: Int, quote: Quote)]) {
      self.tickers = tickers.sorted { $0.id < $1.id }
    }

    mutating func agree(_ bid: Level?, _ ask: Level?, id: Int) -> Bool {
      while next < tickers.count, tickers[next].id <= id { next += 1 }
      guard next > 0, let bid, let ask, bid.price < ask.price else { return false }
      let quote = tickers[next - 1].quote
      return bid == Level(price: quote.bidPrice, size: quote.bidSize)
        && ask == Level(price: quote.askPrice, size: quote.askSize)
    }
  }

  /// Goal: what leaves the reader is whole, and each book's touch is the one that the exchange
  /// published. Method: update ids are read from the raw lines by another, crude reader, and joined
  /// by line number.
  @Test(arguments: recordings)
  func eachBookThatLeavesEqualsTheExchangesOwnTouch(expected: Expected) throws {
    let directory = try #require(RealFeeds.directory, "the recordings are missing")
    let path = directory + "/binance/" + expected.file
    let source = try BinanceRecording(path: path, context: FeedContext())
    var tickers: [(id: Int, quote: Quote)] = []
    var depths: [(id: Int?, depth: Depth)] = []
    var trades = 0
    var last = Timestamp(nanoseconds: 0)
    let ids = try Gunzip.lines(path).map { Gunzip.number(after: "\"u\":", in: $0) }
    while let item = try source.next() {
      #expect(item.time >= last)
      last = item.time
      let id = ids[Int(item.position) - 1]
      switch item.event {
      case .quote(let quote): tickers.append((try #require(id), quote))
      case .depth(let depth): depths.append((id, depth))
      case .trade: trades += 1
      default: Issue.record("a hole, or what is not on the tape: \(item.event.text)")
      }
    }
    let counters = source.context.counters
    #expect(ids.count == expected.lines && counters.lines == UInt64(expected.lines))
    #expect(counters.malformedLines == 0 && counters.gaps == 0 && counters.droppedLevels == 0)
    #expect(tickers.count == expected.quotes && trades == expected.trades)
    #expect(source.context.symbols.name(of: SymbolID(index: 0)) == "BTC/USDT")
    // The first is the snapshot's, which has no update id.
    #expect(depths.count == expected.applied - expected.waited + 1 && depths[0].id == nil)
    #expect(depths.allSatisfy { $0.depth.bidCount == 10 && $0.depth.askCount == 10 })
    var published = Tickers(tickers)
    let equal = depths.filter { depth in
      guard let id = depth.id else { return false }
      return published.agree(depth.depth.bids[0], depth.depth.asks[0], id: id)
    }
    #expect(equal.count == expected.applied - expected.waited)
  }

  /// Goal: the same after each single difference, those that waited for the snapshot too.
  @Test(arguments: recordings)
  func bookEqualsTheExchangesOwnTouchAfterEveryDifference(expected: Expected) throws {
    let directory = try #require(RealFeeds.directory, "the recordings are missing")
    var book = BinanceBook()
    var tickers: [(id: Int, quote: Quote)] = []
    var touches: [(id: Int, bid: Level?, ask: Level?)] = []
    func note(_ outcome: BinanceBook.Outcome?) {
      guard outcome == .applied, let id = book.lastID else { return }
      touches.append((Int(id), book.levels.bestBid, book.levels.bestAsk))
    }
    var message = BinanceMessage()
    for line in try Gunzip.lines(directory + "/binance/" + expected.file) {
      try line.withUnsafeBytes { line in
        try message.read(line)
        switch message.kind {
        case .bookTicker:
          tickers.append(
            (
              Int(try #require(try message.fields.lastID.integer("u"))),
              try quote(message)
            ))
        case .difference:
          try message.bids.changes.check("b")
          try message.asks.changes.check("a")
          note(
            book.apply(
              try difference(message), bids: message.bids.levels, asks: message.asks.levels))
        case .snapshot:
          try message.bids.whole.check("bids")
          try message.asks.whole.check("asks")
          let id = try #require(try message.fields.snapshotID.integer("lastUpdateId"))
          let outcome = book.take(
            snapshotID: id, timestamp: message.received, bids: message.bids.levels,
            asks: message.asks.levels)
          #expect(outcome == .applied)
          while let outcome = book.applyNextWaiting() { note(outcome) }
        default: break
        }
      }
    }
    var published = Tickers(tickers)
    let equal = touches.filter { published.agree($0.bid, $0.ask, id: $0.id) }
    #expect(touches.count == expected.applied)
    #expect(equal.count == expected.applied)
  }

  private func quote(_ message: borrowing BinanceMessage) throws -> Quote {
    Quote(
      symbol: SymbolID(index: 0), timestamp: message.received,
      bidPrice: try message.fields.b.quotedDecimal("b"),
      bidSize: try message.fields.upperB.quotedDecimal("B"),
      askPrice: try message.fields.a.quotedDecimal("a"),
      askSize: try message.fields.upperA.quotedDecimal("A"))
  }

  private func difference(_ message: borrowing BinanceMessage) throws -> BinanceDifference {
    let fields = message.fields
    return BinanceDifference(
      firstID: try #require(try fields.firstID.integer("U")),
      lastID: try #require(try fields.lastID.integer("u")),
      previousID: try fields.previousID.integer("pu"), timestamp: message.received)
  }
}
