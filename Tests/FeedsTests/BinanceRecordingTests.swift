import MarketData
import TestSupport
import Testing

@testable import Feeds

/// Lines of a recording, one millisecond apart.
private struct Recorder {
  private(set) var text = ""
  private var now = 1_723_161_253_000_000_000

  mutating func add(_ json: String) {
    now += 1_000_000
    text += "\(now) \(json)\n"
  }

  mutating func difference(
    _ first: Int, _ last: Int, previous: Int? = nil, bids: String = "", asks: String = "",
    symbol: String = "BTCUSDT"
  ) {
    let previous = previous.map { ",\"pu\":\($0)" } ?? ""
    add(
      #"{"stream":"x@depth@100ms","data":{"e":"depthUpdate","E":\#(last),"s":"\#(symbol)","U":\#(first),"u":\#(last)\#(previous),"b":[\#(bids)],"a":[\#(asks)]}}"#
    )
  }

  mutating func snapshot(_ id: Int, bids: String = #"["9","1"]"#, asks: String = #"["11","1"]"#) {
    add(#"{"lastUpdateId":\#(id),"bids":[\#(bids)],"asks":[\#(asks)]}"#)
  }
}

@Suite struct BinanceRecordingTests {
  private func play(
    _ recorder: Recorder
  ) throws -> (events: [String], counters: FeedCounters, problems: [String]) {
    let reports = Reports()
    let tape = TemporaryTape(recorder.text)
    let source = try BinanceRecording(path: tape.path, context: reports.context())
    let symbols = source.context.symbols
    let events = try source.all().map { item in
      switch item.event {
      case .trade(let trade):
        "\(item.position) trade \(symbols.name(of: trade.symbol)) \(trade.price) \(trade.takerSide)"
      case .quote(let quote):
        "\(item.position) quote \(symbols.name(of: quote.symbol)) \(quote.bidPrice) \(quote.askPrice)"
      case .depth(let depth):
        "\(item.position) depth \(symbols.name(of: depth.symbol)) \(depth.bids[0].price) \(depth.asks[0].price)"
      case .bar: "\(item.position) bar"
      case .stale(let symbol, let since):
        "\(item.position) stale \(symbols.name(of: symbol)) \(since.nanoseconds / 1_000_000)"
      default: "\(item.position) \(item.event.text)"
      }
    }
    return (
      events, source.context.counters,
      reports.problems.map { $0.description.replacing(tape.path, with: "tape") }
    )
  }

  @Test func differencesBeforeTheSnapshotWaitAndTheOldAreDropped() throws {
    var recorder = Recorder()
    recorder.difference(1, 5, bids: #"["10","5"]"#)  // wholly in the snapshot
    recorder.difference(6, 9, bids: #"["9.5","5"]"#)  // straddles it
    recorder.difference(10, 12, asks: #"["10.5","5"]"#)
    recorder.snapshot(7)
    recorder.difference(13, 13, bids: #"["9.5","0"]"#)
    let (events, counters, _) = try play(recorder)
    #expect(events == ["4 depth BTC/USDT 9.5 10.5", "5 depth BTC/USDT 9 10.5"])
    #expect(counters.gaps == 0 && counters.repeats == 0)
  }

  @Test func aSnapshotOlderThanWhatWaitsIsNotEnough() throws {
    var recorder = Recorder()
    recorder.difference(10, 12, bids: #"["9.5","5"]"#)
    recorder.snapshot(8)
    recorder.difference(13, 14)
    recorder.snapshot(13)
    let (events, _, _) = try play(recorder)
    #expect(events == ["4 depth BTC/USDT 9 11"])
  }

  @Test func aHoleMakesTheSymbolStaleUntilASnapshot() throws {
    var recorder = Recorder()
    recorder.difference(1, 2)
    recorder.snapshot(2)
    recorder.difference(3, 4, bids: #"["9.1","1"]"#)
    recorder.difference(6, 7, bids: #"["9.2","1"]"#)  // 5 is missing
    recorder.difference(8, 9, bids: #"["9.3","1"]"#)
    recorder.snapshot(8)
    recorder.difference(10, 10)
    let (events, counters, problems) = try play(recorder)
    #expect(
      events == [
        "2 depth BTC/USDT 9 11", "3 depth BTC/USDT 9.1 11", "4 stale BTC/USDT 4",
        "6 depth BTC/USDT 9.3 11", "7 depth BTC/USDT 9.3 11",
      ])
    #expect(counters.gaps == 1)
    #expect(problems == ["tape:4: a hole in the numbering of BTC/USDT's book"])
  }

  @Test func futuresFollowByThePreviousId() throws {
    var recorder = Recorder()
    recorder.difference(10, 15, previous: 7)
    recorder.snapshot(12)
    recorder.difference(20, 25, previous: 15, bids: #"["9.1","1"]"#)  // ids in between are others'
    recorder.difference(26, 30, previous: 24, bids: #"["9.2","1"]"#)  // one is missing
    let (events, counters, _) = try play(recorder)
    #expect(
      events == ["2 depth BTC/USDT 9 11", "3 depth BTC/USDT 9.1 11", "4 stale BTC/USDT 25"])
    #expect(counters.gaps == 1)
  }

  @Test func whatTheBookHasAlreadyIsCountedOnly() throws {
    var recorder = Recorder()
    recorder.snapshot(5)  // before any symbol is known
    recorder.difference(6, 7)
    recorder.difference(6, 7, bids: #"["10","1"]"#)
    recorder.snapshot(7)
    let (events, counters, _) = try play(recorder)
    #expect(events == ["2 depth BTC/USDT 9 11"])
    #expect(counters.repeats == 2)
  }

  @Test func snapshotsFindTheirSymbolByTheIds() throws {
    var recorder = Recorder()
    recorder.difference(100, 110, symbol: "BTCUSDT")
    recorder.difference(900, 910, symbol: "ETHBTC")
    recorder.snapshot(905, bids: #"["2","1"]"#, asks: #"["3","1"]"#)
    recorder.snapshot(105)
    recorder.snapshot(500)
    let (events, counters, problems) = try play(recorder)
    #expect(events == ["3 depth ETH/BTC 2 3", "4 depth BTC/USDT 9 11"])
    #expect(counters.malformedLines == 1 && problems[0].contains("no symbol awaits"))
  }

  @Test func tradesAndTickersComeWithTheirTimes() throws {
    var recorder = Recorder()
    recorder.add(
      #"{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"61837.63000000","B":"1","a":"61837.64000000","A":"2"}}"#
    )
    recorder.add(
      #"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":37,"p":"61837.63","q":"0.02","T":1723161255342,"m":true,"M":true}"#
    )
    recorder.add(
      #"{"stream":"btcusdt@bookTicker","data":{"u":2,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"2"}}"#
    )
    recorder.add(#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","a":1,"p":"1","q":"1"}}"#)
    recorder.add(#"{"stream":"x@depth5","data":{"lastUpdateId":9,"bids":[],"asks":[]}}"#)
    let tape = TemporaryTape(recorder.text)
    let source = try BinanceRecording(path: tape.path, context: FeedContext())
    let items = try source.all()
    #expect(items.count == 3 && source.context.counters.skippedMessages == 2)
    guard case .quote(let first) = items[0].event, case .trade(let trade) = items[1].event,
      case .quote(let second) = items[2].event
    else {
      Issue.record("kinds")
      return
    }
    #expect(first.timestamp == items[0].time)  // no exchange time is known yet
    #expect(trade.timestamp.nanoseconds == 1_723_161_255_342_000_000)
    #expect(trade.id == 37 && trade.takerSide == .sell && trade.size.description == "0.02")
    #expect(second.timestamp.nanoseconds == 1_723_161_255_343_000_000)
    #expect(items[1].time.nanoseconds - items[0].time.nanoseconds == 1_000_000)
  }

  @Test func malformedLinesNameTheirPlace() throws {
    var recorder = Recorder()
    recorder.add(#"{"e":"trade","s":"BTCUSDT","p":"1","q":"1","T":1,"m":1}"#)
    recorder.add(#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["1"]],"a":[]}"#)
    recorder.add(#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[["1","-1"]]}"#)
    recorder.add(#"{"e":"depthUpdate","E":1,"s":"btc","U":1,"u":2,"b":[],"a":[]}"#)
    recorder.add(#"{"e":"#)
    let (events, counters, problems) = try play(recorder)
    #expect(events.isEmpty && counters.malformedLines == 5)
    #expect(
      problems == [
        "tape:1: the value of \"m\" is not valid", "tape:2: the value of \"b\" is not valid",
        "tape:3: the value of \"a\" is not valid",
        "tape:4: symbol: a symbol is not [A-Z0-9._/-]{1,32}",
        "tape:5: the text ends too early, at byte 25",
      ])
  }

  @Test func whatWaitsForASnapshotIsBounded() {
    var book = BinanceBook()
    let time = Timestamp(nanoseconds: 0)
    for id in 1...Int64(Limits.waitingDifferencesMax + 5) {
      let difference = BinanceDifference(firstID: id, lastID: id, timestamp: time)
      #expect(book.apply(difference, bids: [], asks: []) == .waiting)
    }
    #expect(book.droppedDifferences == UInt64(Limits.waitingDifferencesMax))
    #expect(book.take(snapshotID: 900, timestamp: time, bids: [], asks: []) == .waiting)
    #expect(book.take(snapshotID: 1_003, timestamp: time, bids: [], asks: []) == .applied)
    var applied = 0
    while book.applyNextWaiting() == .applied { applied += 1 }
    #expect(applied == 2 && book.lastID == 1_005)
  }

  /// Goal: whatever is lost, doubled or late, a book that is shown is the exchange's book at that
  /// update. Method: an exchange that keeps its book in a dictionary; a seeded line that damages.
  @Test(arguments: seeds(from: 1, count: 10), [false, true])
  func shownBooksAreTheExchangesBooks(seed: UInt64, isFutures: Bool) throws {
    var random = SeededGenerator(seed: seed)
    var exchange: [Int64: Int64] = [:]
    var history: [Int64: [Int64: Int64]] = [0: [:]]
    var book = BinanceBook()
    let time = Timestamp(nanoseconds: 0)
    var id: Int64 = 1
    var shown = 0
    var gaps = 0
    func check(_ outcome: BinanceBook.Outcome?) throws {
      if outcome == .gap { gaps += 1 }
      guard outcome == .applied, let last = book.lastID, let expected = history[last] else {
        return
      }
      let best = expected.keys.max().map { level($0, expected[$0]!) }
      try #require(book.levels.bestBid == best, "seed \(seed), id \(id)")
      try #require(book.levels.bidCount == expected.count, "seed \(seed), id \(id)")
      shown += 1
    }
    var previous: Int64 = 0
    for _ in 0..<3_000 {
      let first = id + (isFutures ? random.below(3) : 0)
      let last = first + random.below(4)
      let change = level(1 + random.below(30), random.below(3))
      exchange[change.price.nanos] = change.size == .zero ? nil : change.size.nanos
      history[last] = exchange
      let difference = BinanceDifference(
        firstID: first, lastID: last, previousID: isFutures ? previous : nil, timestamp: time)
      previous = last
      id = last + 1
      if random.below(40) > 0 {  // else lost
        try check(book.apply(difference, bids: [change], asks: []))
        if random.below(20) == 0 {
          #expect(book.apply(difference, bids: [change], asks: []) != .applied)
        }
      }
      if random.below(30) == 0 {
        let levels = exchange.map { level($0.key, $0.value) }
        if book.take(snapshotID: last, timestamp: time, bids: levels, asks: []) == .applied {
          try check(.applied)
          while let outcome = book.applyNextWaiting() { try check(outcome) }
        }
      }
    }
    #expect(shown > 1_000 && gaps > 10, "seed \(seed)")
  }

  private func level(_ price: Int64, _ size: Int64) -> Level {
    Level(price: Decimal9(nanos: price), size: Decimal9(nanos: size))
  }

  @Test(arguments: [
    ("BTCUSDT", "BTC/USDT"), ("ETHBTC", "ETH/BTC"), ("BTCFDUSD", "BTC/FDUSD"), ("USDT", "USDT"),
    ("BTCUSDT_240927", "BTCUSDT_240927"), ("WXYZ", "WXYZ"), ("BTCUSD", "BTC/USD"),
    ("USDTTRY", "USDT/TRY"),
  ])
  func symbolsAreSplitBeforeTheirQuoteAsset(raw: String, split: String) {
    #expect(BinanceSymbols.split(raw) == split)
  }
}
