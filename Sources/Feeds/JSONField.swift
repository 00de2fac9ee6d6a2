import MarketData

/// A value as it stands in a line, checked but not converted; it lives no longer than the line.
struct JSONField {
  private(set) var kind: JSONReader.Kind = .null
  /// Of a string those between its quotes; empty when the field is absent.
  private(set) var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  private var hasEscapes = false

  /// nil when it is no string.
  var text: JSONText? { kind == .string ? JSONText(raw: bytes, hasEscapes: hasEscapes) : nil }

  /// An absent field.
  init() {}

  init(_ reader: inout JSONReader) throws(JSONError) {
    kind = try reader.peek()
    if kind == .string {
      let text = try reader.string()
      hasEscapes = text.hasEscapes
      bytes = text.raw
    } else {
      bytes = try reader.rawValue()
    }
  }

  /// What is wrong with a field of another type than it should have.
  func fault(_ name: StaticString) -> LineError {
    kind == .null && bytes.isEmpty ? .missing(name) : .invalid(name)
  }

  func decimal(_ name: StaticString) throws(LineError) -> Decimal9 {
    guard kind == .number else { throw fault(name) }
    guard let value = Decimal9(parsing: bytes) else { throw .invalid(name) }
    return value
  }

  /// A size is not negative.
  func size(_ name: StaticString) throws(LineError) -> Decimal9 {
    let value = try decimal(name)
    guard value >= .zero else { throw .invalid(name) }
    return value
  }

  /// A decimal number in quotes, not negative: prices and quantities of Binance.
  func quotedDecimal(_ name: StaticString) throws(LineError) -> Decimal9 {
    guard kind == .string else { throw fault(name) }
    guard !hasEscapes, let value = Decimal9(parsing: bytes), value >= .zero else {
      throw .invalid(name)
    }
    return value
  }

  /// nil when the field is absent or null.
  func integer(_ name: StaticString) throws(LineError) -> Int64? {
    if kind == .null { return nil }
    guard kind == .number, let value = JSONReader.integer(bytes) else { throw .invalid(name) }
    return value
  }

  /// A Boolean that is false when absent.
  func boolean(_ name: StaticString) throws(LineError) -> Bool {
    if kind == .null { return false }
    guard kind == .boolean else { throw .invalid(name) }
    return bytes.first == UInt8(ascii: "t")
  }
}
