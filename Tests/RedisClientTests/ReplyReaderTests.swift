import TestSupport
import Testing

@testable import RedisClient

/// Feeds in pieces and copies out everything that comes.
func readAll(_ bytes: [UInt8], piece: (Int) -> Int) -> (values: [RedisValue], end: RedisLinkDown?) {
  let reader = ReplyReader()
  var values: [RedisValue] = []
  var from = 0
  while from < bytes.count {
    let to = min(bytes.count, from + max(1, piece(from)))
    bytes[from..<to].withUnsafeBytes { reader.feed($0) }
    from = to
    replies: while true {
      switch reader.next() {
      case .reply(let view): values.append(RedisValue(view))
      case .needsMore: break replies
      case .failed(let reason): return (values, reason)
      }
    }
  }
  return (values, nil)
}

/// The plain way to write a value, to compare with.
func encode(_ value: RedisValue) -> [UInt8] {
  switch value {
  case .null: Array("$-1\r\n".utf8)
  case .simpleString(let text): Array("+\(text)\r\n".utf8)
  case .error(let error): Array("-\(error)\r\n".utf8)
  case .integer(let number): Array(":\(number)\r\n".utf8)
  case .bulkString(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + [13, 10]
  case .array(let elements):
    Array("*\(elements.count)\r\n".utf8) + elements.flatMap { encode($0) }
  }
}

func randomValue(_ random: inout SplitMix64, depth: Int = 0) -> RedisValue {
  switch Int.random(in: 0..<(depth < 5 ? 7 : 5), using: &random) {
  case 0: return .null
  case 1: return .simpleString("OK \(random.next())")
  case 2: return .error(RedisServerError(line: "ERR number \(random.next())"))
  case 3: return .integer(Int64(bitPattern: random.next()))
  case 4:
    let count = Int.random(in: 0..<200, using: &random)
    return .bulkString((0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  default:
    let count = Int.random(in: 0..<6, using: &random)
    return .array((0..<count).map { _ in randomValue(&random, depth: depth + 1) })
  }
}

@Suite struct ReplyReaderTests {
  private static let everything: [RedisValue] = [
    .simpleString("OK"), .error(RedisServerError(line: "WRONGTYPE no such thing")), .integer(-42),
    .integer(.max), .null, .bulkString([]), .bulkString(Array("a\r\nb\0c".utf8)),
    .array([]), .array([.array([.integer(1), .array([.null])]), .bulkString([7]), .integer(2)]),
    .array([.bulkString(Array("smessage".utf8)), .bulkString([1]), .bulkString([2, 3])]),
  ]

  @Test func repliesSurviveACutAtEveryByte() {
    let bytes = Self.everything.flatMap { encode($0) }
    for cut in 1..<bytes.count {
      let (values, end) = readAll(bytes) { $0 < cut ? cut - $0 : bytes.count }
      #expect(values == Self.everything && end == nil, "cut at \(cut)")
    }
    #expect(readAll(bytes) { _ in 1 }.values == Self.everything)
  }

  @Test(arguments: seeds(count: 20)) func randomRepliesInRandomPieces(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let values = (0..<100).map { _ in randomValue(&random) }
    let bytes = values.flatMap { encode($0) }
    let result = readAll(bytes) { _ in Int.random(in: 1...300, using: &random) }
    #expect(result.values == values && result.end == nil, "seed \(seed)")
  }

  /// Goal: nothing from outside traps or reads beyond. Method: true replies with bytes changed,
  /// removed, doubled, and plain noise; run under AddressSanitizer too.
  @Test(arguments: seeds(count: 40)) func hostileBytesEndInAnErrorOrAValue(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<200 {
      var bytes = (0..<5).flatMap { _ in encode(randomValue(&random)) }
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(contentsOf: bytes[at...].prefix(20), at: at)
        default: bytes[at] = Array("*$:+-0123456789\r\n".utf8).randomElement(using: &random)!
        }
        if bytes.isEmpty { bytes = [13] }
      }
      let result = readAll(bytes) { _ in Int.random(in: 1...64, using: &random) }
      _ = result.values.map { encode($0).count }  // every byte is read
    }
  }

  @Test(arguments: [
    ("!x\r\n", "Protocol"), ("HTTP/1.1 400 Bad Request\r\n", "Protocol"), ("$x\r\n", "Bad bulk"),
    ("*-2\r\n", "Multi-bulk"), ("$-2\r\n", "Bulk string"),
  ])
  func whatIsNotRESPIsAnError(text: String, reason: String) {
    let result = readAll(Array(text.utf8)) { _ in 4 }
    guard case .protocolViolated(let words)? = result.end else {
      Issue.record("\(text): \(result)")
      return
    }
    #expect(words.contains(reason))
  }

  @Test func nestingIsBounded() {
    let seven = Array(String(repeating: "*1\r\n", count: 7).utf8) + Array(":1\r\n".utf8)
    #expect(readAll(seven) { _ in 9 }.values.count == 1)
    let nine = Array(String(repeating: "*1\r\n", count: 9).utf8)
    #expect(readAll(nine) { _ in 9 }.end != nil)
  }

  @Test func announcedElementsAreBounded() {
    #expect(readAll(Array("*262145\r\n".utf8)) { _ in 99 }.end == .replyTooLarge)
    #expect(readAll(Array("*2147483647\r\n".utf8)) { _ in 99 }.end == .replyTooLarge)
  }

  @Test func nestedElementsAreBoundedTogether() {
    let row = "*100000\r\n" + String(repeating: ":1\r\n", count: 100_000)
    let bytes = Array(("*3\r\n" + row + row + row).utf8)
    #expect(readAll(bytes) { _ in RedisLimits.feedBytes }.end == .replyTooLarge)
  }

  @Test func bytesOfAReplyAreBounded() {
    let size = RedisLimits.replyBytesMax + 1
    let head = Array("$\(size + 200_000)\r\n".utf8)
    let bytes = head + [UInt8](repeating: 120, count: size + 150_000)
    #expect(readAll(bytes) { _ in RedisLimits.feedBytes }.end == .replyTooLarge)
    // Each element small, together too large.
    let one = encode(.bulkString([UInt8](repeating: 120, count: 1 << 20)))
    let many = Array("*20\r\n".utf8) + (0..<20).flatMap { _ in one }
    #expect(readAll(many) { _ in RedisLimits.feedBytes }.end == .replyTooLarge)
    let largest = RedisValue.bulkString([UInt8](repeating: 1, count: RedisLimits.replyBytesMax))
    #expect(readAll(encode(largest)) { _ in RedisLimits.feedBytes }.values == [largest])
  }

  @Test(arguments: ["+", "-", ":", "$", "*"]) func endlessLinesAreBounded(type: String) {
    let bytes = Array(type.utf8) + [UInt8](repeating: UInt8(ascii: "1"), count: 200_000)
    #expect(readAll(bytes) { _ in RedisLimits.feedBytes }.end == .replyTooLarge)
  }

  @Test func elementsAreFoundByPosition() {
    let reader = ReplyReader()
    let value = RedisValue.array([
      .array([.integer(1), .array([.integer(2)])]), .integer(3), .array([]), .integer(4),
    ])
    encode(value).withUnsafeBytes { reader.feed($0) }
    guard case .reply(let view) = reader.next() else {
      Issue.record("no reply")
      return
    }
    #expect(view.count == 4)
    #expect(view[0][1][0].integer == 2)
    #expect(view[1].integer == 3 && view[3].integer == 4)
    #expect(view[2].count == 0 && view[2].kind == .array)
    var kinds: [RedisReplyKind] = []
    view.forEach { kinds.append($0.kind) }
    #expect(kinds == [.array, .integer, .array, .integer])
  }

  @Test func readerForgetsEverythingAtReset() {
    let reader = ReplyReader()
    Array("*3\r\n$5\r\nab".utf8).withUnsafeBytes { reader.feed($0) }
    guard case .needsMore = reader.next() else {
      Issue.record("not waiting")
      return
    }
    reader.reset()
    Array("+OK\r\n".utf8).withUnsafeBytes { reader.feed($0) }
    guard case .reply(let view) = reader.next() else {
      Issue.record("no reply")
      return
    }
    #expect(view.text == "OK")
  }
}
