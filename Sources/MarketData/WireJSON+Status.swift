// Statuses, and what becomes of a trade after it was reported. Clients refuse these messages when
// one of their texts is missing, so an absent one is written as `""`, absent conditions as `[]`;
// only `x` is left out, because no text stands for "no exchange".

extension WireJSON {
  /// `{"E":1,"N":7,"T":"s","S":"AAPL","t":"...","sc":"H","sm":"Halted","rc":"T1","rm":"...",
  /// "z":"C"}`.
  public static func encodeStatus(
    _ status: TradingStatus, sequence: SequenceNumber,
    symbols: SymbolTable, codes: CodeTable, into writer: inout ByteWriter
  ) {
    appendSequence(sequence, to: &writer)
    writer.append(",\"T\":\"s\",\"S\":\"")
    appendSymbolAndTime(status.symbol, status.timestamp, symbols, to: &writer)
    appendText(",\"sc\":", status.statusCode, codes, to: &writer)
    appendText(",\"sm\":", status.statusMessage, codes, to: &writer)
    appendText(",\"rc\":", status.reasonCode, codes, to: &writer)
    appendText(",\"rm\":", status.reasonMessage, codes, to: &writer)
    appendText(",\"z\":", status.tape, codes, to: &writer)
    writer.append(UInt8(ascii: "}"))
  }

  /// `{"E":1,"N":7,"P":5,"T":"x","S":"AAPL","t":"...","x":"V","p":1.5,"s":10,"i":3,"a":"C","z":"C"}`.
  ///
  /// `previous` as in `encodeTrade`: it is a link of the chain of the symbol's trades.
  public static func encodeCancel(
    _ cancel: TradeCancel, sequence: SequenceNumber, previous: SequenceNumber,
    symbols: SymbolTable, codes: CodeTable, into writer: inout ByteWriter
  ) {
    appendChain(sequence, previous, to: &writer)
    writer.append(",\"T\":\"x\",\"S\":\"")
    appendSymbolAndTime(cancel.symbol, cancel.timestamp, symbols, to: &writer)
    appendCode(",\"x\":", cancel.exchange, codes, to: &writer)
    writer.append(",\"p\":")
    writer.append(cancel.price)
    writer.append(",\"s\":")
    writer.append(cancel.size)
    appendInteger(",\"i\":", cancel.id, to: &writer)
    appendCode(",\"a\":", cancel.action, codes, to: &writer)
    appendText(",\"z\":", cancel.tape, codes, to: &writer)
    writer.append(UInt8(ascii: "}"))
  }

  /// `{"E":1,"N":7,"P":5,"T":"c","S":"AAPL","t":"...","x":"V","oi":3,"op":1.5,"os":10,"oc":["@"],
  /// "ci":4,"cp":1.6,"cs":10,"cc":["@"],"z":"C"}`.
  ///
  /// `previous` as in `encodeTrade`: it is a link of the chain of the symbol's trades.
  public static func encodeCorrection(
    _ correction: TradeCorrection, sequence: SequenceNumber, previous: SequenceNumber,
    symbols: SymbolTable, codes: CodeTable, into writer: inout ByteWriter
  ) {
    appendChain(sequence, previous, to: &writer)
    writer.append(",\"T\":\"c\",\"S\":\"")
    appendSymbolAndTime(correction.symbol, correction.timestamp, symbols, to: &writer)
    appendCode(",\"x\":", correction.exchange, codes, to: &writer)
    appendInteger(",\"oi\":", correction.original.id, to: &writer)
    writer.append(",\"op\":")
    writer.append(correction.original.price)
    writer.append(",\"os\":")
    writer.append(correction.original.size)
    appendList(",\"oc\":", correction.original.conditions, codes, to: &writer)
    appendInteger(",\"ci\":", correction.corrected.id, to: &writer)
    writer.append(",\"cp\":")
    writer.append(correction.corrected.price)
    writer.append(",\"cs\":")
    writer.append(correction.corrected.size)
    appendList(",\"cc\":", correction.corrected.conditions, codes, to: &writer)
    appendText(",\"z\":", correction.tape, codes, to: &writer)
    writer.append(UInt8(ascii: "}"))
  }

  private static func appendText(
    _ key: StaticString, _ code: CodeID, _ codes: CodeTable, to writer: inout ByteWriter
  ) {
    writer.append(key)
    if code == .absent {
      writer.append("\"\"")
    } else {
      codes.appendString(code, to: &writer)
    }
  }

  private static func appendList(
    _ key: StaticString, _ code: CodeID, _ codes: CodeTable, to writer: inout ByteWriter
  ) {
    writer.append(key)
    if code == .absent {
      writer.append("[]")
    } else {
      codes.appendVerbatim(code, to: &writer)
    }
  }

  private static func appendInteger(
    _ key: StaticString, _ value: Int64?, to writer: inout ByteWriter
  ) {
    guard let value else { return }
    writer.append(key)
    writer.appendDecimal(value)
  }
}
