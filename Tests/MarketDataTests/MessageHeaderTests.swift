import MarketData
import TestSupport
import Testing

@Suite struct MessageHeaderTests {
  private func scan(_ json: String) throws(MarketDataError) -> MessageHeader {
    try MessageHeader(scanning: json.utf8Span.span.bytes)
  }

  @Test(arguments: [
    #"{"E":5,"N":7,"P":3,"T":"t","S":"AAPL","p":1}"#,
    #"{"T":"t","P":3,"S":"AAPL","x":[{"E":9,"N":9}],"N":7,"p":1,"E":5}"#,
    #" { "E" : 5 , "N" : 7.0 , "P" : 3 , "T" : "t" } "#,
    #"{"E":5,"N":7,"T":"t","S":"AAPL","P":3}"#, #"{"E":5,"N":7,"P":3,"T":"t","E":6,"T":"q"}"#,
    #"{"\u0045":5,"N":7,"P":3,"T":"t"}"#,
  ])
  func tradeIsReadInAnyOrder(json: String) throws {
    let expected = MessageHeader(
      sequence: SequenceNumber(epoch: 5, number: 7), previous: SequenceNumber(epoch: 5, number: 3),
      kind: .trade)
    #expect(try scan(json) == expected)
  }

  @Test(arguments: [
    ("t", MessageKind.trade), ("q", .quote), ("o", .depth), ("b", .bar), ("u", .updatedBar),
    ("d", .dailyBar), ("s", .status), ("c", .correction), ("x", .cancel), ("l", .limitBand),
    ("stale", .stale), ("gap", .other), ("", .other), ("?", .other), ("\\u0001", .other),
  ])
  func kindIsTheSameOnBothWays(text: String, kind: MessageKind) throws {
    let near = try scan(#"{"E":1,"N":2,"P":3,"T":"\#(text)","S":"A"}"#)
    let far = try scan(#"{"P":3,"S":"A","T":"\#(text)","N":2,"E":1}"#)
    #expect(near == far)
    #expect(near.kind == kind)
    #expect(near.isStaleMarker == (kind == .stale))
    // State has no predecessor, wherever a foreign writer put one.
    let previous = SequenceNumber(epoch: 1, number: 3)
    #expect(near.previous == ([.quote, .depth, .status, .stale].contains(kind) ? nil : previous))
  }

  @Test func numbersUpTo64BitsAreRead() throws {
    let header = try scan(#"{"E":18446744073709551615,"N":0,"P":18446744073709551615,"T":"t"}"#)
    #expect(header.sequence == SequenceNumber(epoch: .max, number: 0))
    #expect(header.previous == SequenceNumber(epoch: .max, number: .max))
    #expect(try scan(#"{"E":1,"N":2,"P":null,"T":"t"}"#).previous == nil)
  }

  @Test func thePreviousEventsEpochIsReadOnBothWays() throws {
    let near = try scan(#"{"E":9,"N":2,"P":70,"Q":8,"T":"t"}"#)
    let far = try scan(#"{"Q":8,"T":"t","P":70,"N":2,"E":9}"#)
    #expect(near == far)
    #expect(near.previous == SequenceNumber(epoch: 8, number: 70))
    #expect(try scan(#"{"E":9,"N":2,"Q":8,"T":"t"}"#).previous == nil)
  }

  @Test(arguments: [
    "{\"E\":1,\"N\":2,\"T\":\"\u{1}\"}", "{\"E\":1,\"N\":2,\"T\":\"\u{0}\"}",
    "", "{", "[]", "{}", #"{"E":1,"N":2}"#, #"{"E":1,"T":"t"}"#, #"{"N":1,"T":"t"}"#,
    #"{"E":-1,"N":2,"T":"q"}"#, #"{"E":1.5,"N":2,"T":"q"}"#, #"{"E":"1","N":2,"T":"q"}"#,
    #"{"E":18446744073709551616,"N":2,"T":"q"}"#, #"{"E":1,"N":2,"T":5}"#, #"{"E":1,"N":2,"T":"q"#,
    #"{"E":01,"N":2,"T":"q"}"#, #"{"E":1,"N":2,"P":x,"T":"t"}"#, #"{"E":null,"N":2,"T":"q"}"#,
    #"{"N":2,"T":"q","E":1} x"#,
  ])
  func valueWithoutAHeaderIsRefused(json: String) {
    #expect(throws: MarketDataError.self) { try scan(json) }
  }

  @Test(arguments: seeds(from: 30, count: 3)) func bothWaysAgreeOnRandomMessages(
    seed: UInt64
  ) throws {
    var messages = ModelMessage(seed: seed)
    for turn in 0..<500 {
      let json = messages.message()
      guard case .object(let entries) = ModelParser.parse(json) else { return }
      func number(_ key: String) -> UInt64? {
        guard case .number(let text) = entries.first(where: { $0.0 == key })?.1 else { return nil }
        return UInt64(text)
      }
      guard case .string(let kind) = entries.first(where: { $0.0 == "T" })!.1 else { return }
      let header = try scan(json)
      let comment: Comment = "seed \(seed) turn \(turn): \(json)"
      let sequence = SequenceNumber(epoch: number("E")!, number: number("N")!)
      try #require(header.sequence == sequence, comment)
      let isState = ["q", "o", "s", "stale"].contains(kind)
      let previous = number("P").map {
        SequenceNumber(epoch: number("Q") ?? sequence.epoch, number: $0)
      }
      try #require(header.previous == (isState ? nil : previous), comment)
    }
  }
}
