import Bars
import MarketData
import TestSupport
import Testing

/// Goal: what is told at last of each minute is what a plain computation over all its trades gives,
/// whatever order they came in. Method: random trades, some late, some ahead, against sorting and
/// adding up with no memory of the order but for equal times.
@Suite struct BarModelTests {
  private struct Taken {
    var trade: Trade
    var place: Int
  }

  @Test(arguments: seeds(count: 30)) func barsAreThoseOfAllTrades(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let scene = BarScene()
    let names = ["AAPL", "MSFT", "BTC/USD"]
    let ids = names.map { try! scene.symbols.intern($0) }
    let begin = BarScene.time("2026-11-20T15:00:00Z").nanoseconds
    var taken: [[Int64: [Taken]]] = Array(repeating: [:], count: 3)
    var latest: [[Int64: BuiltBar]] = Array(repeating: [:], count: 3)
    var last: [SequenceNumber] = Array(repeating: .zero, count: 3)
    var closed: Set<String> = []
    var clock = begin
    var position: UInt64 = 0
    func tell(_ built: BuiltBar) {
      guard built.kind != .daily else { return }
      let symbol = Int(built.bar.symbol.index)
      #expect(built.sequence > last[symbol], "seed \(seed): the order goes back")
      last[symbol] = built.sequence
      let key = "\(symbol) \(built.bar.start.nanoseconds)"
      if built.kind == .minute {
        #expect(closed.insert(key).inserted, "seed \(seed): a minute was told twice")
        #expect(built.bar.start.nanoseconds + 60_000_000_000 <= clock || clock == .max)
      }
      latest[symbol][built.bar.start.nanoseconds] = built
    }
    for _ in 0..<3_000 {
      clock += Int64(random.next() % 400_000_000)
      if random.next() % 500 == 0 { clock += 180_000_000_000 }
      scene.maker.advance(to: Timestamp(nanoseconds: clock), tell)
      let symbol = Int(random.next() % 3)
      var time = clock
      switch random.next() % 10 {
      case 0: time -= Int64(random.next() % 150_000_000_000)
      case 1: time += Int64(random.next() % 20_000_000_000)
      default: time -= Int64(random.next() % 3) * 500_000_000
      }
      // Equal times are the interesting ones.
      time -= time % 250_000_000
      position += random.next() % 3 + 1
      let trade = Trade(
        symbol: ids[symbol], timestamp: Timestamp(nanoseconds: time),
        price: Decimal9(nanos: Int64(random.next() % 1_000) * 10_000_000 + 1),
        size: Decimal9(nanos: Int64(random.next() % 5_000_000_000)))
      let minute = floor(time)
      if minute >= floor(clock) - 2, minute <= floor(clock) + 1 {
        taken[symbol][minute, default: []].append(Taken(trade: trade, place: Int(position)))
      }
      scene.maker.take(trade, sequence: SequenceNumber(epoch: 1, number: position), tell)
    }
    clock = .max
    scene.maker.finish(tell)
    for symbol in 0..<3 {
      #expect(latest[symbol].count == taken[symbol].count, "seed \(seed)")
      for (minute, trades) in taken[symbol] {
        let expected = model(trades, ids[symbol], minute)
        #expect(latest[symbol][minute * 60_000_000_000]?.bar == expected, "seed \(seed)")
      }
    }
  }

  private func floor(_ nanoseconds: Int64) -> Int64 { nanoseconds / 60_000_000_000 }

  private func model(_ trades: [Taken], _ symbol: SymbolID, _ minute: Int64) -> Bar {
    let sorted = trades.sorted {
      ($0.trade.timestamp.nanoseconds, $0.place) < ($1.trade.timestamp.nanoseconds, $1.place)
    }
    var volume: Int128 = 0
    var notional: Int128 = 0
    for taken in trades {
      volume += Int128(taken.trade.size.nanos)
      notional += Int128(taken.trade.size.nanos) * Int128(taken.trade.price.nanos)
    }
    let prices = trades.map(\.trade.price)
    let mean = volume > 0 ? (notional * 2 + volume) / (volume * 2) : 0
    return Bar(
      symbol: symbol, start: Timestamp(nanoseconds: minute * 60_000_000_000),
      open: sorted[0].trade.price, high: prices.max()!, low: prices.min()!,
      close: sorted.last!.trade.price, volume: WideDecimal9(nanos: volume),
      tradeCount: UInt64(trades.count),
      vwap: volume > 0 ? Decimal9(nanos: Int64(mean)) : nil)
  }
}
