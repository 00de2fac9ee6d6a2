// A simulated market: orders that come and go, and the quotes, trades and ten levels of depth that
// they make.
//
// Time is cut into events. A trade happens at the touch and is followed by the quote and the depth
// that it leaves; a change of the touch by its quote and depth; a change behind it by its depth. So
// right after every depth the symbol's last quote equals its top. Each symbol first shows a quote
// and a depth. The orders behind an event change before it is handed out. The same spec gives the
// same events: own generator, integers only.

public import MarketData

public final class SimulatedFeed: FeedSource {
  public let context: FeedContext
  public let spec: SimulationSpec
  public var name: String { spec.description }
  private var generator: SeededGenerator
  private var schedule: BurstSchedule
  private let keepsFlow: Bool
  private(set) var orders: SimulatedOrders
  private(set) var markets: [SimulatedMarket] = []
  /// Sums of the symbols' weights, for choosing one.
  private var weightSums: [Int64] = []
  private var position: UInt64 = 0
  /// The symbol whose last event is still to be followed by others, and by which.
  private var current = 0
  private var owed: [SimulatedMarket.Output] = []
  private var shown = 0

  /// When the simulated session begins: 2025-06-12T13:30:00Z, an opening bell in New York.
  public static let sessionStart = Timestamp(nanoseconds: 1_749_735_000 * 1_000_000_000)

  public convenience init(_ spec: SimulationSpec, context: FeedContext) throws(FeedsError) {
    try self.init(spec, context: context, keepsFlow: false)
  }

  /// - Parameter keepsFlow: whether `orders.flow` tells what happened to orders before each event.
  init(_ spec: SimulationSpec, context: FeedContext, keepsFlow: Bool) throws(FeedsError) {
    self.spec = spec
    self.context = context
    self.keepsFlow = keepsFlow
    orders = SimulatedOrders(keepsFlow: keepsFlow)
    generator = SeededGenerator(seed: spec.seed)
    schedule = BurstSchedule(rate: spec.rate, open: spec.open)
    try begin()
  }

  public func rewind() throws(FeedsError) { try begin() }

  public func next() throws(FeedsError) -> FeedItem? {
    let (nanoseconds, second) = schedule.next(&generator)
    if let seconds = spec.seconds, second >= seconds { return nil }
    let time = Timestamp(nanoseconds: SimulatedFeed.sessionStart.nanoseconds + nanoseconds)
    if owed.isEmpty {
      // What made the books when the simulation began goes with the first event.
      if position > 0 { orders.forgetFlow() }
      act()
    } else {
      orders.forgetFlow()
    }
    position += 1
    context.counters.events += 1
    let event = markets[current].event(
      owed.removeLast(), timestamp: time, &orders, &generator)
    return FeedItem(position: position, time: time, event: event)
  }

  /// Chooses what happens next; `owed` is in reverse order.
  private func act() {
    if shown < markets.count {
      current = shown
      shown += 1
      owed = spec.mix[1] > 0 ? [.depth, .quote] : [.depth]
      return
    }
    current = chooseMarket()
    // A trade has three events, a touch two, a change behind it one; in proportion to the mix there
    // are mix[0] trades, mix[1] - mix[0] touches and mix[2] - mix[1] other changes.
    let choice = Int(generator.below(Int64(spec.mix[2])))
    if choice < spec.mix[0] {
      owed = [.depth, .quote, .trade]
    } else if choice < spec.mix[1] {
      markets[current].book.moveTouch(&orders, &generator)
      owed = [.depth, .quote]
    } else {
      markets[current].book.changeDepth(&orders, &generator)
      owed = [.depth]
    }
  }

  private func chooseMarket() -> Int {
    let point = generator.below(weightSums[weightSums.count - 1])
    var lower = 0
    var upper = weightSums.count - 1
    while lower < upper {
      let middle = (lower + upper) / 2
      if weightSums[middle] <= point { lower = middle + 1 } else { upper = middle }
    }
    return lower
  }

  private func begin() throws(FeedsError) {
    generator = SeededGenerator(seed: spec.seed)
    schedule = BurstSchedule(rate: spec.rate, open: spec.open)
    orders = SimulatedOrders(keepsFlow: keepsFlow)
    markets = []
    weightSums = []
    position = 0
    shown = 0
    owed = []
    var sum: Int64 = 0
    for index in 0..<spec.stocks + spec.crypto {
      let rank = index < spec.stocks ? index : index - spec.stocks
      let listing =
        index < spec.stocks
        ? SimulatedListing.stock(rank, generator: &generator)
        : SimulatedListing.crypto(rank, generator: &generator)
      do throws(MarketDataError) {
        let symbol = try context.symbols.intern(listing.name)
        markets.append(
          SimulatedMarket(
            symbol, listing, number: UInt16(index), context, &orders, &generator))
      } catch {
        throw FeedsError(.badArgument, "\(name): symbol \(listing.name): \(error)")
      }
      sum += spec.popularity == .even ? 1 : 1_000_000 / Int64(rank + 4)
      weightSums.append(sum)
    }
  }
}
