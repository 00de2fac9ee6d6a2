import Glibc
import MarketData
import TestSupport
import Testing

/// Bytes that end where a page ends, before one that may not be read: an overread is a crash.
private final class GuardedBytes {
  private let page = Int(sysconf(Int32(_SC_PAGESIZE)))
  private let region: UnsafeMutableRawPointer
  private let size: Int

  init(bytesMax: Int) {
    size = (bytesMax / page + 1) * page
    region = mmap(nil, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    precondition(region != MAP_FAILED && mprotect(region + size, page, PROT_NONE) == 0)
  }

  deinit { munmap(region, size + page) }

  func place(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
    precondition(bytes.count <= size)
    let start = region + size - bytes.count
    bytes.withUnsafeBytes {
      start.copyMemory(from: $0.baseAddress ?? .init(start), byteCount: $0.count)
    }
    return UnsafeRawBufferPointer(start: start, count: bytes.count)
  }
}

private struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state ^ (state >> 33)) &* 0xFF51_AFD7_ED55_8CCD
  }
}

@Suite struct JSONReaderTests {
  private func withReader<Result>(
    _ text: String, _ body: (inout JSONReader) throws -> Result
  ) rethrows -> Result {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBytes { bytes in
      var reader = JSONReader(bytes)
      return try body(&reader)
    }
  }

  private func failure(_ bytes: [UInt8]) -> JSONError? {
    bytes.withUnsafeBytes { bytes in
      do throws(JSONError) {
        _ = try JSONTree.read(bytes)
        return nil
      } catch {
        return error
      }
    }
  }

  @Test func aMessageIsPulledTokenAfterToken() throws {
    let text =
      #" {"action":"subscribe","trades":["AAPL","BTC\/USD"],"depth":5,"snapshot":true,"x":null} "#
    try withReader(text) { reader in
      var found: [String] = []
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch key {
        case "action": found.append(try reader.string().string)
        case "trades":
          try reader.beginArray()
          while try reader.nextElement() { found.append(try reader.string().string) }
        case "depth": found.append("\(try reader.integer())")
        case "snapshot": found.append("\(try reader.boolean())")
        default: try reader.skipValue()
        }
      }
      try reader.end()
      #expect(found == ["subscribe", "AAPL", "BTC/USD", "5", "true"])
    }
  }

  @Test func keysWithEscapesMatchWhatTheyMean() throws {
    try withReader(#"{"\u0054\u00e9":1,"T":2}"#) { reader in
      try reader.beginObject()
      let first = try #require(try reader.nextKey())
      #expect(first.equals("Té") && !first.equals("T") && first.hasEscapes)
      #expect(first.raw.count == 12)
      try reader.skipValue()
      #expect(try reader.nextKey()?.equals("T") == true)
    }
  }

  @Test func rawValuesAreTheBytesAsTheyStand() throws {
    try withReader(#"{"c": ["@", "I"] ,"n":-1.50e+2}"#) { reader in
      try reader.beginObject()
      _ = try reader.nextKey()
      #expect(String(decoding: try reader.rawValue(), as: UTF8.self) == #"["@", "I"]"#)
      _ = try reader.nextKey()
      #expect(String(decoding: try reader.rawValue(), as: UTF8.self) == "-1.50e+2")
    }
  }

  @Test(arguments: [
    ("9223372036854775807", Int64.max), ("-9223372036854775808", .min), ("0", 0), ("-0", 0),
    ("9223372036854775808", nil), ("-9223372036854775809", nil), ("1.0", nil), ("1e2", nil),
    ("99999999999999999999999999", nil),
  ])
  func integersAreExactOrRefused(text: String, value: Int64?) {
    let read = withReader(text) { reader in try? reader.integer() }
    #expect(read == value)
  }

  @Test(
    arguments: [
      ("", .unexpectedEnd, 0), ("{", .unexpectedEnd, 1), ("{\"a\"", .unexpectedEnd, 4),
      ("{\"a\" 1}", .expectedColon, 5), ("{a:1}", .expectedKey, 1),
      ("{\"a\":1,}", .expectedKey, 7), ("[1,]", .expectedValue, 3),
      ("[1 2]", .expectedCommaOrBracket, 3),
      ("{\"a\":1 \"b\":2}", .expectedCommaOrBrace, 7), ("[1}", .expectedCommaOrBracket, 2),
      ("01", .invalidNumber, 1), ("-", .unexpectedEnd, 1), ("1.", .unexpectedEnd, 2),
      ("1.x", .invalidNumber, 2), ("1ex", .invalidNumber, 2), ("-x", .invalidNumber, 1),
      ("+1", .expectedValue, 0), ("nul", .unexpectedEnd, 0), ("nulx", .expectedValue, 0),
      ("tru", .unexpectedEnd, 0), ("falsy", .expectedBoolean, 0), ("'a'", .expectedValue, 0),
      ("\"a", .unexpectedEnd, 2), ("\"a\u{1}\"", .controlCharacter, 2),
      ("\"\\x\"", .invalidEscape, 1),
      ("\"\\u12g4\"", .invalidEscape, 1), ("\"\\u12", .unexpectedEnd, 5),
      ("\"\\ud800\"", .loneSurrogate, 1), ("\"\\udc00\"", .loneSurrogate, 1),
      ("\"\\ud800\\u0041\"", .loneSurrogate, 1), ("1 2", .trailingBytes, 2),
      ("{}}", .trailingBytes, 2),
      ("\u{FEFF}1", .expectedValue, 0),
    ] as [(String, JSONError.Reason, Int)])
  func errorsNameReasonAndPlace(text: String, reason: JSONError.Reason, offset: Int) {
    #expect(failure(Array(text.utf8)) == JSONError(reason, offset: offset))
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xE0, 0x9F, 0x80], [0xED, 0xA0, 0x80],
      [0xE2, 0x82], [0xF0, 0x8F, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
      [0xF0, 0x9F, 0x98], [0xE2, 0x82, 0x22], [0xFF],
    ] as [[UInt8]])
  func bytesThatAreNotUTF8AreRefused(bytes: [UInt8]) {
    #expect(failure([0x22] + bytes + [0x22]) == JSONError(.invalidUTF8, offset: 1))
  }

  @Test func nestingIsBounded() {
    let deepest = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
    #expect(failure(Array(deepest.utf8)) == nil)
    #expect(
      failure(Array(String(repeating: "[", count: 100_000).utf8))
        == JSONError(.nestingTooDeep, offset: 32))
    let isSkipped = withReader("[" + deepest + "]") { ((try? $0.skipValue()) as Void?) != nil }
    #expect(!isSkipped)
  }

  @Test func wrongTypesAreErrorsNotTraps() {
    let reads: [(inout JSONReader) throws -> Void] = [
      { try $0.beginObject() }, { try $0.beginArray() }, { _ = try $0.string() },
      { _ = try $0.number() }, { _ = try $0.integer() }, { _ = try $0.boolean() },
      { try $0.null() },
    ]
    for (index, text) in ["{}", "[]", "\"\"", "1", "1", "true", "null"].enumerated() {
      for (other, read) in reads.enumerated() {
        let succeeded = withReader(text) { reader in (try? read(&reader)) != nil }
        #expect(succeeded == (index == other || [index, other].allSatisfy { 3...4 ~= $0 }))
      }
    }
  }

  /// Goal: the reader accepts exactly JSON, finds what is there, skips what it finds, and never
  /// reads beyond the end. Method: random texts, most of them damaged, before a page that may not
  /// be read; compared with the model.
  @Test(arguments: seeds(from: 1, count: 8))
  func agreesWithASlowModel(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let guarded = GuardedBytes(bytesMax: 1 << 16)
    var accepted = 0
    for round in 0..<1_500 {
      var bytes: [UInt8] = []
      write(&bytes, depth: Int.random(in: 0...5, using: &random), &random)
      for _ in 0..<Int.random(in: 0...3, using: &random) { damage(&bytes, &random) }
      let placed = guarded.place(bytes)
      let expected = JSONModel.parse(bytes)
      let found: JSONTree?
      do throws(JSONError) {
        found = try JSONTree.read(placed)
        accepted += 1
      } catch {
        found = nil
        try #require(0...bytes.count ~= error.offset, "seed \(seed), round \(round)")
      }
      try #require(found == expected, "seed \(seed), round \(round): \(bytes)")
      var reader = JSONReader(placed)
      let skipped = try? reader.rawValue()
      if expected != nil { try #require(skipped != nil, "seed \(seed), round \(round)") }
    }
    #expect(accepted > 300)
  }

  private func write(_ bytes: inout [UInt8], depth: Int, _ random: inout Seeded) {
    func space(_ bytes: inout [UInt8], _ random: inout Seeded) {
      if UInt8.random(in: 0..<6, using: &random) == 0 {
        bytes.append([0x20, 0x09, 0x0A, 0x0D].randomElement(using: &random)!)
      }
    }
    space(&bytes, &random)
    let kind = Int.random(in: depth > 0 ? 0..<6 : 2..<6, using: &random)
    switch kind {
    case 0, 1:
      bytes.append(UInt8(ascii: kind == 0 ? "{" : "["))
      let count = Int.random(in: 0...4, using: &random)
      for index in 0..<count {
        if kind == 0 {
          writeString(&bytes, &random)
          space(&bytes, &random)
          bytes.append(UInt8(ascii: ":"))
        }
        write(&bytes, depth: depth - 1, &random)
        if index < count - 1 { bytes.append(UInt8(ascii: ",")) }
      }
      bytes.append(UInt8(ascii: kind == 0 ? "}" : "]"))
    case 2: writeString(&bytes, &random)
    case 3:
      let texts = ["0", "-0", "12", "-1.25", "1e5", "0.5E-7", "9e+0", "123456789012345678901234"]
      bytes += texts.randomElement(using: &random)!.utf8
    case 4: bytes += ["true", "false"].randomElement(using: &random)!.utf8
    default: bytes += "null".utf8
    }
    space(&bytes, &random)
  }

  private func writeString(_ bytes: inout [UInt8], _ random: inout Seeded) {
    let parts = [
      "a", "T", "stock", "é", "€", "😀", "\\n", "\\/", "\\\"", "\\\\", "\\u0041", "\\u00e9",
      "\\ud83d\\ude00", "\u{7F}", "\\uFFFF", " ", "\\b\\f\\r\\t",
    ]
    bytes.append(UInt8(ascii: "\""))
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      bytes += parts.randomElement(using: &random)!.utf8
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout Seeded) {
    guard !bytes.isEmpty else { return }
    let index = Int.random(in: 0..<bytes.count, using: &random)
    let likely = Array("{}[]\",:\\0123456789.eEu-ntf d8".utf8) + [0x80, 0xC2, 0xED, 0xF4, 0xA0]
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes.remove(at: index)
    case 1: bytes.insert(likely.randomElement(using: &random)!, at: index)
    case 2: bytes[index] = likely.randomElement(using: &random)!
    case 3: bytes[index] = .random(in: 0...255, using: &random)
    default: bytes.removeSubrange(index...)
    }
  }
}
