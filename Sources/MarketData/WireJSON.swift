// Values as they lie in Redis and go to JSON clients: one object each, straight into bytes.
//
// Every value begins `{"E":<epoch>,"N":<number>,`, a trade's then `"P":<number>,`, then `"T":`: the
// order that `MessageHeader` reads fastest. Absent fields are left out. Prices and sizes leave
// exactly as they are. Symbols need no escaping (`SymbolTable` checks them); codes are escaped,
// except conditions, which are a JSON value already. Nothing is allocated once the writer has
// grown.
//
// It does not add the `[` and `]` of a frame, and it does not know keys or channels.

public enum WireJSON {
  /// `{"E":1,"N":7,"P":5,"T":"t","S":"AAPL","t":"...","p":189.97,"s":46,...}`; then `i x c z tks`.
  ///
  /// `previous` is the symbol's trade before this one, number 0 for the first of a run. Its epoch
  /// (`"Q"`) is written only where it is another than this one's.
  public static func encodeTrade(
    _ trade: Trade, sequence: SequenceNumber, previous: SequenceNumber,
    symbols: SymbolTable, codes: CodeTable, into writer: inout ByteWriter
  ) {
    appendChain(sequence, previous, to: &writer)
    writer.append(",\"T\":\"t\",\"S\":\"")
    appendSymbolAndTime(trade.symbol, trade.timestamp, symbols, to: &writer)
    writer.append(",\"p\":")
    writer.append(trade.price)
    writer.append(",\"s\":")
    writer.append(trade.size)
    if let id = trade.id {
      writer.append(",\"i\":")
      writer.appendDecimal(id)
    }
    appendCode(",\"x\":", trade.exchange, codes, to: &writer)
    appendConditions(trade.conditions, codes, to: &writer)
    appendCode(",\"z\":", trade.tape, codes, to: &writer)
    switch trade.takerSide {
    case .unknown: break
    case .buy: writer.append(",\"tks\":\"B\"")
    case .sell: writer.append(",\"tks\":\"S\"")
    }
    writer.append(UInt8(ascii: "}"))
  }

  /// `{"E":1,"N":7,"T":"q","S":"AAPL","t":"...","bp":189.96,"bs":3,"ap":189.98,"as":2,...}`; then
  /// `bx ax c z`.
  public static func encodeQuote(
    _ quote: Quote, sequence: SequenceNumber,
    symbols: SymbolTable, codes: CodeTable, into writer: inout ByteWriter
  ) {
    appendSequence(sequence, to: &writer)
    writer.append(",\"T\":\"q\",\"S\":\"")
    appendSymbolAndTime(quote.symbol, quote.timestamp, symbols, to: &writer)
    writer.append(",\"bp\":")
    writer.append(quote.bidPrice)
    writer.append(",\"bs\":")
    writer.append(quote.bidSize)
    writer.append(",\"ap\":")
    writer.append(quote.askPrice)
    writer.append(",\"as\":")
    writer.append(quote.askSize)
    appendCode(",\"bx\":", quote.bidExchange, codes, to: &writer)
    appendCode(",\"ax\":", quote.askExchange, codes, to: &writer)
    appendConditions(quote.conditions, codes, to: &writer)
    appendCode(",\"z\":", quote.tape, codes, to: &writer)
    writer.append(UInt8(ascii: "}"))
  }

  /// `{"E":1,"N":7,"T":"o","S":"BTC/USD","t":"...","b":[{"p":1,"s":2},...],"a":[...],"r":true}`,
  /// best levels first, always the full top.
  public static func encodeDepth(
    _ depth: borrowing Depth, sequence: SequenceNumber,
    symbols: SymbolTable, into writer: inout ByteWriter
  ) {
    appendSequence(sequence, to: &writer)
    writer.append(",\"T\":\"o\",\"S\":\"")
    appendSymbolAndTime(depth.symbol, depth.timestamp, symbols, to: &writer)
    writer.append(",\"b\":[")
    for index in 0..<depth.bidCount { appendLevel(depth.bids[index], index, to: &writer) }
    writer.append("],\"a\":[")
    for index in 0..<depth.askCount { appendLevel(depth.asks[index], index, to: &writer) }
    writer.append("],\"r\":true}")
  }

  /// `{"E":1,"N":7,"T":"stale","S":"AAPL","since":"..."}`: the symbol can no longer be vouched for.
  public static func encodeStale(
    _ symbol: SymbolID, since: Timestamp, sequence: SequenceNumber,
    symbols: SymbolTable, into writer: inout ByteWriter
  ) {
    appendSequence(sequence, to: &writer)
    writer.append(",\"T\":\"stale\",\"S\":\"")
    symbols.append(symbol, to: &writer)
    writer.append("\",\"since\":\"")
    writer.append(since)
    writer.append("\"}")
  }

  /// `{"E":1,"N":7,"P":5`, and `"Q"` where the epochs differ.
  @inline(__always)
  static func appendChain(
    _ sequence: SequenceNumber, _ previous: SequenceNumber, to writer: inout ByteWriter
  ) {
    appendSequence(sequence, to: &writer)
    writer.append(",\"P\":")
    writer.appendDecimal(previous.number)
    if previous.number != 0, previous.epoch != sequence.epoch {
      writer.append(",\"Q\":")
      writer.appendDecimal(previous.epoch)
    }
  }

  @inline(__always)
  static func appendSequence(_ sequence: SequenceNumber, to writer: inout ByteWriter) {
    writer.append("{\"E\":")
    writer.appendDecimal(sequence.epoch)
    writer.append(",\"N\":")
    writer.appendDecimal(sequence.number)
  }

  @inline(__always)
  static func appendSymbolAndTime(
    _ symbol: SymbolID, _ timestamp: Timestamp, _ symbols: SymbolTable, to writer: inout ByteWriter
  ) {
    symbols.append(symbol, to: &writer)
    writer.append("\",\"t\":\"")
    writer.append(timestamp)
    writer.append(UInt8(ascii: "\""))
  }

  @inline(__always)
  static func appendCode(
    _ key: StaticString, _ code: CodeID, _ codes: CodeTable, to writer: inout ByteWriter
  ) {
    guard code != .absent else { return }
    writer.append(key)
    codes.appendString(code, to: &writer)
  }

  @inline(__always)
  private static func appendConditions(
    _ code: CodeID, _ codes: CodeTable, to writer: inout ByteWriter
  ) {
    guard code != .absent else { return }
    writer.append(",\"c\":")
    codes.appendVerbatim(code, to: &writer)
  }

  @inline(__always)
  private static func appendLevel(_ level: Level, _ index: Int, to writer: inout ByteWriter) {
    if index > 0 { writer.append(UInt8(ascii: ",")) }
    writer.append("{\"p\":")
    writer.append(level.price)
    writer.append(",\"s\":")
    writer.append(level.size)
    writer.append(UInt8(ascii: "}"))
  }
}
