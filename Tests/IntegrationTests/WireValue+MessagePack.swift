extension WireValue {
  init(messagePack bytes: [UInt8]) throws {
    var reader = MessagePackBytes(bytes: bytes)
    self = try reader.value()
    guard reader.at == bytes.count else { throw Malformed(position: reader.at) }
  }

  var messagePack: [UInt8] {
    switch self {
    case .null: [0xc0]
    case .bool(let flag): [flag ? 0xc3 : 0xc2]
    case .integer(let value): [0xd3] + bigEndian(UInt64(bitPattern: value), 8)
    case .float(let value): [0xcb] + bigEndian(value.bitPattern, 8)
    case .string(let text):
      (text.utf8.count < 32
        ? [0xa0 | UInt8(text.utf8.count)] : [0xda] + bigEndian(UInt64(text.utf8.count), 2))
        + Array(text.utf8)
    case .array(let elements):
      (elements.count < 16
        ? [0x90 | UInt8(elements.count)] : [0xdd] + bigEndian(UInt64(elements.count), 4))
        + elements.flatMap(\.messagePack)
    case .map(let entries):
      [0x80 | UInt8(entries.count)]
        + entries.flatMap { WireValue.string($0.key).messagePack + $0.value.messagePack }
    case .timestamp: preconditionFailure("clients send no timestamps")
    }
  }

  private func bigEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }
}

/// Strict in what the official SDK is strict in: keys are strings, no binary, timestamps in the
/// 8-byte form.
private struct MessagePackBytes {
  let bytes: [UInt8]
  var at = 0

  func fail() -> WireValue.Malformed { WireValue.Malformed(position: at) }

  mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= bytes.count - at else { throw fail() }
    defer { at += count }
    return bytes[at..<at + count]
  }

  mutating func unsigned(_ count: Int) throws -> UInt64 {
    try take(count).reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func value() throws -> WireValue {
    let head = try take(1).first!
    switch head {
    case 0x00...0x7f: return .integer(Int64(head))
    case 0x80...0x8f: return try map(Int(head & 15))
    case 0x90...0x9f: return try array(Int(head & 15))
    case 0xa0...0xbf: return try string(Int(head & 31))
    case 0xc0: return .null
    case 0xc2, 0xc3: return .bool(head == 0xc3)
    case 0xca: return .float(Double(Float(bitPattern: UInt32(try unsigned(4)))))
    case 0xcb: return .float(Double(bitPattern: try unsigned(8)))
    case 0xcc: return .integer(Int64(try unsigned(1)))
    case 0xcd: return .integer(Int64(try unsigned(2)))
    case 0xce: return .integer(Int64(try unsigned(4)))
    case 0xcf:
      guard let value = Int64(exactly: try unsigned(8)) else { throw fail() }
      return .integer(value)
    case 0xd0: return .integer(Int64(Int8(truncatingIfNeeded: try unsigned(1))))
    case 0xd1: return .integer(Int64(Int16(truncatingIfNeeded: try unsigned(2))))
    case 0xd2: return .integer(Int64(Int32(truncatingIfNeeded: try unsigned(4))))
    case 0xd3: return .integer(Int64(bitPattern: try unsigned(8)))
    case 0xd7:
      guard try unsigned(1) == 0xff else { throw fail() }
      let word = try unsigned(8)
      return .timestamp(Int64(word & (1 << 34 - 1)) * 1_000_000_000 + Int64(word >> 34))
    case 0xd9: return try string(Int(try unsigned(1)))
    case 0xda: return try string(Int(try unsigned(2)))
    case 0xdb: return try string(Int(try unsigned(4)))
    case 0xdc: return try array(Int(try unsigned(2)))
    case 0xdd: return try array(Int(try unsigned(4)))
    case 0xde: return try map(Int(try unsigned(2)))
    case 0xe0...0xff: return .integer(Int64(Int8(bitPattern: head)))
    default: throw fail()
    }
  }

  private mutating func string(_ count: Int) throws -> WireValue {
    guard let text = String(validating: try take(count), as: UTF8.self) else { throw fail() }
    return .string(text)
  }

  private mutating func array(_ count: Int) throws -> WireValue {
    var elements: [WireValue] = []
    for _ in 0..<count { elements.append(try value()) }
    return .array(elements)
  }

  private mutating func map(_ count: Int) throws -> WireValue {
    var entries: [WireValue.Entry] = []
    for _ in 0..<count {
      guard case .string(let key) = try value() else { throw fail() }
      entries.append(.init(key: key, value: try value()))
    }
    return .map(entries)
  }
}
