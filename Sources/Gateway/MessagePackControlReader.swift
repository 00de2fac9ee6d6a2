import MarketData

/// A client's message as MessagePack. Entries of the open map and list are counted here; the reader
/// itself only gives tokens.
struct MessagePackControlReader: ControlReader {
  private let bytes: UnsafeRawBufferPointer
  private var reader = MessagePackReader()
  private var keysLeft = 0
  /// Of the map around the open one.
  private var keysLeftOutside = 0
  private var elementsLeft = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private func fault(_ reason: String) -> ClientMessageFault {
    ClientMessageFault(
      error: .invalidSyntax, reason: "\(reason), before byte \(reader.position)")
  }

  private mutating func next() throws(ClientMessageFault) -> MessagePackReader.Token {
    do { return try reader.next(bytes.bytes) } catch {
      throw ClientMessageFault(error: .invalidSyntax, reason: error.description)
    }
  }

  mutating func beginMap() throws(ClientMessageFault) {
    guard case .map(let count) = try next() else { throw fault("a map was expected") }
    keysLeftOutside = keysLeft
    keysLeft = count
  }

  mutating func nextKey(into text: inout ByteWriter) throws(ClientMessageFault) -> Bool {
    guard keysLeft > 0 else {
      keysLeft = keysLeftOutside
      keysLeftOutside = 0
      return false
    }
    keysLeft -= 1
    try string(into: &text)
    return true
  }

  mutating func nextIsList() throws(ClientMessageFault) -> Bool {
    var ahead = self
    if case .array = try ahead.next() { return true }
    return false
  }

  mutating func nextIsMap() throws(ClientMessageFault) -> Bool {
    var ahead = self
    if case .map = try ahead.next() { return true }
    return false
  }

  mutating func unsignedValue() throws(ClientMessageFault) -> UInt64? {
    switch try next() {
    case .integer(let value): UInt64(exactly: value)
    case .unsigned(let value): value
    default: nil
    }
  }

  mutating func boolValue() throws(ClientMessageFault) -> Bool? {
    if case .bool(let value) = try next() { return value }
    return nil
  }

  mutating func string(into text: inout ByteWriter) throws(ClientMessageFault) {
    guard case .string(let range) = try next() else { throw fault("a string was expected") }
    text.append(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  mutating func beginList() throws(ClientMessageFault) {
    guard case .array(let count) = try next() else { throw fault("a list was expected") }
    elementsLeft = count
  }

  mutating func nextElement() throws(ClientMessageFault) -> Bool {
    guard elementsLeft > 0 else { return false }
    elementsLeft -= 1
    return true
  }

  mutating func skip() throws(ClientMessageFault) {
    do { try reader.skip(bytes.bytes) } catch {
      throw ClientMessageFault(error: .invalidSyntax, reason: error.description)
    }
  }

  mutating func end() throws(ClientMessageFault) {
    do { try reader.finish(bytes.bytes) } catch {
      throw ClientMessageFault(error: .invalidSyntax, reason: error.description)
    }
  }
}
