import MarketData
import Testing

@Suite struct ByteWriterTests {
  @Test func growthKeepsWhatWasWritten() {
    let pieces = (0..<2_000).map { "piece \($0);" }
    let all = text { writer in
      for piece in pieces { writer.append(text: piece) }
    }
    #expect(all == pieces.joined())
  }

  @Test func truncateAndRemoveAllForgetTheEnd() {
    var writer = ByteWriter()
    writer.append("abcdef")
    writer.truncate(to: 3)
    writer.append(UInt8(ascii: "x"))
    #expect(writer.withUnsafeBytes { Array($0) } == Array("abcx".utf8))
    writer.removeAll(keepingCapacity: false)
    #expect(writer.count == 0)
    writer.append("new")
    writer.append(bigEndian: 0x0102_0304 as UInt32)
    #expect(writer.withUnsafeBytes { Array($0) } == Array("new".utf8) + [1, 2, 3, 4])
  }

  @Test func jsonStringsAreEscaped() {
    #expect(text { $0.appendJSONString("a\"b\\c\u{0}\té") } == #""a\"b\\c\u0000\u0009é""#)
  }
}
