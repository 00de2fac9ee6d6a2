// A pack read back. The bytes lie in a Redis that others may write to, so every text is checked as it
// would be at any entrance, counts are believed only as far as there are bytes, and numbers beyond
// what the database keeps (E and N below 2^63) are refused. Nothing traps.
public import MarketData

public struct HistoryPack: Sendable {
  public struct TradeRow: Hashable, Sendable {
    public var symbol: Int
    public var sequence: SequenceNumber
    public var timestamp: Timestamp
    public var price: Decimal9
    public var size: Decimal9
    public var id: Int64?
    public var takerSide: Trade.TakerSide
    /// Places in `codes`.
    public var exchange: Int?
    public var conditions: Int?
    public var tape: Int?
  }

  public struct BarRow: Hashable, Sendable {
    public var symbol: Int
    public var sequence: SequenceNumber
    public var start: Timestamp
    public var open: Decimal9
    public var high: Decimal9
    public var low: Decimal9
    public var close: Decimal9
    public var volume: WideDecimal9
    public var notional: ExactSum
    public var tradeCount: UInt64?
  }

  public private(set) var feed: String
  public private(set) var symbols: [String]
  public private(set) var codes: [String]
  public private(set) var bars: [BarRow] = []
  public private(set) var trades: [TradeRow] = []

  public init(_ bytes: UnsafeRawBufferPointer) throws(HistoryPackError) {
    var reader = PackReader(bytes)
    guard bytes.count <= BarsLimits.packBytesMax else {
      throw reader.failure("a pack of \(bytes.count) bytes")
    }
    let version = try reader.byte()
    guard version == HistoryPacker.version else { throw reader.failure("version \(version)") }
    let letter = try reader.byte()
    guard let kind = HistoryPacker.Kind(rawValue: letter) else {
      throw reader.failure("no kind of rows: \(letter)")
    }
    feed = try HistoryPack.feed(&reader)
    symbols = try HistoryPack.symbols(&reader)
    codes = try HistoryPack.codes(&reader)
    let count = try reader.count(least: 7)
    var differences = PackedDifferences()
    switch kind {
    case .bars:
      bars.reserveCapacity(count)
      for _ in 0..<count { bars.append(try bar(&reader, &differences)) }
    case .trades:
      trades.reserveCapacity(count)
      for _ in 0..<count { trades.append(try trade(&reader, &differences)) }
    }
    guard reader.rest == 0 else { throw reader.failure("\(reader.rest) bytes too many") }
  }

  /// 1 to 32 of a-z, 0-9, _ and -.
  private static func feed(_ reader: inout PackReader) throws(HistoryPackError) -> String {
    let bytes = try reader.text(bytesMax: 32)
    let fits = bytes.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard fits, !bytes.isEmpty else { throw reader.failure("no name of a feed") }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func symbols(_ reader: inout PackReader) throws(HistoryPackError) -> [String] {
    let count = try reader.count(least: 2)
    guard count <= MarketDataLimits.symbolsMax else { throw reader.failure("too many symbols") }
    var symbols: [String] = []
    symbols.reserveCapacity(count)
    for _ in 0..<count {
      let bytes = try reader.text(bytesMax: MarketDataLimits.symbolBytesMax)
      guard SymbolTable.isWellFormed(bytes) else { throw reader.failure("no symbol") }
      symbols.append(String(decoding: bytes, as: UTF8.self))
    }
    return symbols
  }

  private static func codes(_ reader: inout PackReader) throws(HistoryPackError) -> [String] {
    let count = try reader.count(least: 2)
    guard count <= MarketDataLimits.codesMax else { throw reader.failure("too many codes") }
    var codes: [String] = []
    for _ in 0..<count {
      let bytes = try reader.text(bytesMax: MarketDataLimits.codeBytesMax)
      // PostgreSQL has no text with a zero byte.
      guard !bytes.isEmpty, !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self)
      else { throw reader.failure("no text") }
      codes.append(text)
    }
    return codes
  }

  private func place(
    _ reader: inout PackReader, _ list: [String]
  ) throws(HistoryPackError) -> Int {
    let place = try reader.variable()
    guard place < UInt64(list.count) else { throw reader.failure("a name that is not listed") }
    return Int(place)
  }

  private func check(
    _ sequence: SequenceNumber, _ reader: PackReader
  ) throws(HistoryPackError) {
    guard Int64(exactly: sequence.epoch) != nil, Int64(exactly: sequence.number) != nil else {
      throw reader.failure("a place beyond 63 bits")
    }
  }

  private func trade(
    _ reader: inout PackReader, _ differences: inout PackedDifferences
  ) throws(HistoryPackError) -> TradeRow {
    let symbol = try place(&reader, symbols)
    let (sequence, timestamp) = try differences.place(&reader)
    try check(sequence, reader)
    let price = try differences.price(&reader)
    let size = Decimal9(nanos: try reader.signed())
    let flags = try reader.byte()
    guard flags < 64, size >= .zero, let side = Trade.TakerSide(rawValue: (flags >> 1) & 3) else {
      throw reader.failure("no trade")
    }
    let id = flags & 1 == 0 ? nil : try reader.signed()
    let exchange = flags & 8 == 0 ? nil : try place(&reader, codes)
    let conditions = flags & 16 == 0 ? nil : try place(&reader, codes)
    let tape = flags & 32 == 0 ? nil : try place(&reader, codes)
    if let conditions, !HistoryPack.isConditions(codes[conditions]) {
      throw reader.failure("conditions that are no JSON strings")
    }
    return TradeRow(
      symbol: symbol, sequence: sequence, timestamp: timestamp, price: price, size: size, id: id,
      takerSide: side, exchange: exchange, conditions: conditions, tape: tape)
  }

  private func bar(
    _ reader: inout PackReader, _ differences: inout PackedDifferences
  ) throws(HistoryPackError) -> BarRow {
    let symbol = try place(&reader, symbols)
    let (sequence, start) = try differences.place(&reader)
    try check(sequence, reader)
    let open = try differences.price(&reader)
    let high = try differences.price(&reader)
    let low = try differences.price(&reader)
    let close = try differences.price(&reader)
    guard let volume = Int128(exactly: try reader.wide()) else {
      throw reader.failure("a volume below 0")
    }
    let notionalLow = try reader.wide()
    let notional = ExactSum(high: try reader.signed(), low: notionalLow)
    let count: UInt64? =
      switch try reader.byte() {
      case 0: nil
      case 1: try reader.variable()
      default: throw reader.failure("no trade count")
      }
    guard count.map({ Int64(exactly: $0) != nil }) ?? true else {
      throw reader.failure("a trade count beyond 63 bits")
    }
    return BarRow(
      symbol: symbol, sequence: sequence, start: start, open: open, high: high, low: low,
      close: close, volume: WideDecimal9(nanos: volume), notional: notional, tradeCount: count)
  }

  /// A JSON string, or an array of them: what answers may carry as it is.
  private static func isConditions(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { utf8 in
      var reader = JSONReader(UnsafeRawBufferPointer(utf8))
      do {
        if case .string = try reader.peek() {
          _ = try reader.string()
        } else {
          try reader.beginArray()
          while try reader.nextElement() { _ = try reader.string() }
        }
        try reader.end()
        return true
      } catch {
        return false
      }
    }
  }
}
