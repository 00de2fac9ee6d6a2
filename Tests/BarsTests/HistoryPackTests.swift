import Bars
import MarketData
import TestSupport
import Testing

@Suite struct HistoryPackTests {
  private let symbols = SymbolTable()
  private let codes = CodeTable()

  private func read(_ bytes: [UInt8]) throws(HistoryPackError) -> HistoryPack {
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(HistoryPackError) in try HistoryPack(bytes) }
    }.get()
  }

  private func trade(_ random: inout SplitMix64) -> Trade {
    var trade = Trade(
      symbol: try! symbols.intern("S\(random.next() % 40)"),
      timestamp: Timestamp(nanoseconds: Int64(bitPattern: random.next())),
      price: Decimal9(nanos: Int64(bitPattern: random.next()) >> Int64(random.next() % 60)),
      size: Decimal9(nanos: Int64(random.next() >> (1 + random.next() % 50))),
      id: random.next() % 2 == 0 ? nil : Int64(bitPattern: random.next()))
    if random.next() % 2 == 0 { trade.exchange = try! codes.intern("V") }
    if random.next() % 2 == 0 { trade.conditions = try! codes.intern(#"["@","I"]"#) }
    if random.next() % 2 == 0 { trade.tape = try! codes.intern("C\t\\é") }
    trade.takerSide = Trade.TakerSide(rawValue: UInt8(random.next() % 3))!
    return trade
  }

  @Test(arguments: seeds(count: 10)) func whatIsPackedIsReadBack(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var packer = HistoryPacker(kind: .trades, feed: "main")
    // Twice: the second pack has nothing left of the first.
    for _ in 0..<2 {
      var expected: [(Trade, SequenceNumber)] = []
      for _ in 0..<(random.next() % 200 + 1) {
        let sequence = SequenceNumber(epoch: random.next() >> 1, number: random.next() >> 1)
        let one = trade(&random)
        packer.add(one, sequence)
        expected.append((one, sequence))
      }
      let taken = packer.take(symbols: symbols, codes: codes)
      let bytes = try #require(taken)
      let pack = try read(bytes)
      #expect(pack.feed == "main" && pack.bars.isEmpty && pack.trades.count == expected.count)
      for (row, (trade, sequence)) in zip(pack.trades, expected) {
        #expect(pack.symbols[row.symbol] == symbols.name(of: trade.symbol))
        #expect(row.sequence == sequence && row.timestamp == trade.timestamp)
        #expect(row.price == trade.price && row.size == trade.size && row.id == trade.id)
        #expect(row.takerSide == trade.takerSide)
        for (place, code) in [
          (row.exchange, trade.exchange), (row.conditions, trade.conditions),
          (row.tape, trade.tape),
        ] {
          #expect(place.map { pack.codes[$0] } ?? "" == codes.text(of: code))
        }
      }
    }
    let empty = packer.take(symbols: symbols, codes: codes)
    #expect(empty == nil)
  }

  private func bar(_ random: inout SplitMix64) -> BuiltBar {
    func price() -> Decimal9 { Decimal9(nanos: Int64(bitPattern: random.next())) }
    var bar = Bar(
      symbol: try! symbols.intern("S\(random.next() % 40)"),
      start: Timestamp(nanoseconds: Int64(bitPattern: random.next())),
      open: price(), high: price(), low: price(), close: price(),
      volume: WideDecimal9(nanos: Int128(random.next()) << Int128(random.next() % 60)))
    if random.next() % 2 == 0 { bar.tradeCount = random.next() >> 1 }
    return BuiltBar(
      bar: bar, kind: .minute,
      notional: ExactSum(
        high: Int64(bitPattern: random.next()) >> Int64(random.next() % 64),
        low: UInt128(random.next()) << 64 | UInt128(random.next())),
      sequence: SequenceNumber(epoch: random.next() >> 1, number: random.next() >> 1))
  }

  @Test(arguments: seeds(count: 10)) func barsAreReadBack(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var packer = HistoryPacker(kind: .bars, feed: "replay")
    let expected = (0..<50).map { _ in bar(&random) }
    for bar in expected { packer.add(bar) }
    let taken = packer.take(symbols: symbols, codes: codes)
    let pack = try read(try #require(taken))
    #expect(pack.bars.count == 50)
    for (row, built) in zip(pack.bars, expected) {
      #expect(pack.symbols[row.symbol] == symbols.name(of: built.bar.symbol))
      #expect(row.sequence == built.sequence && row.start == built.bar.start)
      #expect([row.open, row.high] == [built.bar.open, built.bar.high])
      #expect([row.low, row.close] == [built.bar.low, built.bar.close])
      #expect(row.volume == built.bar.volume && row.notional == built.notional)
      #expect(row.tradeCount == built.bar.tradeCount)
    }
  }

  @Test func aTradeTakesFewBytes() throws {
    var packer = HistoryPacker(kind: .trades, feed: "main")
    let symbol = try symbols.intern("AAPL")
    for number in 1...1_000 {
      var trade = Trade(
        symbol: symbol,
        timestamp: Timestamp(nanoseconds: 1_795_242_180_000_000_000 + Int64(number) * 200_000_000),
        price: Decimal9(nanos: 189_970_000_000 + Int64(number % 7) * 10_000_000),
        size: Decimal9(nanos: 100_000_000_000), id: 52_983_525 + Int64(number))
      trade.exchange = try codes.intern("V")
      packer.add(trade, SequenceNumber(epoch: 1_795_242_180, number: UInt64(number) * 3))
    }
    let taken = packer.take(symbols: symbols, codes: codes)
    let bytes = try #require(taken)
    #expect(bytes.count < 30 * 1_000, "\(bytes.count)")
  }

  /// Nothing traps, and what is cut or changed is refused or reads as other rows; never beyond its end.
  @Test(arguments: seeds(count: 20)) func bytesOfAnybodyAreRefusedOrRead(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var trades = HistoryPacker(kind: .trades, feed: "main")
    var bars = HistoryPacker(kind: .bars, feed: "main")
    for _ in 0..<20 {
      trades.add(
        trade(&random), SequenceNumber(epoch: random.next() >> 1, number: random.next() >> 1))
      bars.add(bar(&random))
    }
    let packs = [
      trades.take(symbols: symbols, codes: codes), bars.take(symbols: symbols, codes: codes),
    ]
    for whole in packs.compactMap({ $0 }) {
      for length in 0..<whole.count {
        #expect(throws: HistoryPackError.self, "seed \(seed), \(length) bytes") {
          _ = try read(Array(whole.prefix(length)))
        }
      }
      for _ in 0..<2_000 {
        var changed = whole
        for _ in 0...(random.next() % 4) {
          changed[Int(random.next() % UInt64(changed.count))] = UInt8(random.next() & 0xFF)
        }
        guard let pack = try? read(changed) else { continue }
        for row in pack.trades { #expect(row.symbol < pack.symbols.count && row.size >= .zero) }
        for row in pack.bars { #expect(row.symbol < pack.symbols.count && row.volume >= .zero) }
      }
    }
    for _ in 0..<2_000 {
      let garbage = (0..<(random.next() % 64)).map { _ in UInt8(random.next() & 0xFF) }
      _ = try? read([1, 0x74] + garbage)
    }
  }

  @Test func conditionsThatAreNoJSONAreRefused() throws {
    var packer = HistoryPacker(kind: .trades, feed: "main")
    var one = Trade(
      symbol: try symbols.intern("A"), timestamp: Timestamp(nanoseconds: 0), price: .zero,
      size: .zero)
    one.conditions = try codes.intern("],\"p\":1")
    packer.add(one, SequenceNumber(epoch: 1, number: 1))
    let taken = packer.take(symbols: symbols, codes: codes)
    let bytes = try #require(taken)
    #expect(throws: HistoryPackError.self) { _ = try read(bytes) }
  }
}
