// The orders of one simulated symbol: zero-intelligence flow. New orders join a level or open one,
// orders are cancelled wholly or in part or replaced, and trades take the oldest order at the touch;
// which of it happens, where and how large, is drawn without regard to profit. Their book is one of
// an `OrderBookSet`, so levels, sizes and gaps are what the orders make of them.
//
// Kept whatever is drawn: each side has more than ten levels (a change that takes one adds one
// behind the others), the spread is at least one step and mostly at most four, a side has about
// `ordersMax` orders at most (the worst makes room), and the touch stays within half and twice where it
// began. Sizes and prices are integers, in units and steps of the listing.

import MarketData
import OrderBooks

struct SimulatedBook {
  private struct Resting {
    var reference: UInt64
    var steps: UInt32
  }

  /// A wider spread is narrowed at once.
  private static let spreadStepsMax: UInt32 = 4
  /// Two more than are shown, so that a change at the tenth has something behind it.
  private static let levelsMin = Depth.levelsMax + 2
  /// Orders of one side: some four at each level shown.
  private static let ordersMax = 40
  private static let ordersFew = 24

  let number: UInt16
  let units: BookUnits
  private let touchRange: ClosedRange<UInt32>
  private let isCrypto: Bool
  private var bids: [Resting] = []
  private var asks: [Resting] = []

  init(
    _ listing: SimulatedListing, number: UInt16, market: inout SimulatedOrders,
    generator: inout SeededGenerator
  ) {
    self.number = number
    units = BookUnits(priceNanos: listing.stepNanos, sizeNanos: listing.unitNanos)
    isCrypto = listing.market == .crypto
    let touch = UInt32(clamping: listing.priceSteps)
    touchRange = touch / 2...touch * 2
    bids.reserveCapacity(SimulatedBook.ordersMax)
    asks.reserveCapacity(SimulatedBook.ordersMax)
    for level in 0..<UInt32(SimulatedBook.levelsMin) {
      for _ in 0...generator.below(2) {
        add(.bid, touch - level, &market, &generator)
        add(.ask, touch + 1 + level, &market, &generator)
      }
    }
  }

  // MARK: - What is there

  private func best(_ side: BookSide, _ market: borrowing SimulatedOrders) -> UInt32 {
    market.books.level(number, side, rank: 0).price
  }

  private func spread(_ market: borrowing SimulatedOrders) -> UInt32 {
    best(.ask, market) - best(.bid, market)
  }

  private func canMoveAway(_ side: BookSide, _ market: borrowing SimulatedOrders) -> Bool {
    side == .bid
      ? best(.bid, market) > touchRange.lowerBound : best(.ask, market) < touchRange.upperBound
  }

  /// The price this many steps towards the other side.
  private static func better(_ side: BookSide, _ steps: UInt32, by distance: UInt32) -> UInt32 {
    side == .bid ? steps + distance : steps - distance
  }

  private func orders(_ side: BookSide) -> [Resting] { side == .bid ? bids : asks }

  // MARK: - What happens

  /// A trade against the oldest order at the touch of `side`, at its price; it takes all or a part.
  mutating func trade(
    _ side: BookSide, _ market: inout SimulatedOrders, _ generator: inout SeededGenerator
  ) -> Level {
    makeRoom(.bid, &market)
    makeRoom(.ask, &market)
    let steps = best(side, market)
    if !canMoveAway(side, market) { add(side, steps, &market, &generator) }
    let oldest = orders(side).indices.filter { orders(side)[$0].steps == steps }
      .min { orders(side)[$0].reference < orders(side)[$1].reference }!
    let reference = orders(side)[oldest].reference
    let shares = market.shares(reference)
    let taken = generator.below(8) == 0 ? shares : min(shares, tradeSize(&generator))
    market.execute(number, reference, taken)
    if taken == shares { forget(side, oldest) }
    replenish(side, &market, &generator)
    if spread(market) > SimulatedBook.spreadStepsMax {
      improve(side == .bid ? .ask : .bid, &market, &generator)
    }
    return Level(price: units.price(steps), size: units.size(UInt64(taken)))
  }

  /// Changes the touch of one side: its price or its size.
  mutating func moveTouch(
    _ market: inout SimulatedOrders, _ generator: inout SeededGenerator
  ) {
    let side: BookSide = generator.below(2) == 0 ? .bid : .ask
    makeRoom(side, &market)
    let steps = best(side, market)
    let spread = spread(market)
    let choice = generator.below(8)
    if choice < 2 * Int64(spread - 1) {
      improve(side, &market, &generator)
    } else if choice >= 5, spread < SimulatedBook.spreadStepsMax, canMoveAway(side, market) {
      withdraw(side, at: steps, &market, &generator)
      replenish(side, &market, &generator)
    } else if choice == 4 {
      resize(side, at: steps, &market, &generator)
    } else {
      add(side, steps, &market, &generator)
    }
  }

  /// Changes one level behind the touch, of those that are shown.
  mutating func changeDepth(
    _ market: inout SimulatedOrders, _ generator: inout SeededGenerator
  ) {
    let side: BookSide = generator.below(2) == 0 ? .bid : .ask
    let rank = Int(1 + generator.below(Int64(Depth.levelsMax - 1)))
    let steps = market.books.level(number, side, rank: rank).price
    let count = orders(side).count
    if count < SimulatedBook.ordersFew
      || (count < SimulatedBook.ordersMax && generator.below(2) == 0)
    {
      // Into the gap above the level, if there is one, as often as not.
      let next = market.books.level(number, side, rank: rank - 1).price
      let gap = (side == .bid ? next - steps : steps - next) - 1
      let opens = gap > 0 && generator.below(2) == 0
      let place = opens ? UInt32(1 + generator.below(Int64(gap))) : 0
      add(side, SimulatedBook.better(side, steps, by: place), &market, &generator)
    } else if generator.below(4) == 0 {
      resize(side, at: steps, &market, &generator)
    } else {
      withdraw(side, at: steps, &market, &generator)
      replenish(side, &market, &generator)
    }
  }

  /// A new order within the spread, which must have room.
  private mutating func improve(
    _ side: BookSide, _ market: inout SimulatedOrders, _ generator: inout SeededGenerator
  ) {
    let room = spread(market) - 1
    precondition(room > 0)
    let distance = UInt32(1 + generator.below(Int64(room)))
    add(
      side, SimulatedBook.better(side, best(side, market), by: distance), &market, &generator)
  }

  /// An order at a price is cancelled: all of it.
  private mutating func withdraw(
    _ side: BookSide, at steps: UInt32, _ market: inout SimulatedOrders,
    _ generator: inout SeededGenerator
  ) {
    let index = pick(side, at: steps, &generator)
    market.delete(number, orders(side)[index].reference)
    forget(side, index)
  }

  /// An order at a price becomes another size: by a part cancelled, or replaced by a new one.
  private mutating func resize(
    _ side: BookSide, at steps: UInt32, _ market: inout SimulatedOrders,
    _ generator: inout SeededGenerator
  ) {
    let index = pick(side, at: steps, &generator)
    let reference = orders(side)[index].reference
    let old = market.shares(reference)
    if old > 1, generator.below(2) == 0 {
      market.cancel(number, reference, UInt32(1 + generator.below(Int64(old - 1))))
      return
    }
    var shares = newSize(&generator)
    if shares == old { shares += 1 }
    let new = market.replace(number, reference, shares, steps)
    if side == .bid { bids[index].reference = new } else { asks[index].reference = new }
  }

  private mutating func add(
    _ side: BookSide, _ steps: UInt32, _ market: inout SimulatedOrders,
    _ generator: inout SeededGenerator
  ) {
    let reference = market.add(number, side, newSize(&generator), steps)
    let order = Resting(reference: reference, steps: steps)
    if side == .bid { bids.append(order) } else { asks.append(order) }
  }

  /// Cancels an order of a full side: of the worst level or, when there is none to spare, one that
  /// shares its level. The touch may be concerned, so a quote must follow.
  private mutating func makeRoom(_ side: BookSide, _ market: inout SimulatedOrders) {
    let orders = orders(side)
    guard orders.count >= SimulatedBook.ordersMax else { return }
    let count = market.books.levelCount(number, side)
    let worst = market.books.level(number, side, rank: count - 1).price
    // More orders than levels: two share one.
    let index =
      count > SimulatedBook.levelsMin
      ? orders.lastIndex { $0.steps == worst }!
      : orders.indices.first { index in
        orders[(index + 1)...].contains { $0.steps == orders[index].steps }
      }!
    market.delete(number, orders[index].reference)
    forget(side, index)
  }

  /// Opens levels behind the others until there are enough.
  private mutating func replenish(
    _ side: BookSide, _ market: inout SimulatedOrders, _ generator: inout SeededGenerator
  ) {
    while market.books.levelCount(number, side) < SimulatedBook.levelsMin {
      let count = market.books.levelCount(number, side)
      let worst = market.books.level(number, side, rank: count - 1).price
      // Half of the price where it began is hundreds of steps: bids do not come near 0.
      add(side, side == .bid ? worst - 1 : worst + 1, &market, &generator)
    }
  }

  private func pick(
    _ side: BookSide, at steps: UInt32, _ generator: inout SeededGenerator
  ) -> Int {
    let orders = orders(side)
    let count = orders.reduce(0) { $0 + ($1.steps == steps ? 1 : 0) }
    var left = generator.below(Int64(count))
    return orders.indices.first { index in
      guard orders[index].steps == steps else { return false }
      left -= 1
      return left < 0
    }!
  }

  private mutating func forget(_ side: BookSide, _ index: Int) {
    if side == .bid {
      bids.swapAt(index, bids.count - 1)
      bids.removeLast()
    } else {
      asks.swapAt(index, asks.count - 1)
      asks.removeLast()
    }
  }

  // MARK: - Sizes

  private func newSize(_ generator: inout SeededGenerator) -> UInt32 {
    if isCrypto { return UInt32(1 + generator.below(1 + generator.below(40_000))) }
    // Mostly round lots, as on US exchanges.
    if generator.below(8) == 0 { return UInt32(1 + generator.below(99)) }
    return UInt32(100 * (1 + generator.below(1 + generator.below(8))))
  }

  private func tradeSize(_ generator: inout SeededGenerator) -> UInt32 {
    if isCrypto { return UInt32(1 + generator.below(1 + generator.below(10_000))) }
    return generator.below(2) == 0
      ? UInt32(1 + generator.below(99)) : UInt32(100 * (1 + generator.below(4)))
  }
}
