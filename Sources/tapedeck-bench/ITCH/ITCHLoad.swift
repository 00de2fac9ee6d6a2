// A made-up day of ITCH messages with a known mix: 45 % new orders, 42 % deletions, 6 % executions,
// 5 % replacements and 2 % of everything else (trades with hidden orders, crosses, statuses).
//
// Stocks are equally busy and their middles stand still: bids lie below, asks above, at distances
// that are small more often than not, up to 200 steps. Which resting order is deleted, executed or
// replaced is drawn from all of them, old or young: for caches the worst case, since a real day's
// orders mostly die young. Equal seeds give equal bytes.

import MarketData
import OrderBooks

struct ITCHLoad: ~Copyable {
  struct Resting {
    var reference: UInt64
    var price: UInt32
    var shares: UInt32
    var locate: UInt16
    var side: BookSide
  }

  private let stocks: Int
  /// Only the youngest this many of the resting orders are changed; `Int.max`: all.
  private let youngest: Int
  private var state: UInt64
  private var resting: [Resting] = []
  private var names: [UInt64] = []
  private var middles: [UInt32] = []
  private var reference: UInt64 = 0
  private var match: UInt64 = 0
  private var time: UInt64 = 34_200_000_000_000
  var writer = ITCHWriter(capacity: 1 << 20)

  var restingCount: Int { resting.count }

  init(stocks: Int, seed: UInt64, youngest: Int = .max) {
    self.stocks = stocks
    self.youngest = youngest
    state = seed
    for index in 0..<stocks {
      let digits = String(index + 1)
      let name = "SIM" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      names.append(ITCHWriter.stock(name.utf8))
      middles.append(UInt32(100_000 + below(3_000_000)) / 100 * 100)
    }
    writer.systemEvent(UInt8(ascii: "O"), nanoseconds: 11_000_000_000_000)
    for index in 0..<stocks {
      writer.directory(
        UInt16(index + 1), stock: names[index], marketCategory: UInt8(ascii: "Q"),
        nanoseconds: 11_000_000_000_000)
    }
  }

  /// SplitMix64.
  private mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Int(z.multipliedFullWidth(by: UInt64(bound)).high)
  }

  private mutating func shares() -> UInt32 {
    below(4) == 0 ? UInt32(1 + below(99)) : UInt32(100 * (1 + below(1 + below(10))))
  }

  private mutating func price(_ stock: Int, _ side: BookSide) -> UInt32 {
    let distance = UInt32(100 * (1 + below(1 + below(1 + below(200)))))
    return side == .bid ? middles[stock] - distance : middles[stock] + distance
  }

  private mutating func pick() -> Int {
    let count = resting.count
    return count <= youngest ? below(count) : count - youngest + below(youngest)
  }

  private mutating func forget(_ index: Int) {
    let last = resting.removeLast()
    if index < resting.count { resting[index] = last }
  }

  mutating func appendMessage() {
    time += UInt64(1 + below(2_000))
    let choice = below(100)
    guard choice >= 45, choice < 98, resting.count > stocks else {
      return choice >= 98 ? other() : add()
    }
    let index = pick()
    let order = resting[index]
    switch choice {
    case 45..<87:
      writer.delete(order.locate, order.reference, nanoseconds: time)
      forget(index)
    case 87..<93: execute(index, order)
    default:
      reference += 1
      let shares = shares()
      let price = price(Int(order.locate) - 1, order.side)
      writer.replace(
        order.locate, order.reference, with: reference, shares: shares, price: price,
        nanoseconds: time)
      forget(index)
      resting.append(
        Resting(
          reference: reference, price: price, shares: shares, locate: order.locate,
          side: order.side))
    }
  }

  private mutating func add() {
    reference += 1
    let stock = below(stocks)
    let side: BookSide = below(2) == 0 ? .bid : .ask
    let order = Resting(
      reference: reference, price: price(stock, side), shares: shares(),
      locate: UInt16(stock + 1), side: side)
    resting.append(order)
    writer.add(
      order.locate, reference, side, shares: order.shares, stock: names[stock],
      price: order.price, nanoseconds: time)
  }

  private mutating func execute(_ index: Int, _ order: Resting) {
    match += 1
    // One in five takes all that is left, so that the day ends with more orders than it began.
    let part = below(5) == 0 ? order.shares : UInt32(1 + below(Int(order.shares)))
    if part == order.shares { forget(index) } else { resting[index].shares -= part }
    writer.execute(order.locate, order.reference, shares: part, match: match, nanoseconds: time)
  }

  private mutating func other() {
    let stock = below(stocks)
    match += 1
    switch below(10) {
    case 0:
      writer.cross(
        UInt16(stock + 1), shares: 1_000, stock: names[stock], price: middles[stock],
        match: match, type: UInt8(ascii: "O"), nanoseconds: time)
    case 1:
      writer.tradingAction(
        UInt16(stock + 1), stock: names[stock], state: UInt8(ascii: "T"), reason: 0x2020_2020,
        nanoseconds: time)
    default:
      writer.trade(
        UInt16(stock + 1), .bid, shares: shares(), stock: names[stock], price: middles[stock],
        match: match, nanoseconds: time)
    }
  }
}
