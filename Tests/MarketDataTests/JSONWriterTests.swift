import Testing

@testable import MarketData

@Suite struct JSONWriterTests {
  private func text(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return String(decoding: writer.bytes(), as: UTF8.self)
  }

  @Test func commasStandBetweenMembersAndElementsOnly() {
    let json = text { writer in
      writer.object { writer in
        writer.field("a", "1")
        writer.key("b")
        writer.array([1, 2] as [Int64]) { $0.integer($1) }
        writer.field("c", true)
        writer.key("d")
        writer.object { _ in }
        writer.field("e", orNull: nil)
      }
    }
    #expect(json == #"{"a":"1","b":[1,2],"c":true,"d":{},"e":null}"#)
  }

  @Test func textIsEscaped() {
    #expect(text { $0.string("\"\\\n\u{e9}") } == "\"\\\"\\\\\\u000a\u{e9}\"")
  }
}
