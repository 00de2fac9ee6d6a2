// One line of a native tape, read into fields; which of them count depends on the kind (`"T"`),
// which may stand anywhere. So a first pass checks the whole line and keeps each value as it
// stands, and then only the fields of the kind are converted.
//
// The slices point into the line and live no longer than it.

import MarketData

struct NativeMessage {
  enum Kind {
    case trade, quote, book, status, cancel, correction, stale, other
    case bar(BarKind)
  }

  private(set) var kind: Kind?
  private(set) var symbol: JSONText?
  private(set) var time = JSONField()
  private(set) var price = JSONField()
  private(set) var size = JSONField()
  private(set) var id = JSONField()
  private(set) var exchange = JSONField()
  /// Of a bar its close.
  private(set) var conditions = JSONField()
  private(set) var tape = JSONField()
  private(set) var takerSide = JSONField()
  private(set) var bidPrice = JSONField()
  private(set) var bidSize = JSONField()
  private(set) var askPrice = JSONField()
  private(set) var askSize = JSONField()
  private(set) var bidExchange = JSONField()
  private(set) var askExchange = JSONField()
  private(set) var bids = JSONField()
  private(set) var asks = JSONField()
  private(set) var isFullBook = JSONField()
  private(set) var since = JSONField()
  private(set) var open = JSONField()
  private(set) var high = JSONField()
  private(set) var low = JSONField()
  private(set) var volume = JSONField()
  private(set) var tradeCount = JSONField()
  private(set) var vwap = JSONField()

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
    of key: JSONText, from reader: inout JSONReader
  ) throws(JSONError) {
    switch key {
    case "T": kind = NativeMessage.kind(try JSONField(&reader))
    case "S": symbol = try JSONField(&reader).text
    case "t": time = try JSONField(&reader)
    case "p": price = try JSONField(&reader)
    case "s": size = try JSONField(&reader)
    case "i": id = try JSONField(&reader)
    case "x": exchange = try JSONField(&reader)
    case "c": conditions = try JSONField(&reader)
    case "z": tape = try JSONField(&reader)
    case "tks": takerSide = try JSONField(&reader)
    case "bp": bidPrice = try JSONField(&reader)
    case "bs": bidSize = try JSONField(&reader)
    case "ap": askPrice = try JSONField(&reader)
    case "as": askSize = try JSONField(&reader)
    case "bx": bidExchange = try JSONField(&reader)
    case "ax": askExchange = try JSONField(&reader)
    case "b": bids = try JSONField(&reader)
    case "a": asks = try JSONField(&reader)
    case "r": isFullBook = try JSONField(&reader)
    case "since": since = try JSONField(&reader)
    case "o": open = try JSONField(&reader)
    case "h": high = try JSONField(&reader)
    case "l": low = try JSONField(&reader)
    case "v": volume = try JSONField(&reader)
    case "n": tradeCount = try JSONField(&reader)
    case "vw": vwap = try JSONField(&reader)
    default: try reader.skipValue()
    }
  }

  private static func kind(_ field: JSONField) -> Kind? {
    switch field.text {
    case nil: nil
    case .some("t"): .trade
    case .some("q"): .quote
    case .some("o"): .book
    case .some("b"): .bar(.minute)
    case .some("u"): .bar(.updated)
    case .some("d"): .bar(.daily)
    case .some("s"): .status
    case .some("x"): .cancel
    case .some("c"): .correction
    case .some("stale"): .stale
    default: .other
    }
  }

  /// The levels of a book's side, appended to `levels`.
  func readLevels(
    _ field: JSONField, _ name: StaticString, into levels: inout [Level]
  ) throws(LineError) {
    levels.removeAll(keepingCapacity: true)
    guard field.kind == .array else { throw field.fault(name) }
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
