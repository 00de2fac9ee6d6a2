import MarketData
import Testing

@Suite struct BarWireTests {
  private let symbols = SymbolTable()
  private let sequence = SequenceNumber(epoch: 1_795_242_180, number: 42)

  private func bar() throws -> Bar {
    Bar(
      symbol: try symbols.intern("AAPL"),
      start: Timestamp(parsing: "2026-11-21T06:23:00Z")!,
      open: Decimal9(parsing: "189.97")!, high: Decimal9(parsing: "190")!,
      low: Decimal9(parsing: "0.5")!, close: Decimal9(parsing: "1.5")!,
      volume: WideDecimal9(parsing: "12345")!, tradeCount: 3, vwap: Decimal9(parsing: "1.25")!)
  }

  private func encoded(_ bar: Bar, _ kind: BarKind, previous: SequenceNumber?) -> String {
    text {
      WireJSON.encodeBar(
        bar, kind: kind, sequence: sequence, previous: previous, symbols: symbols, into: &$0)
    }
  }

  @Test func eachKindHasItsLetterAndOnlyEventsAPrevious() throws {
    let values = #""o":189.97,"h":190,"l":0.5,"c":1.5,"v":12345,"n":3,"vw":1.25}"#
    let head = #""S":"AAPL","t":"2026-11-21T06:23:00Z","#
    let previous = SequenceNumber(epoch: sequence.epoch, number: 7)
    #expect(
      encoded(try bar(), .minute, previous: previous)
        == #"{"E":1795242180,"N":42,"P":7,"T":"b",\#(head)\#(values)"#)
    #expect(
      encoded(try bar(), .updated, previous: SequenceNumber(epoch: 5, number: 7))
        == #"{"E":1795242180,"N":42,"P":7,"Q":5,"T":"u",\#(head)\#(values)"#)
    #expect(
      encoded(try bar(), .daily, previous: nil)
        == #"{"E":1795242180,"N":42,"T":"d",\#(head)\#(values)"#)
  }

  @Test func countAndMeanThatNobodyKnowsAreNull() throws {
    var bar = try bar()
    bar.tradeCount = nil
    bar.vwap = nil
    #expect(encoded(bar, .daily, previous: nil).hasSuffix(#","v":12345,"n":null,"vw":null}"#))
  }

  /// The bytes are those of the reference packer (msgpack 1.2), but that it takes its 4-byte form
  /// for a whole second.
  @Test func messagePackIsWhatTheReferencePackerMakes() throws {
    let json = encoded(
      try bar(), .minute, previous: SequenceNumber(epoch: sequence.epoch, number: 7))
    var packed = ByteWriter()
    try MessagePackTranscoder.transcode(json.utf8Span.span.bytes, into: &packed)
    #expect(
      packed.withUnsafeBytes { hex(Array($0)) } == """
        8da145ce6b0138c4a14e2aa15007a154a162a153a44141504ca174d7ff000000006b0138c4a16fcb4067bf0a3d\
        70a3d7a168cb4067c00000000000a16ccb3fe0000000000000a163cb3ff8000000000000a176cd3039a16e03a2\
        7677cb3ff4000000000000
        """)
  }

  @Test func headerGivesItsPlaceInTheOrder() throws {
    let json = encoded(try bar(), .updated, previous: SequenceNumber(epoch: 5, number: 7))
    let header = try MessageHeader(scanning: json.utf8Span.span.bytes)
    #expect(header.sequence == sequence && header.kind == .updatedBar)
    #expect(header.previous == SequenceNumber(epoch: 5, number: 7))
  }
}
