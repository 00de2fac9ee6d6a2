import MarketData
import TestSupport
import Testing

@Suite struct LevelBookTests {
  private func level(_ price: Int64, _ size: Int64) -> Level {
    Level(price: Decimal9(nanos: price), size: Decimal9(nanos: size))
  }

  private func top(_ book: LevelBook) -> (bids: [Level], asks: [Level]) {
    let depth = book.top(symbol: SymbolID(index: 0), timestamp: Timestamp(nanoseconds: 0))
    return (
      (0..<depth.bidCount).map { depth.bids[$0] }, (0..<depth.askCount).map { depth.asks[$0] }
    )
  }

  @Test func differencesSetAndDeleteLevelsBestFirst() {
    var book = LevelBook(levelsMax: 100)
    book.apply(
      bids: [level(10, 1), level(12, 2), level(11, 3)],
      asks: [level(15, 1), level(13, 2), level(14, 3)])
    #expect(book.bestBid == level(12, 2) && book.bestAsk == level(13, 2))
    book.apply(bids: [level(12, 0), level(9, 0), level(11, 7)], asks: [level(13, 0)])
    #expect(top(book).bids == [level(11, 7), level(10, 1)])
    #expect(top(book).asks == [level(14, 3), level(15, 1)])
    book.removeAll()
    #expect(book.isEmpty && book.bestBid == nil && book.bestAsk == nil)
  }

  @Test func snapshotsReplaceInAnyOrderAndTheLastOfAPriceCounts() {
    var book = LevelBook(levelsMax: 100)
    book.setBid(level(99, 9))
    book.replace(
      bids: [level(3, 1), level(5, 1), level(5, 2), level(4, 0), level(1, 1)],
      asks: [level(7, 1), level(8, 2)])
    #expect(top(book).bids == [level(5, 2), level(3, 1), level(1, 1)])
    #expect(top(book).asks == [level(7, 1), level(8, 2)])
  }

  @Test func theTopHasTenLevels() {
    var book = LevelBook(levelsMax: 100)
    for price in 1...30 as ClosedRange<Int64> { book.setAsk(level(price, price)) }
    #expect(top(book).asks == (1...10).map { level($0, $0) })
  }

  @Test func aFullSideDropsItsWorstLevelAndCounts() {
    var book = LevelBook(levelsMax: 3)
    for price in [5, 6, 7] as [Int64] { book.setBid(level(price, 1)) }
    book.setBid(level(4, 1))  // worse than all: it is the one that is dropped
    #expect(top(book).bids == [level(7, 1), level(6, 1), level(5, 1)] && book.droppedLevels == 1)
    book.setBid(level(8, 1))
    #expect(top(book).bids == [level(8, 1), level(7, 1), level(6, 1)] && book.droppedLevels == 2)
    book.replace(bids: [], asks: (1...5).map { level($0, 1) })
    #expect(top(book).asks == [level(1, 1), level(2, 1), level(3, 1)] && book.droppedLevels == 4)
  }

  @Test func extremePricesAreOrdered() {
    var book = LevelBook(levelsMax: 10)
    for price in [0, .max, .min, -1] as [Int64] {
      book.setBid(level(price, 1))
      book.setAsk(level(price, 1))
    }
    #expect(top(book).bids.map(\.price.nanos) == [.max, 0, -1, .min])
    #expect(top(book).asks.map(\.price.nanos) == [.min, -1, 0, .max])
  }

  /// Goal: the flat book is a map from price to size. Method: random changes near and far from the
  /// touch, compared with a dictionary, bounded by dropping its worst price.
  @Test(arguments: seeds(from: 1, count: 6))
  func agreesWithADictionary(seed: UInt64) throws {
    var state = seed
    func random(_ bound: UInt64) -> Int64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int64((state >> 33) % bound)
    }
    var book = LevelBook(levelsMax: 60)
    var model: [Int64: Int64] = [:]
    var dropped: UInt64 = 0
    for round in 0..<4_000 {
      let price = random(seed.isMultiple(of: 2) ? 55 : 150)
      let size = random(3)
      if random(500) == 0 {
        book.replace(bids: [level(price, 1)], asks: [level(-price, 1)])
        model = [price: 1]
      } else {
        book.setBid(level(price, size))
        book.setAsk(level(-price, size))
        model[price] = size == 0 ? nil : size
        if model.count > 60 {
          model[model.keys.min()!] = nil
          dropped += 2
        }
      }
      let expected = model.sorted { $0.key > $1.key }.prefix(10).map { level($0.key, $0.value) }
      let mirrored = expected.map { level(-$0.price.nanos, $0.size.nanos) }
      try #require(top(book).bids == expected, "seed \(seed), round \(round)")
      try #require(top(book).asks == mirrored, "seed \(seed), round \(round)")
      try #require(book.bidCount == model.count && book.droppedLevels == dropped)
    }
  }
}
