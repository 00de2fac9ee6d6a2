// The book of one simulated symbol: ten levels a side on neighbouring price steps, so a best bid, a
// spread and twenty sizes describe it. The spread is at least one step, so the book is never locked
// or crossed; every size is at least 1, so no level is missing. The price stays within half and
// twice where it began. All state is integer.

import MarketData

struct SimulatedBook {
  enum Side: CaseIterable {
    case bid, ask
  }

  static let levels = Depth.levelsMax
  /// A wider spread is narrowed at once.
  private static let spreadStepsMax: Int64 = 4

  private let stepNanos: Int64
  private let unitNanos: Int64
  private let stepsRange: ClosedRange<Int64>
  private let isCrypto: Bool
  private var bidSteps: Int64
  private var spreadSteps: Int64 = 1
  private var bidSizes = InlineArray<10, Int64>(repeating: 1)
  private var askSizes = InlineArray<10, Int64>(repeating: 1)

  init(_ listing: SimulatedListing, generator: inout SeededGenerator) {
    stepNanos = listing.stepNanos
    unitNanos = listing.unitNanos
    isCrypto = listing.market == .crypto
    bidSteps = listing.priceSteps
    stepsRange = listing.priceSteps / 2...listing.priceSteps * 2
    for level in 0..<SimulatedBook.levels {
      bidSizes[level] = newSize(&generator)
      askSizes[level] = newSize(&generator)
    }
  }

  private mutating func newSize(_ generator: inout SeededGenerator) -> Int64 {
    if isCrypto { return 1 + generator.below(1 + generator.below(40_000)) }
    // Mostly round lots, as on US exchanges.
    if generator.below(8) == 0 { return 1 + generator.below(99) }
    return 100 * (1 + generator.below(1 + generator.below(20)))
  }

  private func tradeSize(_ generator: inout SeededGenerator) -> Int64 {
    if isCrypto { return 1 + generator.below(1 + generator.below(10_000)) }
    return generator.below(2) == 0 ? 1 + generator.below(99) : 100 * (1 + generator.below(4))
  }

  func price(_ side: Side, _ level: Int) -> Decimal9 {
    let steps = side == .bid ? bidSteps - Int64(level) : bidSteps + spreadSteps + Int64(level)
    return Decimal9(nanos: steps * stepNanos)
  }

  func size(_ side: Side, _ level: Int) -> Decimal9 {
    Decimal9(nanos: (side == .bid ? bidSizes[level] : askSizes[level]) * unitNanos)
  }

  /// A trade against the touch of `side`, at its price; it takes all or a part of it.
  mutating func trade(_ side: Side, _ generator: inout SeededGenerator) -> Level {
    let touch = side == .bid ? bidSizes[0] : askSizes[0]
    var taken = generator.below(8) == 0 ? touch : min(touch, tradeSize(&generator))
    let price = price(side, 0)
    if taken == touch, !canMoveAway(side) { taken = max(1, touch - 1) }
    if taken < touch {
      if side == .bid { bidSizes[0] -= taken } else { askSizes[0] -= taken }
    } else if canMoveAway(side) {
      moveAway(side, &generator)
      if spreadSteps > SimulatedBook.spreadStepsMax {
        improve(side == .bid ? .ask : .bid, &generator)
      }
    }
    return Level(price: price, size: Decimal9(nanos: taken * unitNanos))
  }

  /// Changes the touch of one side: its price or its size.
  mutating func moveTouch(_ generator: inout SeededGenerator) {
    let side: Side = generator.below(2) == 0 ? .bid : .ask
    let choice = generator.below(8)
    if choice < 2 * (spreadSteps - 1) {
      improve(side, &generator)
    } else if choice == 7, spreadSteps < SimulatedBook.spreadStepsMax, canMoveAway(side) {
      moveAway(side, &generator)
    } else {
      resize(side, 0, &generator)
    }
  }

  /// Changes the size of one level behind the touch.
  mutating func changeDepth(_ generator: inout SeededGenerator) {
    let side: Side = generator.below(2) == 0 ? .bid : .ask
    resize(side, Int(1 + generator.below(Int64(SimulatedBook.levels - 1))), &generator)
  }

  private mutating func resize(_ side: Side, _ level: Int, _ generator: inout SeededGenerator) {
    let old = side == .bid ? bidSizes[level] : askSizes[level]
    var new = newSize(&generator)
    if new == old { new += isCrypto ? 1 : 100 }
    if side == .bid { bidSizes[level] = new } else { askSizes[level] = new }
  }

  private func canMoveAway(_ side: Side) -> Bool {
    side == .bid
      ? bidSteps > stepsRange.lowerBound : bidSteps + spreadSteps < stepsRange.upperBound
  }

  /// The best level goes; a new one appears behind the others.
  private mutating func moveAway(_ side: Side, _ generator: inout SeededGenerator) {
    let last = SimulatedBook.levels - 1
    let new = newSize(&generator)
    spreadSteps += 1
    if side == .bid {
      bidSteps -= 1
      for level in 0..<last { bidSizes[level] = bidSizes[level + 1] }
      bidSizes[last] = new
    } else {
      for level in 0..<last { askSizes[level] = askSizes[level + 1] }
      askSizes[last] = new
    }
  }

  /// A new best level appears within the spread, which must have room; the last one goes.
  private mutating func improve(_ side: Side, _ generator: inout SeededGenerator) {
    precondition(spreadSteps > 1)
    let last = SimulatedBook.levels - 1
    let new = newSize(&generator)
    spreadSteps -= 1
    if side == .bid {
      bidSteps += 1
      for level in (0..<last).reversed() { bidSizes[level + 1] = bidSizes[level] }
      bidSizes[0] = new
    } else {
      for level in (0..<last).reversed() { askSizes[level + 1] = askSizes[level] }
      askSizes[0] = new
    }
  }
}
