// A frame of the stream's protocol, taken apart: an array of objects, each of which is about the
// conversation (`success`, `error`, `subscription`) or about the market. Bytes come from anybody:
// nothing traps, and an error names the offset. Pure.
import MarketData

enum UpstreamMessage {
  case success(String)
  case error(code: Int64, text: String)
  /// With the number of symbols that are held on each channel.
  case subscription
  /// Something was lost before the next event: of one symbol, or of all for `*`.
  case gap(symbol: String)
  /// Anything else: the market.
  case data

  /// Hands each element to `body`, as it stands. What follows a malformed element is lost with it.
  static func forEach(
    in frame: UnsafeRawBufferPointer,
    _ body: (UpstreamMessage, UnsafeRawBufferPointer) -> Bool
  ) throws(JSONError) {
    var reader = JSONReader(frame)
    try reader.beginArray()
    while try reader.nextElement() {
      let element = try reader.rawValue()
      guard body(try UpstreamMessage(element), element) else { return }
    }
    try reader.end()
  }

  /// `element` is a well-formed value.
  private init(_ element: UnsafeRawBufferPointer) throws(JSONError) {
    guard let kind = UpstreamMessage.kind(element) else {
      self = .data
      return
    }
    switch kind {
    case "success": self = .success(try UpstreamMessage.text("msg", element))
    case "error":
      self = .error(
        code: try UpstreamMessage.integer("code", element),
        text: try UpstreamMessage.text("msg", element))
    case "subscription": self = .subscription
    case "gap": self = .gap(symbol: try UpstreamMessage.text("S", element))
    default: self = .data
    }
  }

  /// The `T` of an object when it is longer than one letter: the market's messages, nearly all, are
  /// known by their first bytes.
  private static func kind(_ element: UnsafeRawBufferPointer) -> JSONText? {
    if element.count > 8, element[1] == UInt8(ascii: "\""), element[2] == UInt8(ascii: "T"),
      element[3] == UInt8(ascii: "\""), element[4] == UInt8(ascii: ":"),
      element[5] == UInt8(ascii: "\""), element[7] == UInt8(ascii: "\"")
    {
      return nil
    }
    guard element.first == UInt8(ascii: "{") else { return nil }
    var reader = JSONReader(element)
    do {
      try reader.beginObject()
      while let key = try reader.nextKey() {
        guard key.equals("T") else {
          try reader.skipValue()
          continue
        }
        guard try reader.peek() == .string else { return nil }
        return try reader.string()
      }
    } catch {
      return nil
    }
    return nil
  }

  private static func text(
    _ name: StaticString, _ element: UnsafeRawBufferPointer
  ) throws(JSONError) -> String {
    var reader = JSONReader(element)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if key.equals(name), try reader.peek() == .string {
        let printable = try reader.string().string.unicodeScalars.map { scalar in
          scalar.properties.generalCategory == .control ? "?" : Character(scalar)
        }
        return String(printable.prefix(UpstreamLimits.quotedBytesMax))
      }
      try reader.skipValue()
    }
    return ""
  }

  private static func integer(
    _ name: StaticString, _ element: UnsafeRawBufferPointer
  ) throws(JSONError) -> Int64 {
    var reader = JSONReader(element)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if key.equals(name), try reader.peek() == .number { return try reader.integer() }
      try reader.skipValue()
    }
    return 0
  }
}
