import OrderBooks

/// The formats of tapes, known by how they begin.
enum TapeFormat {
  /// An object a line.
  case native
  /// Digits (the receive time), a space, an object.
  case binance
  /// Frames of two bytes of length and a message of a published type that is as long.
  case itch
  /// Rows of six numbers.
  case lobster

  /// Looks at the beginning of the file, gzip or not.
  static func detect(path: String) throws(FeedsError) -> TapeFormat {
    let file = try TapeFile(path: path)
    let head = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 16)
    defer { head.deallocate() }
    let count = try file.read(into: head)
    let begin = UnsafeRawBufferPointer(rebasing: head[..<count])
    // First, for its first byte is 0, and a line's is none of its types.
    if isITCH(begin) { return .itch }
    let text = begin.drop { $0 == 0x20 || 0x09...0x0D ~= $0 }
    guard let first = text.first else {
      throw FeedsError(
        .unknownFormat, "\(path): \(file.damage ?? "there is no message on the tape")")
    }
    if first == UInt8(ascii: "{") { return .native }
    let rest = text.drop { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    if rest.count < text.count, rest.first == 0x20, rest.dropFirst().first == UInt8(ascii: "{") {
      return .binance
    }
    let line = text.prefix { $0 != 0x0A && $0 != 0x0D }
    if (try? LobsterMessage(UnsafeRawBufferPointer(rebasing: line))) != nil { return .lobster }
    throw FeedsError(
      .unknownFormat,
      "\(path):1: neither a JSON object, nor a receive time followed by one, nor a LOBSTER row,"
        + " nor an ITCH frame begins the tape")
  }

  /// Whether frames begin the bytes: the first, and most of the first eight, for a damaged file is
  /// of its format still.
  private static func isITCH(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    var (seen, valid) = (0, 0)
    while seen < 8, offset + 3 <= bytes.count {
      let length = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
      guard length > 0 else { break }
      seen += 1
      if ITCHFrame.length(of: bytes[offset + 2]) == length {
        valid += 1
      } else if seen == 1 {
        return false
      }
      offset += 2 + length
    }
    return 2 * valid > seen
  }
}
