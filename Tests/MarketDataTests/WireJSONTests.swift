import MarketData
import TestSupport
import Testing

@Suite struct WireJSONTests {
  let symbols = SymbolTable()
  let codes = CodeTable()
  let sequence = SequenceNumber(epoch: 1_795_242_180, number: 42)
  let time = Timestamp(nanoseconds: 1_795_242_180_123_456_789)

  @Test func tradeHasOnlyWhatIsThere() throws {
    var trade = Trade(
      symbol: try symbols.intern("AAPL"), timestamp: time,
      price: Decimal9(parsing: "189.97")!, size: Decimal9(parsing: "100")!)
    #expect(
      encoded(trade) == """
        {"E":1795242180,"N":42,"P":7,"T":"t","S":"AAPL","t":"2026-11-21T06:23:00.123456789Z",\
        "p":189.97,"s":100}
        """)
    trade.id = -52_983_525
    trade.exchange = try codes.intern("V")
    trade.conditions = try codes.intern(#"["@","I"]"#)
    trade.tape = try codes.intern("C\"\\\n\u{1f}é")
    trade.takerSide = .sell
    #expect(
      encoded(trade) == """
        {"E":1795242180,"N":42,"P":7,"T":"t","S":"AAPL","t":"2026-11-21T06:23:00.123456789Z",\
        "p":189.97,"s":100,"i":-52983525,"x":"V","c":["@","I"],"z":"C\\"\\\\\\u000a\\u001fé","tks":"S"}
        """)
  }

  private func encoded(_ trade: Trade) -> String {
    text {
      WireJSON.encodeTrade(
        trade, sequence: sequence, previous: SequenceNumber(epoch: sequence.epoch, number: 7),
        symbols: symbols, codes: codes, into: &$0)
    }
  }

  @Test func quoteKeepsAnEmptySideAsZero() throws {
    var quote = Quote(
      symbol: try symbols.intern("MSFT"), timestamp: time,
      bidPrice: Decimal9(parsing: "0.0001")!, bidSize: Decimal9(parsing: "3")!,
      askPrice: .zero, askSize: .zero)
    quote.bidExchange = try codes.intern("Q")
    quote.tape = try codes.intern("C")
    let json = text {
      WireJSON.encodeQuote(quote, sequence: sequence, symbols: symbols, codes: codes, into: &$0)
    }
    #expect(
      json == """
        {"E":1795242180,"N":42,"T":"q","S":"MSFT","t":"2026-11-21T06:23:00.123456789Z",\
        "bp":0.0001,"bs":3,"ap":0,"as":0,"bx":"Q","z":"C"}
        """)
  }

  @Test func depthIsTheFullTopAndSaysSo() throws {
    var depth = Depth(symbol: try symbols.intern("BTC/USD"), timestamp: time)
    #expect(
      encoded(depth).hasSuffix(#""S":"BTC/USD","t":"\#(time)","b":[],"a":[],"r":true}"#))
    depth.appendBid(Level(price: Decimal9(parsing: "64999.5")!, size: Decimal9(parsing: "0.1")!))
    depth.appendBid(Level(price: Decimal9(parsing: "64999")!, size: Decimal9(parsing: "2")!))
    depth.appendAsk(Level(price: Decimal9(parsing: "65001")!, size: Decimal9(parsing: "1")!))
    #expect(
      encoded(depth) == """
        {"E":1795242180,"N":42,"T":"o","S":"BTC/USD","t":"2026-11-21T06:23:00.123456789Z",\
        "b":[{"p":64999.5,"s":0.1},{"p":64999,"s":2}],"a":[{"p":65001,"s":1}],"r":true}
        """)
  }

  private func encoded(_ depth: Depth) -> String {
    text { WireJSON.encodeDepth(depth, sequence: sequence, symbols: symbols, into: &$0) }
  }

  @Test func staleMarkerNamesTheSymbolAndSinceWhen() throws {
    let symbol = try symbols.intern("AAPL")
    let json = text {
      WireJSON.encodeStale(symbol, since: time, sequence: sequence, symbols: symbols, into: &$0)
    }
    #expect(
      json == """
        {"E":1795242180,"N":42,"T":"stale","S":"AAPL","since":"2026-11-21T06:23:00.123456789Z"}
        """)
    #expect(hex(try packed(json)).hasSuffix("a573696e6365d7ff1d6f34546b0138c4"))
  }

  // Random events, each read back by the slow parser and compared field by field with what went in.
  @Test(arguments: seeds(from: 20, count: 4)) func everyFieldReadsBack(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    func decimal() -> Decimal9 {
      Decimal9(nanos: Int64(random.next() >> UInt64.random(in: 1..<64, using: &random)))
    }
    for turn in 0..<300 {
      let name = random.pick(["AAPL", "BTC/USD", "BRK.B", "A_-9"])
      var depth = Depth(
        symbol: try symbols.intern(name),
        timestamp: Timestamp(nanoseconds: Int64(bitPattern: random.next())))
      var (bids, asks): ([String], [String]) = ([], [])
      for _ in 0..<Int.random(in: 0...10, using: &random) {
        let level = Level(price: decimal(), size: decimal())
        depth.appendBid(level)
        bids.append("p=\(level.price) s=\(level.size)")
      }
      for _ in 0..<Int.random(in: 0...10, using: &random) {
        let level = Level(price: decimal(), size: decimal())
        depth.appendAsk(level)
        asks.append("p=\(level.price) s=\(level.size)")
      }
      let order = SequenceNumber(epoch: random.next(), number: random.next())
      let json = text { WireJSON.encodeDepth(depth, sequence: order, symbols: symbols, into: &$0) }
      let expected = """
        E=\(order.epoch) N=\(order.number) T=o S=\(name) t=\(depth.timestamp) \
        b=[\(bids.joined(separator: ","))] a=[\(asks.joined(separator: ","))] r=true
        """
      try #require(flat(ModelParser.parse(json)) == expected, "seed \(seed) turn \(turn)")
      let header = try MessageHeader(scanning: json.utf8Span.span.bytes)
      try #require(header == MessageHeader(sequence: order, kind: .depth))
    }
  }

  private func flat(_ value: ModelJSON) -> String {
    switch value {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let text), .string(let text): text
    case .array(let elements): "[" + elements.map(flat).joined(separator: ",") + "]"
    case .object(let entries): entries.map { "\($0)=\(flat($1))" }.joined(separator: " ")
    }
  }
}
