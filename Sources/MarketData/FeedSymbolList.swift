/// The symbols of a feed, as it lies in Redis: what `"*"` means on a stream.
public struct FeedSymbolList: Hashable, Sendable {
  /// Grows with every change; the heartbeat carries it.
  public var version: UInt64
  public var symbols: [String]

  public init(version: UInt64, symbols: [String]) {
    self.version = version
    self.symbols = symbols
  }

  /// `{"version":3,"symbols":["AAPL",...]}`
  public func append(to writer: inout ByteWriter) {
    writer.append("{\"version\":")
    writer.appendDecimal(version)
    writer.append(",\"symbols\":")
    writer.appendJSONList(symbols)
    writer.append("}")
  }

  /// Reads what `append` wrote. Names that are not symbols, and names beyond
  /// `MarketDataLimits.symbolsMax`, are left out: one bad name must not take the others' prices.
  public init(parsing json: UnsafeRawBufferPointer) throws(JSONError) {
    var reader = JSONReader(json)
    var version: Int64?
    var symbols: [String]?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "version": version = try reader.integer()
      case "symbols": symbols = try reader.strings(countMax: MarketDataLimits.symbolsMax)
      default: try reader.skipValue()
      }
    }
    try reader.end()
    guard let version, version >= 0, let symbols else { throw reader.failure(.expectedValue) }
    self.version = UInt64(version)
    self.symbols = symbols.filter { name in
      var name = name
      return name.withUTF8 { SymbolTable.isWellFormed(UnsafeRawBufferPointer($0)) }
    }
  }
}

extension ByteWriter {
  /// Appends a JSON array of strings.
  public mutating func appendJSONList(_ texts: [String]) {
    append(UInt8(ascii: "["))
    for (index, text) in texts.enumerated() {
      if index > 0 { append(UInt8(ascii: ",")) }
      appendJSONString(text)
    }
    append(UInt8(ascii: "]"))
  }
}

extension JSONReader {
  /// Reads an array of strings; those beyond `countMax` are passed over.
  mutating func strings(countMax: Int) throws(JSONError) -> [String] {
    var texts: [String] = []
    try beginArray()
    while try nextElement() {
      let text = try string()
      if texts.count < countMax { texts.append(text.string) }
    }
    return texts
  }
}
