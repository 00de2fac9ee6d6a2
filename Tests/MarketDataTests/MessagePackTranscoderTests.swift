import MarketData
import TestSupport
import Testing

@Suite struct MessagePackTranscoderTests {
  @Test func tradeHasTheBytesThatTheReferencePackerMakes() throws {
    let json = """
      {"T":"t","S":"AAPL","p":1.5,"s":10,"t":"2026-11-21T06:23:00.123456789Z"}
      """
    #expect(
      hex([0x91] + (try packed(json)))
        == "9185a154a174a153a44141504ca170cb3ff8000000000000a1730aa174d7ff1d6f34546b0138c4")
  }

  @Test(arguments: [
    // JSON, MessagePack of the value behind the one-letter key.
    (#"{"p":10}"#, "cb4024000000000000"), (#"{"p":-0}"#, "cb8000000000000000"),
    (#"{"s":10.0}"#, "0a"), (#"{"s":1e2}"#, "64"), (#"{"s":-0}"#, "00"),
    (#"{"s":0.5}"#, "cb3fe0000000000000"), (#"{"s":-33}"#, "d0df"),
    (#"{"v":18446744073709551615}"#, "cfffffffffffffffff"),
    (#"{"v":18446744073709551616}"#, "cb43f0000000000000"),
    (#"{"i":-9223372036854775808}"#, "d38000000000000000"),
    (#"{"c":["@","I"]}"#, "92a140a149"), (#"{"c":1.5}"#, "cb3ff8000000000000"),
    (#"{"c":"x"}"#, "a178"), (#"{"n":null}"#, "c0"), (#"{"r":true}"#, "c3"),
    (#"{"r":false}"#, "c2"),
    (#"{"x":"\u00e9\ud83d\ude00"}"#, "a6c3a9f09f9880"), (#"{"b":[]}"#, "90"),
    (#"{"t":"1970-01-01T00:00:00Z"}"#, "d7ff0000000000000000"),
    (#"{"t":"1969-12-31T23:59:59.5Z"}"#, "c70cff1dcd6500ffffffffffffffff"),
    (#"{"\u0070":1}"#, "cb3ff0000000000000"),
  ])
  func valueIsMappedByItsKeyAndKind(json: String, expected: String) throws {
    #expect(hex(Array(try packed(json).dropFirst(3))) == expected)
  }

  @Test func mapsAndArraysOverFifteenEntriesGetWiderHeaders() throws {
    let keys = (10..<26).map { "\"k\($0)\":1" }.joined(separator: ",")
    #expect(hex(Array(try packed("{\(keys)}").prefix(7))) == "de0010a36b3130")
    let list = (0..<40).map { _ in "1" }.joined(separator: ",")
    #expect(hex(Array(try packed("{\"k\":[\(list)]}").prefix(7))) == "81a16bdc002801")
  }

  @Test(arguments: [1, 5, 10]) func sidesAreCutToTheLevelsAsked(levels: Int) throws {
    let side = (1...12).map { #"{"p":\#($0),"s":1}"# }
    let all = side.joined(separator: ",")
    let some = side.prefix(levels).joined(separator: ",")
    let json = #"{"T":"o","b":[\#(all)] , "a":[ \#(all) ],"r":true,"x":[1,2,3]}"#
    let short = #"{"T":"o","b":[\#(some)] , "a":[ \#(some)],"r":true,"x":[1,2,3]}"#
    #expect(try packed(json, levels: levels) == packed(short))
    #expect(try cut(json, levels: levels) == short)
    #expect(try cut(short, levels: levels) == short)
  }

  @Test(arguments: [
    #"{"t":5}"#, #"{"t":null}"#, #"{"t":"yesterday"}"#, #"{"since":"soon"}"#, #"{"p":1e999}"#,
    #"{"p":01}"#, #"{"p":1.}"#, #"{"p":.5}"#, #"{"p":+1}"#, #"{"p":1e}"#, #"{"p":NaN}"#,
    #"{"p":-}"#,
    #"{"x":"\ud83d"}"#, #"{"x":"\ud83d\u0041"}"#, #"{"x":"\ud83d\ud83d"}"#,
    #"{"x":"\ude00\ud83d"}"#, #"{"x":"\x"}"#, #"{"x":"\u12g4"}"#,
    "{\"x\":\"\n\"}",
    #"{"x":tru}"#, #"{"x"}"#, #"{"x":}"#, #"{x:1}"#, #"{"x":1,}"#, #"{"x":[1,]}"#, #"{"x":[1 2]}"#,
    "[]",
    "1", "", "{", "{\"x\":1", "{}{}", "{} x", #"{"x":[[[[[[[[1]]]]]]]]}"#,
  ])
  func malformedValueIsRefusedAndNothingIsAppended(json: String) {
    var writer = ByteWriter()
    writer.append("before")
    #expect(throws: MarketDataError.self) {
      try MessagePackTranscoder.transcode(json.utf8Span.span.bytes, into: &writer)
    }
    #expect(writer.count == 6)
  }

  // Strings are scanned eight bytes at a time: every byte in every place of a word and behind it.
  @Test func bytesThatAStringMayNotHoldAreRefusedInEveryPlace() {
    for byte in UInt8(0)..<0x80 where byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
      for place in 0..<19 {
        var text = [UInt8](repeating: UInt8(ascii: "a"), count: 19)
        text[place] = byte
        let json = Array("{\"x\":\"".utf8) + text + Array("\"}".utf8)
        let isAccepted = (try? WireJSON.check(json.span.bytes)) != nil
        #expect(isAccepted == (byte >= 0x20), "byte \(byte) in place \(place)")
      }
    }
  }

  @Test func errorNamesThePlace() {
    #expect(throws: MarketDataError.syntax(offset: 6, fault: .malformedNumber)) {
      try packed(#"{"p":01}"#)
    }
    #expect(throws: MarketDataError.syntax(offset: 5, fault: .malformedTimestamp)) {
      try packed(#"{"t":"2026-02-30T00:00:00Z"}"#)
    }
    #expect(throws: MarketDataError.syntax(offset: 4, fault: .endOfInput)) { try packed(#"{"p""#) }
  }

  @Test func valueOverTheSizeLimitIsRefused() {
    let json = "{\"x\":\"" + String(repeating: "a", count: MarketDataLimits.valueBytesMax) + "\"}"
    #expect(throws: MarketDataError.syntax(offset: 0, fault: .valueTooLarge)) { try packed(json) }
  }

  @Test(arguments: seeds(count: 4)) func agreesWithTheModel(seed: UInt64) throws {
    var messages = ModelMessage(seed: seed)
    for turn in 0..<600 {
      let json = messages.message()
      let levels = messages.random.pick([1, 5, 10])
      let tree = ModelParser.parse(json)
      let expected = ModelPack.encode(tree, levels: levels)
      let comment: Comment = "seed \(seed) turn \(turn): \(json)"
      try #require(try packed(json, levels: levels) == expected, comment)
      // The cut JSON must mean what the cut tree means.
      let cutTree = ModelParser.parse(try cut(json, levels: levels))
      try #require(ModelPack.encode(cutTree, levels: 1_000) == expected, comment)
      try WireJSON.check(json.utf8Span.span.bytes)
    }
  }
}
