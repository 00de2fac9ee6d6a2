/// What a load client says, in both encodings.
enum LoadMessage {
  static let authentication = packed([
    ("action", .text("auth")), ("key", .text("demo")), ("secret", .text("demo")),
  ])

  static func subscription(
    channels: [String], symbols: [String], messagePack: Bool
  ) -> [UInt8] {
    if messagePack {
      return packed(channels.map { ($0, .list(symbols)) } + [("action", .text("subscribe"))])
    }
    let list = symbols.map { "\"\($0)\"" }.joined(separator: ",")
    let lists = channels.map { "\"\($0)\":[\(list)]," }.joined()
    return Array("{\(lists)\"action\":\"subscribe\"}".utf8)
  }

  enum Value {
    case text(String)
    case list([String])
  }

  private static func packed(_ entries: [(String, Value)]) -> [UInt8] {
    var bytes: [UInt8] = [0x80 | UInt8(entries.count)]
    for (key, value) in entries {
      text(key, &bytes)
      switch value {
      case .text(let string): text(string, &bytes)
      case .list(let strings):
        bytes += [0xDC, UInt8(strings.count >> 8), UInt8(strings.count & 0xFF)]
        for string in strings { text(string, &bytes) }
      }
    }
    return bytes
  }

  private static func text(_ string: String, _ bytes: inout [UInt8]) {
    precondition(string.utf8.count < 256)
    bytes += [0xD9, UInt8(string.utf8.count)]
    bytes += string.utf8
  }
}
