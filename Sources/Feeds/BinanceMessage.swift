// One line of a Binance recording: `<receive time, ns> <JSON as received>`. The JSON is a combined
// stream's `{"stream":...,"data":{...}}`, a raw stream's message, or a REST depth snapshot. The
// same letters mean different things in different messages, so values are kept as they stand until
// the kind is known; keys may come in any order. Only a book's rows, most of what there is to read, are
// converted where they stand, into arrays that the next line fills again.
//
// The slices point into the line and live no longer than it.

import MarketData

struct BinanceMessage: ~Copyable {
  enum Kind {
    case difference, bookTicker, trade, snapshot, other
  }

  /// The values of one message.
  struct Fields {
    fileprivate(set) var stream = JSONField()
    fileprivate(set) var event = JSONField()
    fileprivate(set) var eventTime = JSONField()
    fileprivate(set) var transactionTime = JSONField()
    fileprivate(set) var symbol = JSONField()
    fileprivate(set) var firstID = JSONField()
    fileprivate(set) var lastID = JSONField()
    fileprivate(set) var previousID = JSONField()
    fileprivate(set) var snapshotID = JSONField()
    fileprivate(set) var b = JSONField()
    fileprivate(set) var upperB = JSONField()
    fileprivate(set) var a = JSONField()
    fileprivate(set) var upperA = JSONField()
    fileprivate(set) var tradeID = JSONField()
    fileprivate(set) var price = JSONField()
    fileprivate(set) var quantity = JSONField()
    fileprivate(set) var buyerIsMaker = JSONField()
  }

  /// One side of a book, as `[["price","quantity"],...]`; further elements of a row are ignored.
  struct Rows {
    enum State {
      case absent, unreadable, read

      func check(_ name: StaticString) throws(LineError) {
        switch self {
        case .read: break
        case .absent: throw .missing(name)
        case .unreadable: throw .invalid(name)
        }
      }
    }

    private(set) var levels: [Level] = []
    /// Of `b` or `a`, a difference's.
    fileprivate(set) var changes = State.absent
    /// Of `bids` or `asks`, a snapshot's.
    fileprivate(set) var whole = State.absent

    fileprivate mutating func forget() {
      (changes, whole) = (.absent, .absent)
      levels.removeAll(keepingCapacity: true)
    }

    /// Of two arrays in one message the later one is kept.
    fileprivate mutating func read(_ reader: inout JSONReader) throws(JSONError) -> State {
      forget()
      let start = reader
      if (try? readLevels(&reader)) != nil { return .read }
      // It may be of a message that nobody reads; that it is JSON is checked in any case.
      reader = start
      try reader.skipValue()
      return .unreadable
    }

    private mutating func readLevels(_ reader: inout JSONReader) throws(JSONError) {
      try reader.beginArray()
      while try reader.nextElement() {
        try reader.beginArray()
        let price = try Rows.number(&reader)
        let size = try Rows.number(&reader)
        while try reader.nextElement() { try reader.skipValue() }
        guard let price, let size else { throw reader.failure(.expectedNumber) }
        levels.append(Level(price: price, size: size))
      }
    }

    private static func number(_ reader: inout JSONReader) throws(JSONError) -> Decimal9? {
      guard try reader.nextElement() else { throw reader.failure(.expectedString) }
      let text = try reader.string()
      guard !text.hasEscapes, let value = Decimal9(parsing: text.raw), value >= .zero else {
        return nil
      }
      return value
    }
  }

  private(set) var received = Timestamp(nanoseconds: 0)
  private(set) var fields = Fields()
  private(set) var bids = Rows()
  private(set) var asks = Rows()

  /// Forgets what was there and reads a line.
  mutating func read(_ line: UnsafeRawBufferPointer) throws(LineError) {
    guard let space = line.firstIndex(of: 0x20),
      let time = JSONReader.integer(UnsafeRawBufferPointer(rebasing: line[..<space])), time >= 0
    else { throw .other("a receive time in nanoseconds was expected first") }
    received = Timestamp(nanoseconds: time)
    fields = Fields()
    bids.forget()
    asks.forget()
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
    if let event = fields.event.text {
      switch event {
      case "depthUpdate": return .difference
      case "bookTicker": return .bookTicker
      case "trade": return .trade
      default: return .other
      }
    }
    // A partial book (`@depth5`) looks like a snapshot, but belongs to a stream.
    if fields.snapshotID.kind != .null {
      return fields.stream.kind == .null ? .snapshot : .other
    }
    return fields.upperB.kind == .string && fields.upperA.kind == .string
      && fields.b.kind == .string ? .bookTicker : .other
  }

  private mutating func read(_ reader: inout JSONReader) throws(JSONError) {
    try reader.beginObject()
    while let key = try reader.nextKey() {
      // Nearly all names have one letter.
      if key.raw.count == 1, !key.hasEscapes {
        try readValue(&reader, of: key.raw[0])
        continue
      }
      switch key {
      case "data" where try reader.peek() == .object: try read(&reader)
      case "stream": fields.stream = try JSONField(&reader)
      case "pu": fields.previousID = try JSONField(&reader)
      case "lastUpdateId": fields.snapshotID = try JSONField(&reader)
      case "bids" where try reader.peek() == .array: bids.whole = try bids.read(&reader)
      case "asks" where try reader.peek() == .array: asks.whole = try asks.read(&reader)
      default: try reader.skipValue()
      }
    }
  }

  private mutating func readValue(
    _ reader: inout JSONReader, of letter: UInt8
  ) throws(JSONError) {
    switch letter {
    case UInt8(ascii: "e"): fields.event = try JSONField(&reader)
    case UInt8(ascii: "E"): fields.eventTime = try JSONField(&reader)
    case UInt8(ascii: "T"): fields.transactionTime = try JSONField(&reader)
    case UInt8(ascii: "s"): fields.symbol = try JSONField(&reader)
    case UInt8(ascii: "U"): fields.firstID = try JSONField(&reader)
    case UInt8(ascii: "u"): fields.lastID = try JSONField(&reader)
    case UInt8(ascii: "b") where try reader.peek() == .array:
      bids.changes = try bids.read(&reader)
    case UInt8(ascii: "b"): fields.b = try JSONField(&reader)
    case UInt8(ascii: "B"): fields.upperB = try JSONField(&reader)
    case UInt8(ascii: "a") where try reader.peek() == .array:
      asks.changes = try asks.read(&reader)
    case UInt8(ascii: "a"): fields.a = try JSONField(&reader)
    case UInt8(ascii: "A"): fields.upperA = try JSONField(&reader)
    case UInt8(ascii: "t"): fields.tradeID = try JSONField(&reader)
    case UInt8(ascii: "p"): fields.price = try JSONField(&reader)
    case UInt8(ascii: "q"): fields.quantity = try JSONField(&reader)
    case UInt8(ascii: "m"): fields.buyerIsMaker = try JSONField(&reader)
    default: try reader.skipValue()
    }
  }

  /// Milliseconds since 1970; nil when absent.
  static func time(_ field: JSONField, _ name: StaticString) throws(LineError) -> Timestamp? {
    guard let milliseconds = try field.integer(name) else { return nil }
    let (nanoseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
    guard !overflow else { throw .invalid(name) }
    return Timestamp(nanoseconds: nanoseconds)
  }
}
