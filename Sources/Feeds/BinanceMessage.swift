// One line of a Binance recording: `<receive time, ns> <JSON as received>`. The JSON is a combined
// stream's `{"stream":...,"data":{...}}`, a raw stream's message, or a REST depth snapshot. The
// same letters mean different things in different messages, so values are kept as they stand until
// the kind is known; keys may come in any order.
//
// The slices point into the line and live no longer than it.

import MarketData

struct BinanceMessage {
  enum Kind {
    case difference, bookTicker, trade, snapshot, other
  }

  private(set) var received = Timestamp(nanoseconds: 0)
  private(set) var stream = JSONField()
  private(set) var event = JSONField()
  private(set) var eventTime = JSONField()
  private(set) var transactionTime = JSONField()
  private(set) var symbol = JSONField()
  private(set) var firstID = JSONField()
  private(set) var lastID = JSONField()
  private(set) var previousID = JSONField()
  private(set) var snapshotID = JSONField()
  private(set) var b = JSONField()
  private(set) var upperB = JSONField()
  private(set) var a = JSONField()
  private(set) var upperA = JSONField()
  private(set) var bids = JSONField()
  private(set) var asks = JSONField()
  private(set) var tradeID = JSONField()
  private(set) var price = JSONField()
  private(set) var quantity = JSONField()
  private(set) var buyerIsMaker = JSONField()

  init() {}

  init(_ line: UnsafeRawBufferPointer) throws(LineError) {
    guard let space = line.firstIndex(of: 0x20),
      let time = JSONReader.integer(UnsafeRawBufferPointer(rebasing: line[..<space])), time >= 0
    else { throw .other("a receive time in nanoseconds was expected first") }
    received = Timestamp(nanoseconds: time)
    do {
      var reader = JSONReader(UnsafeRawBufferPointer(rebasing: line[(space + 1)...]))
      try read(&reader)
      try reader.end()
    } catch {
      throw .json(JSONError(error.reason, offset: error.offset + space + 1))
    }
  }

  /// By the event's own name, else (a spot bookTicker has none) by the stream's or the fields.
  var kind: Kind {
    if let event = event.text {
      switch event {
      case "depthUpdate": return .difference
      case "bookTicker": return .bookTicker
      case "trade": return .trade
      default: return .other
      }
    }
    // A partial book (`@depth5`) looks like a snapshot, but belongs to a stream.
    if snapshotID.kind != .null { return stream.kind == .null ? .snapshot : .other }
    return upperB.kind == .string && upperA.kind == .string && b.kind == .string
      ? .bookTicker : .other
  }

  private mutating func read(_ reader: inout JSONReader) throws(JSONError) {
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "data" where try reader.peek() == .object: try read(&reader)
      case "stream": stream = try JSONField(&reader)
      case "e": event = try JSONField(&reader)
      case "E": eventTime = try JSONField(&reader)
      case "T": transactionTime = try JSONField(&reader)
      case "s": symbol = try JSONField(&reader)
      case "U": firstID = try JSONField(&reader)
      case "u": lastID = try JSONField(&reader)
      case "pu": previousID = try JSONField(&reader)
      case "lastUpdateId": snapshotID = try JSONField(&reader)
      case "b": b = try JSONField(&reader)
      case "B": upperB = try JSONField(&reader)
      case "a": a = try JSONField(&reader)
      case "A": upperA = try JSONField(&reader)
      case "bids": bids = try JSONField(&reader)
      case "asks": asks = try JSONField(&reader)
      case "t": tradeID = try JSONField(&reader)
      case "p": price = try JSONField(&reader)
      case "q": quantity = try JSONField(&reader)
      case "m": buyerIsMaker = try JSONField(&reader)
      default: try reader.skipValue()
      }
    }
  }

  /// Milliseconds since 1970; nil when absent.
  static func time(_ field: JSONField, _ name: StaticString) throws(LineError) -> Timestamp? {
    guard let milliseconds = try field.integer(name) else { return nil }
    let (nanoseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
    guard !overflow else { throw .invalid(name) }
    return Timestamp(nanoseconds: nanoseconds)
  }

  /// `[["price","quantity"],...]`; further elements of a level are ignored.
  static func readLevels(
    _ field: JSONField, _ name: StaticString, into levels: inout [Level]
  ) throws(LineError) {
    levels.removeAll(keepingCapacity: true)
    guard field.kind == .array else { throw field.fault(name) }
    var reader = JSONReader(field.bytes)
    do {
      try reader.beginArray()
      while try reader.nextElement() {
        try reader.beginArray()
        let price = try level(&reader)
        let size = try level(&reader)
        while try reader.nextElement() { try reader.skipValue() }
        guard let price, let size else { throw reader.failure(.expectedNumber) }
        levels.append(Level(price: price, size: size))
      }
    } catch {
      throw .invalid(name)
    }
  }

  private static func level(_ reader: inout JSONReader) throws(JSONError) -> Decimal9? {
    guard try reader.nextElement() else { throw reader.failure(.expectedString) }
    let text = try reader.string()
    guard !text.hasEscapes, let value = Decimal9(parsing: text.raw), value >= .zero else {
      return nil
    }
    return value
  }
}
