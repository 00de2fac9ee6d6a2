// One line of a native tape, read into fields; which of them count depends on the kind (`"T"`), which
// may stand anywhere. So a first pass checks the whole line and keeps each value as it stands, and
// then only the fields of the kind are converted.
//
// The slices point into the line and live no longer than it.

import MarketData

struct NativeMessage {
  enum Kind {
    case trade, quote, book, other
  }

  /// A value as it stands in the line; `bytes` of a string are those between its quotes.
  struct Field {
    var kind: JSONReader.Kind = .null
    var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    var text: JSONString?
  }

  private(set) var kind: Kind?
  private(set) var symbol: JSONString?
  private(set) var time = Field()
  private(set) var price = Field()
  private(set) var size = Field()
  private(set) var id = Field()
  private(set) var exchange = Field()
  private(set) var conditions = Field()
  private(set) var tape = Field()
  private(set) var takerSide = Field()
  private(set) var bidPrice = Field()
  private(set) var bidSize = Field()
  private(set) var askPrice = Field()
  private(set) var askSize = Field()
  private(set) var bidExchange = Field()
  private(set) var askExchange = Field()
  private(set) var bids = Field()
  private(set) var asks = Field()
  private(set) var isFullBook = Field()

  init() {}

  init(_ line: UnsafeRawBufferPointer) throws(LineError) {
    do {
      var reader = JSONReader(line)
      try reader.beginObject()
      while let key = try reader.nextKey() { try readValue(of: key, from: &reader) }
      try reader.end()
    } catch {
      throw .json(error)
    }
    guard kind != nil else { throw .missing("T") }
  }

  private mutating func readValue(
    of key: JSONString, from reader: inout JSONReader
  ) throws(JSONError) {
    switch key {
    case "T": kind = NativeMessage.kind(try NativeMessage.field(&reader))
    case "S": symbol = try NativeMessage.field(&reader).text
    case "t": time = try NativeMessage.field(&reader)
    case "p": price = try NativeMessage.field(&reader)
    case "s": size = try NativeMessage.field(&reader)
    case "i": id = try NativeMessage.field(&reader)
    case "x": exchange = try NativeMessage.field(&reader)
    case "c": conditions = try NativeMessage.field(&reader)
    case "z": tape = try NativeMessage.field(&reader)
    case "tks": takerSide = try NativeMessage.field(&reader)
    case "bp": bidPrice = try NativeMessage.field(&reader)
    case "bs": bidSize = try NativeMessage.field(&reader)
    case "ap": askPrice = try NativeMessage.field(&reader)
    case "as": askSize = try NativeMessage.field(&reader)
    case "bx": bidExchange = try NativeMessage.field(&reader)
    case "ax": askExchange = try NativeMessage.field(&reader)
    case "b": bids = try NativeMessage.field(&reader)
    case "a": asks = try NativeMessage.field(&reader)
    case "r": isFullBook = try NativeMessage.field(&reader)
    default: try reader.skipValue()
    }
  }

  private static func field(_ reader: inout JSONReader) throws(JSONError) -> Field {
    let kind = try reader.peek()
    guard kind == .string else { return Field(kind: kind, bytes: try reader.rawValue()) }
    let text = try reader.string()
    return Field(kind: kind, bytes: text.raw, text: text)
  }

  private static func kind(_ field: Field) -> Kind? {
    switch field.text {
    case nil: nil
    case .some("t"): .trade
    case .some("q"): .quote
    case .some("o"): .book
    default: .other
    }
  }

  /// The levels of a book's side, appended to `levels`.
  func readLevels(
    _ field: Field, _ name: StaticString, into levels: inout [Level]
  ) throws(LineError) {
    levels.removeAll(keepingCapacity: true)
    guard field.kind == .array else { throw field.bytes.isEmpty ? .missing(name) : .invalid(name) }
    do {
      var reader = JSONReader(field.bytes)
      try reader.beginArray()
      while try reader.nextElement() {
        var price: Decimal9?
        var size: Decimal9?
        try reader.beginObject()
        while let key = try reader.nextKey() {
          switch key {
          case "p": price = Decimal9(parsing: try reader.number())
          case "s": size = Decimal9(parsing: try reader.number())
          default: try reader.skipValue()
          }
        }
        guard let price, let size, size >= .zero else { throw LineError.invalid(name) }
        levels.append(Level(price: price, size: size))
      }
    } catch let error as LineError {
      throw error
    } catch {
      // The first pass found the text well formed: a number was expected and is none.
      throw .invalid(name)
    }
  }
}

extension NativeMessage {
  func decimal(_ field: Field, _ name: StaticString) throws(LineError) -> Decimal9 {
    guard field.kind == .number else { throw NativeMessage.fault(field, name) }
    guard let value = Decimal9(parsing: field.bytes) else { throw .invalid(name) }
    return value
  }

  /// A size is not negative.
  func size(_ field: Field, _ name: StaticString) throws(LineError) -> Decimal9 {
    let value = try decimal(field, name)
    guard value >= .zero else { throw .invalid(name) }
    return value
  }

  func timestamp() throws(LineError) -> Timestamp {
    guard time.kind == .string else { throw NativeMessage.fault(time, "t") }
    guard let value = Timestamp(parsing: time.bytes) else { throw .invalid("t") }
    return value
  }

  /// nil when the field is absent or null.
  func integer(_ field: Field, _ name: StaticString) throws(LineError) -> Int64? {
    if field.kind == .null { return nil }
    guard field.kind == .number, let value = JSONReader.integer(field.bytes) else {
      throw .invalid(name)
    }
    return value
  }

  /// A Boolean that is false when absent.
  func boolean(_ field: Field, _ name: StaticString) throws(LineError) -> Bool {
    if field.kind == .null { return false }
    guard field.kind == .boolean else { throw .invalid(name) }
    return field.bytes.first == UInt8(ascii: "t")
  }

  private static func fault(_ field: Field, _ name: StaticString) -> LineError {
    field.bytes.isEmpty ? .missing(name) : .invalid(name)
  }
}
