import OrderBooks
import TestSupport
import Testing

@Suite struct OrderBookSetTests {
  @Test func ordersAtAPriceAreOneLevel() {
    var books = OrderBookSet()
    books.add(1, book: 3, side: .bid, shares: 100, price: 1_000)
    books.add(2, book: 3, side: .bid, shares: 50, price: 1_000)
    books.add(3, book: 3, side: .bid, shares: 7, price: 1_100)
    books.add(4, book: 3, side: .ask, shares: 9, price: 1_200)
    books.add(5, book: 3, side: .ask, shares: 9, price: 1_150)
    #expect(books.text(3) == "1100x7 1000x150|1150x9 1200x9")
    #expect(books.text(2) == "|")
    books.delete(1, book: 3)
    #expect(books.text(3) == "1100x7 1000x50|1150x9 1200x9")
    books.reduce(3, book: 3, by: 7)
    #expect(books.text(3) == "1000x50|1150x9 1200x9")
    #expect(books.orderCount == 3 && books.faults.sum == 0)
  }

  @Test func aChangeTellsItsRankPriceAndShares() {
    var books = OrderBookSet()
    for step in 0..<12 as Range<UInt64> {
      books.add(step, book: 0, side: .bid, shares: 10, price: 1_000 - UInt32(step))
    }
    #expect(books.reduce(3, book: 0, by: 4).rank == 3)
    let change = books.reduce(3, book: 0, by: 6)
    #expect(change.rank == 3 && change.price == 997 && change.shares == 6 && change.side == .bid)
    #expect(books.add(20, book: 0, side: .bid, shares: 1, price: 1_001).rank == 0)
    // A replacement tells the better of both places.
    #expect(books.replace(20, with: 21, book: 0, shares: 1, price: 989).rank == 0)
    #expect(books.replace(21, with: 22, book: 0, shares: 1, price: 1_001).rank == 0)
    #expect(books.replace(11, with: 23, book: 0, shares: 1, price: 988).rank == 11)
  }

  @Test func theImpossibleIsRefusedCountedAndChangesNothing() {
    var books = OrderBookSet()
    books.add(1, book: 1, side: .bid, shares: 100, price: 10)
    books.add(2, book: 1, side: .ask, shares: 100, price: 12)
    let before = books.text(1)
    #expect(books.add(1, book: 2, side: .ask, shares: 5, price: 9).fault == .duplicateOrder)
    #expect(books.add(9, book: 1, side: .ask, shares: 0, price: 9).fault == .zeroShares)
    #expect(books.reduce(7, book: 1, by: 1).fault == .unknownOrder)
    #expect(books.reduce(1, book: 1, by: 0).fault == .zeroShares)
    #expect(books.reduce(1, book: 2, by: 1).fault == .otherBook)
    #expect(books.delete(7, book: 1).fault == .unknownOrder)
    #expect(books.delete(1, book: 2).fault == .otherBook)
    #expect(books.replace(7, with: 8, book: 1, shares: 1, price: 1).fault == .unknownOrder)
    #expect(books.replace(1, with: 8, book: 2, shares: 1, price: 1).fault == .otherBook)
    #expect(books.replace(1, with: 2, book: 1, shares: 1, price: 1).fault == .duplicateOrder)
    #expect(books.replace(1, with: 1, book: 1, shares: 1, price: 1).fault == .duplicateOrder)
    #expect(books.replace(1, with: 8, book: 1, shares: 0, price: 1).fault == .zeroShares)
    #expect(books.text(1) == before && books.text(2) == "|" && books.orderCount == 2)
    let counts = BookFault.allCases.map { books.faults[$0] }
    #expect(counts == [3, 3, 3, 0, 3, 0, 0, 0] && books.faults.sum == 12)
  }

  @Test func moreSharesThanThereAreTakeWhatIsThere() {
    var books = OrderBookSet()
    books.add(1, book: 1, side: .bid, shares: 100, price: 10)
    books.add(2, book: 1, side: .bid, shares: 1, price: 10)
    let change = books.reduce(1, book: 1, by: .max)
    #expect(change.fault == .tooManyShares && change.shares == 100 && change.rank == 0)
    #expect(books.text(1) == "10x1|" && books.orderCount == 1)
    #expect(books.faults[.tooManyShares] == 1)
  }

  @Test func whatIsFullRefusesTheNew() {
    var books = OrderBookSet(ordersMax: 3, levelsMax: 2)
    books.add(1, book: 0, side: .bid, shares: 1, price: 10)
    books.add(2, book: 0, side: .bid, shares: 1, price: 11)
    #expect(books.add(3, book: 0, side: .bid, shares: 1, price: 12).fault == .levelsFull)
    #expect(books.add(3, book: 0, side: .bid, shares: 1, price: 11).fault == nil)
    #expect(books.add(4, book: 1, side: .ask, shares: 1, price: 5).fault == .ordersFull)
    #expect(books.text(0) == "11x2 10x1|" && books.text(1) == "|" && books.orderCount == 3)
    // The old one is gone, though the new one has no place.
    let change = books.replace(2, with: 9, book: 0, shares: 1, price: 12)
    #expect(change.fault == .levelsFull && change.book == 0 && change.rank == 0)
    #expect(books.text(0) == "11x1 10x1|" && books.orderCount == 2)
    #expect(books.delete(9, book: 0).fault == .unknownOrder)
  }

  @Test func everyNumberOfABookAndEveryPriceIsPossible() {
    var books = OrderBookSet()
    for (reference, price) in [(0, 0), (UInt64.max, UInt32.max), (5, 7)] as [(UInt64, UInt32)] {
      for (book, side) in [(UInt16.max, BookSide.bid), (0, .ask)] {
        books.add(
          reference &+ UInt64(book == 0 ? 1 : 0) << 40, book: book, side: side, shares: .max,
          price: price)
      }
    }
    #expect(books.text(.max) == "4294967295x4294967295 7x4294967295 0x4294967295|")
    #expect(books.text(0) == "|0x4294967295 7x4294967295 4294967295x4294967295")
    for reference in [0, UInt64.max, 5] {
      #expect(books.delete(reference, book: .max).fault == nil)
      #expect(books.delete(reference &+ 1 << 40, book: 0).fault == nil)
    }
    #expect(books.text(.max) == "|" && books.text(0) == "|" && books.orderCount == 0)
  }

  @Test func moreSharesThanALevelHoldsAreRefused() {
    var books = OrderBookSet()
    books.add(1, book: 0, side: .bid, shares: .max - 5, price: 1)
    #expect(books.add(2, book: 0, side: .bid, shares: 6, price: 1).fault == .sizeFull)
    #expect(books.add(3, book: 0, side: .bid, shares: 5, price: 1).fault == nil)
    #expect(books.text(0) == "1x4294967295|" && books.orderCount == 2)
    #expect(books.add(4, book: 0, side: .bid, shares: 9, price: 2).fault == nil)
    #expect(books.replace(4, with: 5, book: 0, shares: 9, price: 1).fault == .sizeFull)
    #expect(books.text(0) == "1x4294967295|" && books.orderCount == 2)
  }

  @Test func aRestingOrderTakesAtMost80Bytes() {
    var books = OrderBookSet()
    var worst = 0.0
    for reference in 0..<400_000 as Range<UInt64> {
      books.add(
        reference, book: UInt16(reference % 500), side: reference % 2 == 0 ? .bid : .ask,
        shares: 1, price: UInt32(10_000 + (reference &* 2_654_435_761) % 100))
      guard books.orderCount >= 100_000 else { continue }
      if books.orderCount % 1_000 == 0 {
        worst = max(worst, Double(books.byteCount) / Double(books.orderCount))
      }
    }
    #expect(worst <= 80, "\(worst)")
  }

  // Random operations, many of them impossible, against the model; few references and prices, so
  // that they meet. Small bounds in every second run.
  @Test(arguments: seeds(from: 1, count: 8)) func booksAreTheModels(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let (ordersMax, levelsMax) = seed % 2 == 0 ? (60, 9) : (100_000, 16_384)
    var books = OrderBookSet(ordersMax: ordersMax, levelsMax: levelsMax)
    var model = BookModel(ordersMax: ordersMax, levelsMax: levelsMax)
    let range: UInt64 = seed % 4 < 2 ? 40 : 3_000
    // Neighbours, or numbers far apart that lie close in a table hashed badly.
    let stride: UInt64 = seed % 3 == 0 ? 1 << 44 : 1
    func reference() -> UInt64 { UInt64.random(in: 0..<range, using: &random) &* stride }
    func shares() -> UInt32 { UInt32.random(in: 0...6, using: &random) }
    func price() -> UInt32 { UInt32.random(in: 100..<140, using: &random) }
    func book() -> UInt16 { UInt16.random(in: 0..<3, using: &random) }
    for step in 0..<6_000 {
      let operation: BookModel.Operation
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4:
        operation = .add(
          reference(), book(), Bool.random(using: &random) ? .bid : .ask, shares(), price())
      case 4..<6: operation = .reduce(reference(), book(), shares())
      case 6..<8: operation = .delete(reference(), book())
      default: operation = .replace(reference(), reference(), book(), shares(), price())
      }
      // Most changes name the right book.
      let likely =
        Int.random(in: 0..<4, using: &random) > 0 ? model.corrected(operation) : operation
      let expected = model.apply(likely)
      let change = books.apply(likely)
      try #require(change.fault == expected, "seed \(seed) step \(step) \(likely)")
      try #require(books.orderCount == model.orders.count, "seed \(seed) step \(step)")
      guard step % 16 == 0 || expected != nil else { continue }
      for book in 0..<3 as Range<UInt16> {
        for side in BookSide.allCases {
          let (found, wanted) = (books.levels(book, side), model.levels(book, side))
          try #require(
            found.map(\.price) == wanted.map(\.price)
              && found.map { UInt64($0.size) } == wanted.map(\.size),
            "seed \(seed) step \(step) \(likely)")
        }
      }
    }
    for (reference, order) in model.orders {
      guard let found = books.order(reference) else {
        Issue.record("seed \(seed): order \(reference) is missing")
        continue
      }
      #expect(found == (order.book, order.side, order.shares, order.price))
    }
    books.removeAll()
    #expect(books.orderCount == 0 && books.faults.sum == 0 && books.text(0) == "|")
  }
}

extension BookModel {
  /// The operation on the book in which its order rests.
  func corrected(_ operation: Operation) -> Operation {
    switch operation {
    case .add: operation
    case .reduce(let reference, _, let shares):
      .reduce(reference, orders[reference]?.book ?? 0, shares)
    case .delete(let reference, _): .delete(reference, orders[reference]?.book ?? 0)
    case .replace(let old, let new, _, let shares, let price):
      .replace(old, new, orders[old]?.book ?? 0, shares, price)
    }
  }
}
