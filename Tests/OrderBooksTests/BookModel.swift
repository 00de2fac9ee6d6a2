import OrderBooks

/// The books as slowly and plainly as they can be: a dictionary of orders, everything else is summed
/// up anew.
struct BookModel {
  struct Order: Equatable {
    var book: UInt16
    var side: BookSide
    var shares: UInt32
    var price: UInt32
  }

  let ordersMax: Int
  let levelsMax: Int
  private(set) var orders: [UInt64: Order] = [:]

  enum Operation {
    case add(UInt64, UInt16, BookSide, UInt32, UInt32)
    case reduce(UInt64, UInt16, UInt32)
    case delete(UInt64, UInt16)
    case replace(UInt64, UInt64, UInt16, UInt32, UInt32)
  }

  /// Best first.
  func levels(_ book: UInt16, _ side: BookSide) -> [(price: UInt32, size: UInt64)] {
    var sums: [UInt32: UInt64] = [:]
    for order in orders.values where order.book == book && order.side == side {
      sums[order.price, default: 0] += UInt64(order.shares)
    }
    return sums.sorted { side == .bid ? $0.key > $1.key : $0.key < $1.key }
      .map { (price: $0.key, size: $0.value) }
  }

  mutating func apply(_ operation: Operation) -> BookFault? {
    switch operation {
    case .add(let reference, let book, let side, let shares, let price):
      guard shares > 0 else { return .zeroShares }
      guard orders[reference] == nil else { return .duplicateOrder }
      guard orders.count < ordersMax else { return .ordersFull }
      // The sum over all orders is slow; a bound that is never met needs none.
      let levels = levelsMax < 1_000 ? levels(book, side) : []
      guard levels.contains(where: { $0.price == price }) || levels.count < levelsMax else {
        return .levelsFull
      }
      orders[reference] = Order(book: book, side: side, shares: shares, price: price)
    case .reduce(let reference, let book, let shares):
      guard shares > 0 else { return .zeroShares }
      guard let order = orders[reference] else { return .unknownOrder }
      guard order.book == book else { return .otherBook }
      if shares < order.shares {
        orders[reference]?.shares -= shares
      } else {
        orders[reference] = nil
        if shares > order.shares { return .tooManyShares }
      }
    case .delete(let reference, let book):
      guard let order = orders[reference] else { return .unknownOrder }
      guard order.book == book else { return .otherBook }
      orders[reference] = nil
    case .replace(let old, let new, let book, let shares, let price):
      guard shares > 0 else { return .zeroShares }
      guard let order = orders[old] else { return .unknownOrder }
      guard order.book == book else { return .otherBook }
      guard orders[new] == nil else { return .duplicateOrder }
      orders[old] = nil
      return apply(.add(new, book, order.side, shares, price))
    }
    return nil
  }
}

extension OrderBookSet {
  mutating func apply(_ operation: BookModel.Operation) -> BookChange {
    switch operation {
    case .add(let reference, let book, let side, let shares, let price):
      add(reference, book: book, side: side, shares: shares, price: price)
    case .reduce(let reference, let book, let shares):
      reduce(reference, book: book, by: shares)
    case .delete(let reference, let book): delete(reference, book: book)
    case .replace(let old, let new, let book, let shares, let price):
      replace(old, with: new, book: book, shares: shares, price: price)
    }
  }

  func levels(_ book: UInt16, _ side: BookSide) -> [(price: UInt32, size: UInt32)] {
    (0..<levelCount(book, side)).map { level(book, side, rank: $0) }
  }

  /// As text, for comparing: best levels first.
  func text(_ book: UInt16) -> String {
    BookSide.allCases.map { side in
      levels(book, side).map { "\($0.price)x\($0.size)" }.joined(separator: " ")
    }.joined(separator: "|")
  }
}
