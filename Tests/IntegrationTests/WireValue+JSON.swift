extension WireValue {
  init(json bytes: [UInt8]) throws {
    var reader = JSONText(bytes: bytes)
    self = try reader.value()
    reader.space()
    guard reader.at == bytes.count else { throw Malformed(position: reader.at) }
  }

  var json: String {
    switch self {
    case .null: "null"
    case .bool(let flag): "\(flag)"
    case .integer(let value): "\(value)"
    case .float(let value): "\(value)"
    // Only names and keys without need of an escape are written.
    case .string(let text): "\"\(text)\""
    case .array(let elements): "[\(elements.map(\.json).joined(separator: ","))]"
    case .map(let entries):
      "{\(entries.map { "\"\($0.key)\":\($0.value.json)" }.joined(separator: ","))}"
    case .timestamp: preconditionFailure("JSON has no timestamps")
    }
  }
}

private struct JSONText {
  let bytes: [UInt8]
  var at = 0

  var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  func fail() -> WireValue.Malformed { WireValue.Malformed(position: at) }

  mutating func space() {
    while let byte = next, [9, 10, 13, 32].contains(byte) { at += 1 }
  }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    space()
    guard next == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  mutating func word(_ text: StaticString, _ value: WireValue) throws -> WireValue {
    let count = text.utf8CodeUnitCount
    guard at + count <= bytes.count,
      bytes[at..<at + count].elementsEqual(
        UnsafeBufferPointer(start: text.utf8Start, count: count))
    else { throw fail() }
    at += count
    return value
  }

  mutating func value() throws -> WireValue {
    space()
    switch next {
    case UInt8(ascii: "{"): return try map()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func map() throws -> WireValue {
    var entries: [WireValue.Entry] = []
    at += 1
    if take("}") { return .map([]) }
    repeat {
      space()
      guard next == UInt8(ascii: "\"") else { throw fail() }
      let key = try string()
      guard take(":") else { throw fail() }
      entries.append(.init(key: key, value: try value()))
    } while take(",")
    guard take("}") else { throw fail() }
    return .map(entries)
  }

  private mutating func array() throws -> WireValue {
    var elements: [WireValue] = []
    at += 1
    if take("]") { return .array([]) }
    repeat { elements.append(try value()) } while take(",")
    guard take("]") else { throw fail() }
    return .array(elements)
  }

  private mutating func string() throws -> String {
    at += 1
    var text: [UInt8] = []
    while let byte = next {
      at += 1
      if byte == UInt8(ascii: "\"") {
        guard let text = String(validating: text, as: UTF8.self) else { throw fail() }
        return text
      }
      guard byte >= 32 else { throw fail() }
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      guard let escaped = next else { throw fail() }
      at += 1
      switch escaped {
      case UInt8(ascii: "n"): text.append(10)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escaped)
      case UInt8(ascii: "u"):
        guard at + 4 <= bytes.count,
          let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16),
          let scalar = Unicode.Scalar(code)
        else { throw fail() }
        at += 4
        text += Array(String(Character(scalar)).utf8)
      default: throw fail()
      }
    }
    throw fail()
  }

  private mutating func number() throws -> WireValue {
    let start = at
    while let byte = next, "+-.eE0123456789".utf8.contains(byte) { at += 1 }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if let integer = Int64(text) { return .integer(integer) }
    guard let float = Double(text) else { throw fail() }
    return .float(float)
  }
}
