/// The formats of tapes, known by how the first line that is not blank begins.
enum TapeFormat {
  /// An object a line.
  case native
  /// Digits (the receive time), a space, an object.
  case binance

  /// Looks at the beginning of the file, gzip or not.
  static func detect(path: String) throws(FeedsError) -> TapeFormat {
    let file = try TapeFile(path: path)
    let head = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 16)
    defer { head.deallocate() }
    let count = try file.read(into: head)
    let text = head[..<count].drop { $0 == 0x20 || 0x09...0x0D ~= $0 }
    guard let first = text.first else {
      throw FeedsError(
        .unknownFormat, "\(path): \(file.damage ?? "there is no message on the tape")")
    }
    if first == UInt8(ascii: "{") { return .native }
    let rest = text.drop { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    if rest.count < text.count, rest.first == 0x20, rest.dropFirst().first == UInt8(ascii: "{") {
      return .binance
    }
    throw FeedsError(
      .unknownFormat,
      "\(path):1: neither a JSON object nor a receive time followed by one begins the tape")
  }
}
