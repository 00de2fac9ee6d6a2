import MarketData
import Testing

@Suite struct MessagePackReaderTests {
  private func tokens(_ bytes: [UInt8]) throws(MarketDataError) -> [MessagePackReader.Token] {
    var reader = MessagePackReader()
    var tokens: [MessagePackReader.Token] = []
    while !reader.isComplete { tokens.append(try reader.next(bytes.span.bytes)) }
    try reader.finish(bytes.span.bytes)
    return tokens
  }

  @Test func subscribeMessageIsReadTokenByToken() throws {
    let bytes = written {
      $0.packMap(count: 3)
      $0.packString("trades")
      $0.packArray(count: 2)
      $0.packString("AAPL")
      $0.packString("*")
      $0.packString("snapshot")
      $0.packBool(true)
      $0.packString("depth")
      $0.packInteger(5)
    }
    #expect(
      try tokens(bytes) == [
        .map(count: 3), .string(2..<8), .array(count: 2), .string(10..<14), .string(15..<16),
        .string(17..<25), .bool(true), .string(27..<32), .integer(5),
      ])
  }

  @Test func integersOfEveryWidthReadBackInTheShortestForm() throws {
    let lengths: [(Int64, Int)] = [
      (0, 1), (127, 1), (128, 2), (255, 2), (256, 3), (65_535, 3), (65_536, 5), (4_294_967_295, 5),
      (4_294_967_296, 9), (.max, 9), (-1, 1), (-32, 1), (-33, 2), (-128, 2), (-129, 3),
      (-32_768, 3), (-32_769, 5), (-2_147_483_648, 5), (-2_147_483_649, 9), (.min, 9),
    ]
    for (value, length) in lengths {
      let bytes = written { $0.packInteger(value) }
      #expect(bytes.count == length)
      #expect(try tokens(bytes) == [.integer(value)])
    }
    #expect(try tokens(written { $0.packUnsigned(.max) }) == [.unsigned(.max)])
  }

  @Test func otherFormsAreRead() throws {
    #expect(try tokens([0xCA, 0x3F, 0xC0, 0, 0]) == [.float(1.5)])
    #expect(try tokens(written { $0.packFloat64(-0.25) }) == [.float(-0.25)])
    #expect(try tokens([0xC4, 2, 9, 9]) == [.binary(2..<4)])
    #expect(try tokens([0xC5, 0, 1, 9]) == [.binary(3..<4)])
    #expect(try tokens([0xD4, 5, 9]) == [.ext(type: 5, 2..<3)])
    #expect(try tokens([0xC0]) == [.null])
    #expect(try tokens([0xDC, 0, 1, 0xC2]) == [.array(count: 1), .bool(false)])
    #expect(try tokens([0xDF, 0, 0, 0, 0]) == [.map(count: 0)])
    let time = written { $0.packTimestamp(Timestamp(nanoseconds: -1)) }
    #expect(try tokens(time) == [.ext(type: -1, 3..<15)])
    for count in [0, 31, 32, 255, 256, 65_535, 65_536] {
      let text = String(repeating: "a", count: count)
      let bytes = written { $0.packString(text: text) }
      #expect(try tokens(bytes) == [.string(bytes.count - count..<bytes.count)])
    }
  }

  @Test func skipPassesOverOneValueWithAllThatIsInIt() throws {
    let bytes = written {
      $0.packArray(count: 2)
      $0.packMap(count: 1)
      $0.packString("a")
      $0.packArray(count: 2)
      $0.packNil()
      $0.packMap(count: 0)
      $0.packInteger(7)
    }
    var reader = MessagePackReader()
    let first = try reader.next(bytes.span.bytes)
    #expect(first == .array(count: 2))
    try reader.skip(bytes.span.bytes)
    let last = try reader.next(bytes.span.bytes)
    #expect(last == .integer(7))
    try reader.finish(bytes.span.bytes)
  }

  @Test func nestingIsBounded() throws {
    let most = MarketDataLimits.messageNestingMax
    #expect(try tokens([UInt8](repeating: 0x91, count: most) + [0]).count == most + 1)
    #expect(throws: MarketDataError.syntax(offset: most + 1, fault: .nestingTooDeep)) {
      try tokens([UInt8](repeating: 0x91, count: most + 1) + [0])
    }
  }

  @Test func countsBeyondTheInputAreRefusedAtOnce() {
    for bytes: [UInt8] in [
      [0xDD, 0xFF, 0xFF, 0xFF, 0xFF, 0], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0], [0xDB, 0, 0, 0, 9, 1],
      [0xC6, 0xFF, 0xFF, 0xFF, 0xFF], [0x92, 0], [0x81, 0xA1, 0x61], [], [0xD7, 0xFF, 0],
    ] {
      #expect(throws: MarketDataError.self) { try tokens(bytes) }
    }
  }

  @Test func countIsRefusedWithTheTokenThatCarriesIt() {
    for bytes: [UInt8] in [[0xDD, 0, 0, 0, 2, 0], [0x82, 0, 0, 0], [0x91]] {
      #expect(throws: MarketDataError.self) {
        var reader = MessagePackReader()
        _ = try reader.next(bytes.span.bytes)
      }
    }
  }

  @Test func bytesBehindTheRootAreRefused() throws {
    var reader = MessagePackReader()
    let bytes: [UInt8] = [0x90, 0x90]
    _ = try reader.next(bytes.span.bytes)
    #expect(throws: MarketDataError.syntax(offset: 1, fault: .trailingBytes)) {
      try reader.finish(bytes.span.bytes)
    }
    #expect(throws: MarketDataError.syntax(offset: 1, fault: .trailingBytes)) {
      try reader.next(bytes.span.bytes)
    }
    #expect(throws: MarketDataError.syntax(offset: 0, fault: .unexpectedByte)) {
      try tokens([0xC1])
    }
  }
}
