// LEB128: seven bits a byte, the lowest first; signed numbers zigzag (0, -1, 1, -2, ...).
import MarketData

extension ByteWriter {
  mutating func packVariable(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func packVariable(wide value: UInt128) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func packSigned(_ value: Int64) {
    packVariable(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  mutating func packText(_ bytes: UnsafeRawBufferPointer) {
    packVariable(UInt64(bytes.count))
    append(bytes)
  }
}

/// Why bytes are no pack, and where.
public struct HistoryPackError: Error, Hashable, Sendable, CustomStringConvertible {
  public var offset: Int
  public var reason: String

  public init(offset: Int, reason: String) {
    self.offset = offset
    self.reason = reason
  }

  public var description: String { "\(reason) at byte \(offset)" }
}

/// Reads what `ByteWriter` packed, from bytes that may be anybody's.
struct PackReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var rest: Int { bytes.count - offset }

  func failure(_ reason: String) -> HistoryPackError {
    HistoryPackError(offset: offset, reason: reason)
  }

  mutating func byte() throws(HistoryPackError) -> UInt8 {
    guard offset < bytes.count else { throw failure("the pack ends early") }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func variable() throws(HistoryPackError) -> UInt64 {
    guard let value = UInt64(exactly: try wide()) else { throw failure("a number over 64 bits") }
    return value
  }

  mutating func wide() throws(HistoryPackError) -> UInt128 {
    var value: UInt128 = 0
    var shift = 0
    while true {
      let byte = try byte()
      let part = UInt128(byte & 0x7F)
      guard shift < 126 || shift == 126 && part < 4 else { throw failure("a number over 128 bits") }
      value |= part << UInt128(shift)
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  mutating func signed() throws(HistoryPackError) -> Int64 {
    let value = try variable()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// A count of things that take at least `least` bytes each.
  mutating func count(least: Int) throws(HistoryPackError) -> Int {
    let value = try variable()
    guard value <= UInt64(rest / least) else { throw failure("a count of more than there is") }
    return Int(value)
  }

  mutating func text(bytesMax: Int) throws(HistoryPackError) -> UnsafeRawBufferPointer {
    let length = try variable()
    guard length <= UInt64(bytesMax) else { throw failure("a text over \(bytesMax) bytes") }
    guard length <= UInt64(rest) else { throw failure("the pack ends early") }
    defer { offset += Int(length) }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + Int(length))])
  }
}
