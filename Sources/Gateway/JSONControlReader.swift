import MarketData

/// A client's message as JSON text.
struct JSONControlReader: ControlReader {
  private var reader: JSONReader

  init(_ bytes: UnsafeRawBufferPointer) { reader = JSONReader(bytes) }

  private func fault(_ error: JSONError) -> ClientMessageFault {
    ClientMessageFault(error: .invalidSyntax, reason: error.description)
  }

  mutating func beginMap() throws(ClientMessageFault) {
    do { try reader.beginObject() } catch { throw fault(error) }
  }

  mutating func nextKey(into text: inout ByteWriter) throws(ClientMessageFault) -> Bool {
    do {
      guard let key = try reader.nextKey() else { return false }
      key.withDecoded { text.append($0) }
      return true
    } catch { throw fault(error) }
  }

  mutating func nextIsList() throws(ClientMessageFault) -> Bool {
    do {
      if case .array = try reader.peek() { return true }
      return false
    } catch { throw fault(error) }
  }

  mutating func nextIsMap() throws(ClientMessageFault) -> Bool {
    do {
      if case .object = try reader.peek() { return true }
      return false
    } catch { throw fault(error) }
  }

  mutating func unsignedValue() throws(ClientMessageFault) -> UInt64? {
    do {
      guard case .number = try reader.peek() else { return nil }
      var value: UInt64 = 0
      for byte in try reader.number() {
        let digit = byte &- UInt8(ascii: "0")
        let (product, isOver) = value.multipliedReportingOverflow(by: 10)
        let (sum, isOverToo) = product.addingReportingOverflow(UInt64(digit))
        guard digit <= 9, !isOver, !isOverToo else { return nil }
        value = sum
      }
      return value
    } catch { throw fault(error) }
  }

  mutating func boolValue() throws(ClientMessageFault) -> Bool? {
    do {
      guard case .boolean = try reader.peek() else { return nil }
      return try reader.boolean()
    } catch { throw fault(error) }
  }

  mutating func string(into text: inout ByteWriter) throws(ClientMessageFault) {
    do { try reader.string().withDecoded { text.append($0) } } catch { throw fault(error) }
  }

  mutating func beginList() throws(ClientMessageFault) {
    do { try reader.beginArray() } catch { throw fault(error) }
  }

  mutating func nextElement() throws(ClientMessageFault) -> Bool {
    do { return try reader.nextElement() } catch { throw fault(error) }
  }

  mutating func skip() throws(ClientMessageFault) {
    do { try reader.skipValue() } catch { throw fault(error) }
  }

  mutating func end() throws(ClientMessageFault) {
    do { try reader.end() } catch { throw fault(error) }
  }
}
