// The books of many stocks, order by order.
//
// Orders lie in one `OrderTable`, levels in two `LevelArray`s a book; an order knows its book, side
// and price, and so its level. Invariant: a level's size is the sum of the shares of the orders at
// its price, and no order has 0 shares. Whatever is asked for keeps it: what is impossible is
// refused and counted (`BookFault`).
//
// It does not check that the sides do not cross: exchanges' opening and closing crosses do show
// crossed books. Prices are integers in units of the caller's. Belongs to one thread.

public struct OrderBookSet: ~Copyable {
  public let ordersMax: Int
  public let levelsMax: Int
  public private(set) var faults = BookFaultCounts()
  private var orders = OrderTable()
  /// Bids and asks of each book in turn.
  private var sides: UnsafeMutablePointer<LevelArray>
  /// Books that have sides.
  private var bookCount = 0

  /// Traps unless both bounds are positive.
  public init(
    ordersMax: Int = OrderBooksLimits.ordersMax, levelsMax: Int = OrderBooksLimits.levelsMax
  ) {
    precondition(ordersMax > 0 && levelsMax > 0)
    self.ordersMax = ordersMax
    self.levelsMax = levelsMax
    sides = OrderBookSet.allocate(0)
  }

  deinit { OrderBookSet.free(sides, bookCount) }

  private static func allocate(_ books: Int) -> UnsafeMutablePointer<LevelArray> {
    let sides = UnsafeMutablePointer<LevelArray>.allocate(capacity: max(1, 2 * books))
    sides.initialize(repeating: LevelArray(), count: 2 * books)
    return sides
  }

  private static func free(_ sides: UnsafeMutablePointer<LevelArray>, _ books: Int) {
    for index in 0..<2 * books { sides[index].free() }
    sides.deallocate()
  }

  /// The levels of a side of a book that has sides.
  @inline(__always)
  private func levels(_ book: UInt16, _ side: BookSide) -> UnsafeMutablePointer<LevelArray> {
    sides + (2 &* Int(book) &+ Int(side.rawValue))
  }

  /// Forgets all orders and faults.
  public mutating func removeAll() {
    OrderBookSet.free(sides, bookCount)
    sides = OrderBookSet.allocate(0)
    bookCount = 0
    orders = OrderTable()
    faults = BookFaultCounts()
  }

  // MARK: - Changes

  /// A new order rests in a book.
  @inline(__always)
  @discardableResult
  public mutating func add(
    _ reference: UInt64, book: UInt16, side: BookSide, shares: UInt32, price: UInt32
  ) -> BookChange {
    guard shares != 0 else { return refuse(.zeroShares) }
    if Int(book) >= bookCount { growBooks(to: Int(book) + 1) }
    guard let slot = orders.vacancy(for: reference) else { return refuse(.duplicateOrder) }
    guard orders.count < ordersMax else { return refuse(.ordersFull) }
    let key = LevelArray.key(side, price)
    let rank = levels(book, side).pointee.add(key, shares, levelsMax: levelsMax)
    guard rank >= 0 else {
      return refuse(rank == LevelArray.levelsFull ? .levelsFull : .sizeFull)
    }
    orders.fill(
      slot,
      OrderSlot(reference: reference, price: price, shares: shares, book: book, side: side))
    return BookChange(price: price, shares: shares, book: book, side: side, rank: rank)
  }

  /// Shares of an order were executed or cancelled; with its last share the order is gone.
  @inline(__always)
  @discardableResult
  public mutating func reduce(
    _ reference: UInt64, book: UInt16, by shares: UInt32
  ) -> BookChange {
    guard shares != 0 else { return refuse(.zeroShares) }
    guard let slot = orders.find(reference) else { return refuse(.unknownOrder) }
    let order = slot.pointee
    guard order.book == book else { return refuse(.otherBook) }
    let taken = min(shares, order.shares)
    var change = take(order, taken)
    if taken == order.shares {
      orders.remove(slot)
      if shares > taken {
        faults[.tooManyShares] += 1
        change.fault = .tooManyShares
      }
    } else {
      slot.pointee.shares = order.shares &- taken
    }
    return change
  }

  /// An order is gone.
  @inline(__always)
  @discardableResult
  public mutating func delete(_ reference: UInt64, book: UInt16) -> BookChange {
    guard let slot = orders.find(reference) else { return refuse(.unknownOrder) }
    let order = slot.pointee
    guard order.book == book else { return refuse(.otherBook) }
    let change = take(order, order.shares)
    orders.remove(slot)
    return change
  }

  /// An order gives way to a new one on the same side of the same book.
  @inline(__always)
  @discardableResult
  public mutating func replace(
    _ reference: UInt64, with new: UInt64, book: UInt16, shares: UInt32, price: UInt32
  ) -> BookChange {
    guard shares != 0 else { return refuse(.zeroShares) }
    guard let slot = orders.find(reference) else { return refuse(.unknownOrder) }
    let order = slot.pointee
    guard order.book == book else { return refuse(.otherBook) }
    guard orders.find(new) == nil else { return refuse(.duplicateOrder) }
    let removed = take(order, order.shares)
    orders.remove(slot)
    var added = add(new, book: book, side: order.side, shares: shares, price: price)
    added.rank = min(added.rank, removed.rank)
    // Refused for its price, where there is no room: what is certain is that the old order is gone.
    if added.fault != nil { (added.book, added.side) = (book, order.side) }
    return added
  }

  @inline(__always)
  private mutating func take(_ order: OrderSlot, _ shares: UInt32) -> BookChange {
    let key = LevelArray.key(order.side, order.price)
    let rank = levels(order.book, order.side).pointee.take(key, shares)
    return BookChange(
      price: order.price, shares: shares, book: order.book, side: order.side, rank: rank)
  }

  @inline(never)
  private mutating func refuse(_ fault: BookFault) -> BookChange {
    faults[fault] += 1
    return BookChange(fault: fault)
  }

  @inline(never)
  private mutating func growBooks(to count: Int) {
    let new = min(OrderBooksLimits.booksMax, max(count, 2 * bookCount, 64))
    let grown = OrderBookSet.allocate(new)
    grown.update(from: sides, count: 2 * bookCount)
    sides.deallocate()
    sides = grown
    bookCount = new
  }

  /// Begins to bring the slot of an order from memory that is going to be changed soon.
  @inline(__always)
  public func prefetch(_ reference: UInt64) { orders.prefetch(reference) }

  /// Begins to bring the best levels of a book from memory.
  @inline(__always)
  public func prefetchLevels(_ book: UInt16) {
    guard Int(book) < bookCount else { return }
    levels(book, .bid).pointee.prefetch()
    levels(book, .ask).pointee.prefetch()
  }

  // MARK: - What is there

  public var orderCount: Int { orders.count }

  /// Memory of orders and levels, free slots included.
  public var byteCount: Int {
    var sum = orders.byteCount + 2 * bookCount * MemoryLayout<LevelArray>.stride
    for index in 0..<2 * bookCount { sum += sides[index].byteCount }
    return sum
  }

  /// A resting order.
  public func order(
    _ reference: UInt64
  ) -> (book: UInt16, side: BookSide, shares: UInt32, price: UInt32)? {
    orders.find(reference).map {
      ($0.pointee.book, $0.pointee.side, $0.pointee.shares, $0.pointee.price)
    }
  }

  public func levelCount(_ book: UInt16, _ side: BookSide) -> Int {
    guard Int(book) < bookCount else { return 0 }
    return Int(levels(book, side).pointee.count)
  }

  /// The level with this many better ones; traps when there is none.
  @inline(__always)
  public func level(
    _ book: UInt16, _ side: BookSide, rank: Int
  ) -> (price: UInt32, size: UInt32) {
    precondition(Int(book) < bookCount)
    let level = levels(book, side).pointee[rank]
    return (LevelArray.key(side, level.key), level.size)
  }
}
