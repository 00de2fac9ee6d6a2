// Strings as JSON writes them. Only what RFC 8259 demands is escaped: quote, backslash, controls.

enum JSONEscape {
  static func needsNoEscape(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
  }

  /// Appends valid UTF-8 as a JSON string, with its quotes.
  static func appendString(_ utf8: UnsafeRawBufferPointer, to writer: inout ByteWriter) {
    writer.append(UInt8(ascii: "\""))
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        writer.append(UInt8(ascii: "\\"))
        writer.append(byte)
      case 0..<0x20:
        let hex: StaticString = "0123456789abcdef"
        writer.append("\\u00")
        writer.append(hex.utf8Start[Int(byte >> 4)])
        writer.append(hex.utf8Start[Int(byte & 15)])
      default: writer.append(byte)
      }
    }
    writer.append(UInt8(ascii: "\""))
  }
}

extension ByteWriter {
  /// Appends the text as a JSON string, with its quotes and escapes.
  public mutating func appendJSONString(_ text: String) {
    var text = text
    text.withUTF8 { JSONEscape.appendString(UnsafeRawBufferPointer($0), to: &self) }
  }
}
