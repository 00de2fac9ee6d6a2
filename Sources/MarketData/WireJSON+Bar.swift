extension WireJSON {
  /// `{"E":1,"N":7,"P":5,"T":"b","S":"AAPL","t":"...","o":1,"h":2,"l":0.5,"c":1.5,"v":10,"n":3,`
  /// `"vw":1.25}`. `n` and `vw` are always there, null where unknown: official clients need them.
  ///
  /// `previous` is the symbol's message before this one on the same channel, number 0 for the first
  /// of a run, and nil for state, which has no chain. Its epoch (`"Q"`) is written only where it is
  /// another than this one's.
  public static func encodeBar(
    _ bar: Bar, kind: BarKind, sequence: SequenceNumber, previous: SequenceNumber?,
    symbols: SymbolTable, into writer: inout ByteWriter
  ) {
    if let previous {
      appendChain(sequence, previous, to: &writer)
    } else {
      appendSequence(sequence, to: &writer)
    }
    writer.append(",\"T\":\"")
    writer.append(kind.letter)
    writer.append("\",\"S\":\"")
    appendSymbolAndTime(bar.symbol, bar.start, symbols, to: &writer)
    appendBarValues(bar, to: &writer)
    writer.append(UInt8(ascii: "}"))
  }

  /// `,"o":1,"h":2,"l":0.5,"c":1.5,"v":10,"n":3,"vw":1.25`.
  package static func appendBarValues(_ bar: Bar, to writer: inout ByteWriter) {
    writer.append(",\"o\":")
    writer.append(bar.open)
    writer.append(",\"h\":")
    writer.append(bar.high)
    writer.append(",\"l\":")
    writer.append(bar.low)
    writer.append(",\"c\":")
    writer.append(bar.close)
    writer.append(",\"v\":")
    writer.append(bar.volume)
    writer.append(",\"n\":")
    if let count = bar.tradeCount { writer.appendDecimal(count) } else { writer.append("null") }
    writer.append(",\"vw\":")
    if let vwap = bar.vwap { writer.append(vwap) } else { writer.append("null") }
  }
}
