// The list of messages says what the encoders write and what the transcoder makes of it. These tests
// are what ties the three together: an encoder's new member, or one that it leaves out, fails here.
import Testing

@testable import MarketData

@Suite struct MessageTableTests {
  private struct Scene {
    let symbols = SymbolTable()
    let codes = CodeTable()
    let sequence = SequenceNumber(epoch: 9, number: 42)
    let previous = SequenceNumber(epoch: 8, number: 7)
    let time = Timestamp(nanoseconds: 1_795_242_180_123_456_789)
    let price = Decimal9(parsing: "189.97")!
    let size = Decimal9(parsing: "46")!

    /// A message of each kind, with every optional member or with none.
    func values(isFull: Bool) throws -> [(shape: MessageShape, json: String)] {
      let symbol = try symbols.intern("AAPL")
      func code(_ text: String) throws -> CodeID { isFull ? try codes.intern(text) : .absent }
      let conditions = try code(#"["@","I"]"#)
      // Of the same epoch the previous one's is left out.
      let chained = isFull ? previous : SequenceNumber(epoch: sequence.epoch, number: 7)

      var trade = Trade(symbol: symbol, timestamp: time, price: price, size: size)
      trade.id = isFull ? 3 : nil
      trade.exchange = try code("V")
      trade.conditions = conditions
      trade.tape = try code("C")
      trade.takerSide = isFull ? .sell : .unknown
      var quote = Quote(
        symbol: symbol, timestamp: time, bidPrice: price, bidSize: size, askPrice: price,
        askSize: size)
      quote.bidExchange = try code("V")
      quote.askExchange = try code("Q")
      quote.conditions = conditions
      quote.tape = try code("C")
      var depth = Depth(symbol: symbol, timestamp: time)
      if isFull {
        for _ in 0..<Depth.levelsMax {
          depth.appendBid(Level(price: price, size: size))
          depth.appendAsk(Level(price: price, size: size))
        }
      }
      let bar = Bar(
        symbol: symbol, start: time, open: price, high: price, low: price, close: price,
        volume: WideDecimal9(parsing: "12345")!, tradeCount: isFull ? 3 : nil,
        vwap: isFull ? price : nil)
      var status = TradingStatus(symbol: symbol, timestamp: time)
      status.statusCode = try code("H")
      status.reasonMessage = try code("\"quoted\"")
      var cancel = TradeCancel(
        symbol: symbol, timestamp: time, price: price, size: size, id: isFull ? 3 : nil)
      cancel.exchange = try code("V")
      cancel.action = try code("C")
      var version = TradeCorrection.Version(id: isFull ? 3 : nil, price: price, size: size)
      version.conditions = conditions
      var correction = TradeCorrection(
        symbol: symbol, timestamp: time, original: version, corrected: version)
      correction.exchange = try code("V")

      let bars = [
        (MessageTable.bar, BarKind.minute), (MessageTable.updatedBar, .updated),
        (MessageTable.dailyBar, .daily),
      ].map { shape, kind in
        (
          shape,
          text {
            WireJSON.encodeBar(
              bar, kind: kind, sequence: sequence,
              previous: kind.key.carriesEvents ? chained : nil, symbols: symbols, into: &$0)
          }
        )
      }
      return [
        (
          MessageTable.trade,
          text {
            WireJSON.encodeTrade(
              trade, sequence: sequence, previous: chained, symbols: symbols, codes: codes,
              into: &$0)
          }
        ),
        (
          MessageTable.quote,
          text {
            WireJSON.encodeQuote(
              quote, sequence: sequence, symbols: symbols, codes: codes, into: &$0)
          }
        ),
        (
          MessageTable.orderBook,
          text { WireJSON.encodeDepth(depth, sequence: sequence, symbols: symbols, into: &$0) }
        ),
        (
          MessageTable.status,
          text {
            WireJSON.encodeStatus(
              status, sequence: sequence, symbols: symbols, codes: codes, into: &$0)
          }
        ),
        (
          MessageTable.cancelError,
          text {
            WireJSON.encodeCancel(
              cancel, sequence: sequence, previous: chained, symbols: symbols, codes: codes,
              into: &$0)
          }
        ),
        (
          MessageTable.correction,
          text {
            WireJSON.encodeCorrection(
              correction, sequence: sequence, previous: chained, symbols: symbols, codes: codes,
              into: &$0)
          }
        ),
      ] + bars
    }
  }

  private func keys(_ json: String) throws -> [String] {
    try json.utf8Span.span.bytes.withUnsafeBytes { bytes in
      var reader = JSONReader(bytes)
      var keys: [String] = []
      try reader.beginObject()
      while let key = try reader.nextKey() {
        keys.append(key.string)
        try reader.skipValue()
      }
      return keys
    }
  }

  @Test(arguments: [true, false]) func encodersWriteWhatTheListSays(isFull: Bool) throws {
    let values = try Scene().values(isFull: isFull)
    #expect(values.map(\.shape.type).sorted() == MessageTable.all.map(\.type).sorted())
    for (shape, json) in values {
      let wanted = shape.written.filter { isFull || $0.isRequired }.map(\.name)
      #expect(try keys(json) == wanted, "\(shape.name)")
      // Every value is of its kind, and what is null may be.
      let row = try shape.row(Array(json.utf8), symbol: "AAPL")
      #expect(row.time == Scene().time && row.sequence == Scene().sequence)
    }
  }

  @Test func aRowIsTheValueWithoutWhatIsOfTheStream() throws {
    let values = try Scene().values(isFull: true)
    let trade = try #require(values.first { $0.shape.type == "t" })
    let row = try trade.shape.row(Array(trade.json.utf8), symbol: "AAPL")
    #expect(
      String(decoding: row.json, as: UTF8.self) == """
        {"t":"2026-11-21T06:23:00.123456789Z","p":189.97,"s":46,"i":3,"x":"V","c":["@","I"],\
        "z":"C","tks":"S"}
        """)
    // Numbers leave as they came, and what nobody knows stays behind.
    let odd = #"""
      {"x":"V", "tks" : "B","unknown":[{}], "E":1,"N":2,"P":0,"T":"t","S":"AAPL","s":1e-9,
      "t":"2026-11-21T06:23:00Z","p":123456789012345678901234567890.10}
      """#
    #expect(
      String(
        decoding: try MessageTable.trade.row(Array(odd.utf8), symbol: "AAPL").json, as: UTF8.self)
        == #"{"x":"V","tks":"B","s":1e-9,"t":"2026-11-21T06:23:00Z","#
        + #""p":123456789012345678901234567890.10}"#)
  }

  @Test func whatIsNoMessageOfTheKindIsRefused() throws {
    let good = #"{"E":1,"N":2,"P":0,"T":"t","S":"AAPL","t":"2026-11-21T06:23:00Z","p":1,"s":2}"#
    _ = try MessageTable.trade.row(Array(good.utf8), symbol: "AAPL")
    func fault(_ old: String, _ new: String) -> RowFault? {
      var text = good
      text.replace(old, with: new)
      do {
        _ = try MessageTable.trade.row(Array(text.utf8), symbol: "AAPL")
        return nil
      } catch {
        return error
      }
    }
    #expect(fault(#""p":1,"#, "") == .missing("p"))
    #expect(fault(#""E":1,"#, "") == .missing("E"))
    #expect(fault(#""p":1"#, #""p":"1""#) == .invalid("p"))
    #expect(fault(#""p":1"#, #""p":null"#) == .invalid("p"))
    #expect(fault(#""p":1"#, #""p":1,"p":2"#) == .twice("p"))
    #expect(fault(#""p":1"#, #""p":1,"\u0070":2"#) == .twice("p"))
    #expect(fault(#""T":"t""#, #""T":"stale""#) == .invalid("T"))
    #expect(fault(#""T":"t""#, #""T":"q""#) == .invalid("T"))
    #expect(fault("AAPL", "MSFT") == .invalid("S"))
    #expect(fault("AAPL", "aapl") == .invalid("S"))
    #expect(fault("06:23", "26:23") == .invalid("t"))
    #expect(fault(#""N":2"#, #""N":-2"#) == .invalid("N"))
    #expect(fault(#""N":2"#, #""N":2.5"#) == .invalid("N"))
    #expect(fault(#""s":2"#, #""s":2,"c":[1]"#) == .invalid("c"))
    #expect(fault(#""s":2"#, #""s":2,"tks":"X""#) == .invalid("tks"))
    #expect(fault(#""s":2}"#, #""s":2"#) != nil)
    #expect(fault("{", "") != nil)
    #expect(throws: RowFault.tooLarge) {
      try MessageTable.trade.row(Array(repeating: 0x20, count: 65_537), symbol: "AAPL")
    }
    for bad in [
      "[]", "", "null", "\"t\"", "{\"E\":", "{\"E\":1}}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    ] {
      #expect(throws: RowFault.self) {
        try MessageTable.trade.row(Array(bad.utf8), symbol: "AAPL")
      }
    }
    let levels = #"{"E":1,"N":2,"T":"o","S":"A","t":"2026-11-21T06:23:00Z","a":[],"r":true,"b":"#
    for bad in [
      "{}", "[1]", "[{}]", #"[{"p":1}]"#, #"[{"p":1,"s":"2"}]"#, #"[{"p":1,"s":2,"p":3}]"#,
      #"[{"p":1,"s":2,"x":3}]"#,
      "[" + Array(repeating: #"{"p":1,"s":2}"#, count: 11).joined(separator: ",") + "]",
    ] {
      #expect(throws: RowFault.invalid("b")) {
        try MessageTable.orderBook.row(Array((levels + bad + "}").utf8), symbol: "A")
      }
    }
  }

  /// Goal: what the document says of numbers and times in MessagePack is what the transcoder does.
  /// Method: each member of each message alone, with a whole number where it is a number.
  @Test func theTranscoderPacksEachMemberByItsKind() throws {
    for shape in MessageTable.all {
      for field in shape.members {
        let value =
          switch field.kind {
          case .natural, .integer, .price, .size: "7"
          case .text, .symbol: #""A""#
          case .choice(let words): "\"\(words[0])\""
          case .time: #""2026-11-21T06:23:00Z""#
          case .conditions: #"["@"]"#
          case .levels: #"[{"p":7,"s":7}]"#
          case .flag: "true"
          case .code, .name, .names: "null"  // of no market message
          }
        let bytes = try packed("{\"\(field.name)\":\(value)}")
        try bytes.withUnsafeBytes { raw in
          var reader = MessagePackReader()
          #expect(try reader.next(raw.bytes) == .map(count: 1))
          _ = try reader.next(raw.bytes)
          let token = try reader.next(raw.bytes)
          let fits =
            switch (field.kind, token) {
            case (.natural, .integer(7)), (.integer, .integer(7)), (.size, .integer(7)): true
            case (.price, .float(7)), (.flag, .bool(true)), (.time, .ext(type: -1, _)): true
            case (.text, .string), (.symbol, .string), (.choice, .string): true
            case (.conditions, .array(count: 1)), (.levels, .array(count: 1)): true
            default: false
            }
          #expect(fits, "\(shape.name).\(field.name): \(token)")
        }
      }
    }
  }
}
