import MarketData
import Testing

@Suite struct StatusMessageTests {
  let symbols = SymbolTable()
  let codes = CodeTable()
  let sequence = SequenceNumber(epoch: 9, number: 42)
  let time = Timestamp(nanoseconds: 1_795_242_180_123_456_789)
  let timeBytes = "d7ff1d6f34546b0138c4"

  @Test func aStatusHasEachTextClientsAskFor() throws {
    var status = TradingStatus(symbol: try symbols.intern("AAPL"), timestamp: time)
    #expect(
      encoded(status) == """
        {"E":9,"N":42,"T":"s","S":"AAPL","t":"2026-11-21T06:23:00.123456789Z",\
        "sc":"","sm":"","rc":"","rm":"","z":""}
        """)
    status.statusCode = try codes.intern("H")
    status.statusMessage = try codes.intern("Halt")
    status.reasonCode = try codes.intern("T12")
    status.reasonMessage = try codes.intern("\"x\"")
    status.tape = try codes.intern("C")
    let json = encoded(status)
    #expect(
      json == """
        {"E":9,"N":42,"T":"s","S":"AAPL","t":"2026-11-21T06:23:00.123456789Z",\
        "sc":"H","sm":"Halt","rc":"T12","rm":"\\"x\\"","z":"C"}
        """)
    // A quiet status is a state: its number is not compared with one before it.
    let header = try MessageHeader(scanning: json.utf8Span.span.bytes)
    #expect(header == MessageHeader(sequence: sequence, kind: .status))
    #expect(
      hex(try packed(json)) == "8aa14509a14e2aa154a173a153a44141504ca174" + timeBytes
        + "a27363a148a2736da448616c74a27263a3543132a2726da3227822a17aa143")
  }

  @Test func aCancelIsALinkOfTheChain() throws {
    var cancel = TradeCancel(
      symbol: try symbols.intern("AAPL"), timestamp: time, price: Decimal9(parsing: "1.5")!,
      size: Decimal9(parsing: "10")!, id: 3)
    cancel.exchange = try codes.intern("V")
    cancel.action = try codes.intern("C")
    let json = text {
      WireJSON.encodeCancel(
        cancel, sequence: sequence, previous: SequenceNumber(epoch: 8, number: 7),
        symbols: symbols, codes: codes, into: &$0)
    }
    #expect(
      json == """
        {"E":9,"N":42,"P":7,"Q":8,"T":"x","S":"AAPL","t":"2026-11-21T06:23:00.123456789Z",\
        "x":"V","p":1.5,"s":10,"i":3,"a":"C","z":""}
        """)
    let header = try MessageHeader(scanning: json.utf8Span.span.bytes)
    #expect(header.previous == SequenceNumber(epoch: 8, number: 7) && header.kind == .cancel)
    // `a` is a text here, not a book's side, whatever depth a client asked for.
    for levels in [1, 10] {
      #expect(
        hex(try packed(json, levels: levels)).hasSuffix(
          timeBytes + "a178a156a170cb3ff8000000000000a1730aa16903a161a143a17aa0"))
    }
    #expect(try cut(json, levels: 1) == json)
  }

  @Test func aCorrectionHasBothVersions() throws {
    var original = TradeCorrection.Version(
      id: 3, price: Decimal9(parsing: "1")!, size: Decimal9(parsing: "1")!)
    original.conditions = try codes.intern(#"["@"]"#)
    let corrected = TradeCorrection.Version(
      id: 4, price: Decimal9(parsing: "1.1")!, size: Decimal9(parsing: "2")!)
    var correction = TradeCorrection(
      symbol: try symbols.intern("AAPL"), timestamp: time, original: original,
      corrected: corrected)
    correction.exchange = try codes.intern("V")
    correction.tape = try codes.intern("C")
    let json = text {
      WireJSON.encodeCorrection(
        correction, sequence: sequence, previous: SequenceNumber(epoch: 9, number: 7),
        symbols: symbols, codes: codes, into: &$0)
    }
    #expect(
      json == """
        {"E":9,"N":42,"P":7,"T":"c","S":"AAPL","t":"2026-11-21T06:23:00.123456789Z","x":"V",\
        "oi":3,"op":1,"os":1,"oc":["@"],"ci":4,"cp":1.1,"cs":2,"cc":[],"z":"C"}
        """)
    #expect(
      hex(try packed(json)).hasSuffix(
        timeBytes + "a178a156a26f6903a26f70cb3ff0000000000000a26f7301a26f6391a140"
          + "a2636904a26370cb3ff199999999999aa2637302a2636390a17aa143"))
  }

  private func encoded(_ status: TradingStatus) -> String {
    text {
      WireJSON.encodeStatus(status, sequence: sequence, symbols: symbols, codes: codes, into: &$0)
    }
  }
}
