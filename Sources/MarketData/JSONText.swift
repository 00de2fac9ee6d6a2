/// A string of a JSON text, still as it stands there: the bytes between the quotes.
///
/// It points into the reader's bytes and lives no longer than they. A `JSONReader` made it, so its
/// escapes are known to be well formed and its bytes to be UTF-8.
public struct JSONText {
  /// Between the quotes, escapes not resolved.
  public let raw: UnsafeRawBufferPointer
  public let hasEscapes: Bool

  /// `raw` must come from a `JSONReader`.
  package init(raw: UnsafeRawBufferPointer, hasEscapes: Bool) {
    self.raw = raw
    self.hasEscapes = hasEscapes
  }

  /// The text itself. Allocates.
  public var string: String {
    withDecoded { bytes in String(decoding: bytes, as: UTF8.self) }
  }

  /// The text's bytes with escapes resolved; allocates only when there are some.
  public func withDecoded<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    guard hasEscapes else { return body(raw) }
    let bytes = decodedBytes()
    return bytes.withUnsafeBytes { body($0) }
  }

  /// Makes `switch text { case "bids": ... }` work.
  @inlinable
  public static func ~= (pattern: StaticString, text: JSONText) -> Bool { text.equals(pattern) }

  @inlinable
  public func equals(_ other: StaticString) -> Bool {
    guard !hasEscapes else { return equalsAfterDecoding(other) }
    let count = other.utf8CodeUnitCount
    guard raw.count == count else { return false }
    let start = other.utf8Start
    for index in 0..<count where raw[index] != start[index] { return false }
    return true
  }

  @inline(never)
  @usableFromInline
  func equalsAfterDecoding(_ other: StaticString) -> Bool {
    let bytes = decodedBytes()
    return bytes.count == other.utf8CodeUnitCount
      && bytes.indices.allSatisfy { bytes[$0] == other.utf8Start[$0] }
  }

  private func decodedBytes() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(raw.count)
    var index = 0
    while index < raw.count {
      let byte = raw[index]
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        index += 1
        continue
      }
      let letter = raw[index + 1]
      index += 2
      switch letter {
      case UInt8(ascii: "b"): bytes.append(0x08)
      case UInt8(ascii: "f"): bytes.append(0x0C)
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "u"):
        var unit = codeUnit(at: index)
        index += 4
        if 0xD800..<0xDC00 ~= unit {
          // The reader let a high half pass only with its low half behind it.
          unit = 0x10000 + (unit - 0xD800) << 10 + (codeUnit(at: index + 2) - 0xDC00)
          index += 6
        }
        if let scalar = Unicode.Scalar(unit) { bytes.append(contentsOf: UTF8.encode(scalar)!) }
      default: bytes.append(letter)
      }
    }
    return bytes
  }

  private func codeUnit(at index: Int) -> UInt32 {
    var unit: UInt32 = 0
    for offset in 0..<4 { unit = unit << 4 | UInt32(JSONReader.hexDigit(raw[index + offset]) ?? 0) }
    return unit
  }
}
