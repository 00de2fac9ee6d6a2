// What a client of the tests receives, decoded from either encoding. Test messages are JSON objects
// `{"k":"m","t":"<topic>","v":<number>,...}`; their toy MessagePack form is one str of that text.

enum Received: Equatable, CustomStringConvertible {
  /// A message or notice by its text.
  case text(String)
  /// Missed nil: unknown.
  case gap(symbol: String, channel: String, missed: UInt64?)

  var description: String {
    switch self {
    case .text(let text): text
    case .gap(let symbol, let channel, let missed):
      "gap \(symbol)/\(channel) \(missed.map(String.init) ?? "null")"
    }
  }

  /// The value of a numeric field of a message, by plain search.
  func number(_ key: String) -> Int? { field(key).flatMap { Int($0) } }

  func field(_ key: String) -> String? {
    guard case .text(let whole) = self else { return nil }
    // Fields stand at the beginning, a cut at the end; the long padding between is not searched.
    let text = whole.utf8.count < 100 ? whole : String(whole.prefix(80) + whole.suffix(12))
    guard let found = text.range(of: "\"\(key)\":") else { return nil }
    let rest = text[found.upperBound...].drop { $0 == "\"" }
    return String(rest.prefix { $0 != "," && $0 != "}" && $0 != "\"" })
  }
}

extension String {
  fileprivate func range(of needle: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) {
        return start..<index(start, offsetBy: needle.count)
      }
      start = index(after: start)
    }
    return nil
  }
}

enum FrameDecoding {
  static func decode(_ frame: [UInt8], isJSON: Bool) -> [Received]? {
    isJSON ? decodeJSON(frame) : decodeMessagePack(frame)
  }

  private static func decodeJSON(_ frame: [UInt8]) -> [Received]? {
    guard frame.first == UInt8(ascii: "["), frame.last == UInt8(ascii: "]") else { return nil }
    var messages: [Received] = []
    var start = 1
    var depth = 0
    for at in 1..<frame.count - 1 {
      if frame[at] == UInt8(ascii: "{") {
        if depth == 0 { start = at }
        depth += 1
      } else if frame[at] == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0 {
          messages.append(classify(String(decoding: frame[start...at], as: UTF8.self)))
        }
      } else if depth == 0 {
        guard frame[at] == UInt8(ascii: ","), at > 1, at < frame.count - 2 else { return nil }
      }
    }
    return depth == 0 ? messages : nil
  }

  private static func classify(_ text: String) -> Received {
    let message = Received.text(text)
    guard message.field("T") == "gap", let symbol = message.field("S"),
      let channel = message.field("c"), let missed = message.field("missed")
    else { return message }
    let again =
      "{\"T\":\"gap\",\"S\":\"\(symbol)\",\"c\":\"\(channel)\",\"missed\":\(missed)}"
    guard again == text else { return .text("malformed gap " + text) }
    return .gap(
      symbol: symbol, channel: channel, missed: missed == "null" ? nil : UInt64(missed))
  }

  private static func decodeMessagePack(_ frame: [UInt8]) -> [Received]? {
    var reader = Reader(bytes: frame)
    guard let count = reader.arrayHeader() else { return nil }
    var messages: [Received] = []
    for _ in 0..<count {
      if reader.peek == 0x84 {
        guard let gap = reader.gap() else { return nil }
        messages.append(gap)
      } else {
        guard let text = reader.string() else { return nil }
        messages.append(.text(text))
      }
    }
    return reader.at == frame.count ? messages : nil
  }

  private struct Reader {
    let bytes: [UInt8]
    var at = 0

    var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func byte() -> UInt8? {
      guard at < bytes.count else { return nil }
      at += 1
      return bytes[at - 1]
    }

    mutating func unsigned(_ width: Int) -> UInt64? {
      var value: UInt64 = 0
      for _ in 0..<width {
        guard let next = byte() else { return nil }
        value = value << 8 | UInt64(next)
      }
      return value
    }

    mutating func arrayHeader() -> Int? {
      guard let head = byte() else { return nil }
      if head & 0xf0 == 0x90 { return Int(head & 0x0f) }
      guard head == 0xdc, let count = unsigned(2), count > 15 else { return nil }
      return Int(count)
    }

    mutating func string() -> String? {
      guard let head = byte() else { return nil }
      let length: Int
      switch head {
      case 0xa0...0xbf: length = Int(head & 0x1f)
      case 0xd9: length = Int(unsigned(1) ?? 0)
      case 0xda: length = Int(unsigned(2) ?? 0)
      default: return nil
      }
      guard at + length <= bytes.count else { return nil }
      defer { at += length }
      return String(decoding: bytes[at..<at + length], as: UTF8.self)
    }

    mutating func gap() -> Received? {
      guard byte() == 0x84, string() == "T", string() == "gap", string() == "S",
        let symbol = string(), string() == "c", let channel = string(), string() == "missed",
        let head = byte()
      else { return nil }
      switch head {
      case 0xc0: return .gap(symbol: symbol, channel: channel, missed: nil)
      case 0...0x7f: return .gap(symbol: symbol, channel: channel, missed: UInt64(head))
      case 0xcc, 0xcd, 0xce, 0xcf:
        guard let missed = unsigned(1 << Int(head - 0xcc)) else { return nil }
        return .gap(symbol: symbol, channel: channel, missed: missed)
      default: return nil
      }
    }
  }
}
