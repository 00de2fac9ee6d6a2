// Rows for history, packed as they come: what one flush of an ingester adds to the stream `history`.
//
//   version (1), kind (b bars, t trades), feed, symbols, codes, rows
//
// Texts have their length before them; `symbols` and `codes` their count, and rows name them by their
// place. Numbers are LEB128; E, N, times and prices are differences from the row before (wrapping),
// so that a trade takes some 25 bytes.
//
// One packer holds rows of one kind of one feed. It belongs to one thread. Bounded by whoever calls:
// `byteCount` says when to `take`.
public import MarketData

public struct HistoryPacker: ~Copyable {
  public enum Kind: UInt8, Sendable {
    case bars = 0x62
    case trades = 0x74
  }

  static let version: UInt8 = 1

  public let kind: Kind
  private let feed: [UInt8]
  public private(set) var rowCount = 0
  private var rows = ByteWriter(capacity: 4_096)
  private var symbolList: [SymbolID] = []
  private var codeList: [CodeID] = []
  /// By symbol and by code: 1 + its place in this pack, 0 when it has none.
  private var symbolPlaces: [UInt32] = []
  private var codePlaces: [UInt32] = []
  private var previous = PackedDifferences()

  public init(kind: Kind, feed: String) {
    self.kind = kind
    self.feed = Array(feed.utf8)
  }

  /// About what `take` would give.
  public var byteCount: Int {
    rows.count + 24 * symbolList.count + 12 * codeList.count + feed.count + 16
  }

  public mutating func add(_ trade: Trade, _ sequence: SequenceNumber) {
    precondition(kind == .trades)
    rowCount += 1
    rows.packVariable(place(of: trade.symbol))
    previous.pack(sequence, trade.timestamp, into: &rows)
    previous.pack(trade.price, into: &rows)
    rows.packSigned(trade.size.nanos)
    var flags = trade.takerSide.rawValue << 1
    if trade.id != nil { flags |= 1 }
    if trade.exchange != .absent { flags |= 8 }
    if trade.conditions != .absent { flags |= 16 }
    if trade.tape != .absent { flags |= 32 }
    rows.append(flags)
    if let id = trade.id { rows.packSigned(id) }
    for code in [trade.exchange, trade.conditions, trade.tape] where code != .absent {
      rows.packVariable(place(of: code))
    }
  }

  /// Minutes and updated minutes; a day is state and no row of history.
  public mutating func add(_ built: BuiltBar) {
    precondition(kind == .bars && built.kind != .daily)
    rowCount += 1
    let bar = built.bar
    rows.packVariable(place(of: bar.symbol))
    previous.pack(built.sequence, bar.start, into: &rows)
    for price in [bar.open, bar.high, bar.low, bar.close] { previous.pack(price, into: &rows) }
    rows.packVariable(wide: UInt128(truncatingIfNeeded: bar.volume.nanos))
    rows.packVariable(wide: built.notional.low)
    rows.packSigned(built.notional.high)
    rows.append(bar.tradeCount == nil ? 0 : 1)
    if let count = bar.tradeCount { rows.packVariable(count) }
  }

  private mutating func place(of symbol: SymbolID) -> UInt64 {
    let index = Int(symbol.index)
    while symbolPlaces.count <= index { symbolPlaces.append(0) }
    if symbolPlaces[index] == 0 {
      symbolList.append(symbol)
      symbolPlaces[index] = UInt32(symbolList.count)
    }
    return UInt64(symbolPlaces[index] - 1)
  }

  private mutating func place(of code: CodeID) -> UInt64 {
    let index = Int(code.index)
    while codePlaces.count <= index { codePlaces.append(0) }
    if codePlaces[index] == 0 {
      codeList.append(code)
      codePlaces[index] = UInt32(codeList.count)
    }
    return UInt64(codePlaces[index] - 1)
  }

  /// The pack; the packer is empty afterwards. Nil without rows.
  public mutating func take(symbols: SymbolTable, codes: CodeTable) -> [UInt8]? {
    guard rowCount > 0 else { return nil }
    var out = ByteWriter(capacity: byteCount)
    out.append(HistoryPacker.version)
    out.append(kind.rawValue)
    feed.withUnsafeBytes { out.packText($0) }
    out.packVariable(UInt64(symbolList.count))
    for symbol in symbolList {
      symbols.withBytes(of: symbol) { span in span.withUnsafeBytes { out.packText($0) } }
      symbolPlaces[Int(symbol.index)] = 0
    }
    out.packVariable(UInt64(codeList.count))
    for code in codeList {
      codes.withBytes(of: code) { span in span.withUnsafeBytes { out.packText($0) } }
      codePlaces[Int(code.index)] = 0
    }
    out.packVariable(UInt64(rowCount))
    rows.withUnsafeBytes { out.append($0) }
    symbolList.removeAll(keepingCapacity: true)
    codeList.removeAll(keepingCapacity: true)
    rows.removeAll()
    rowCount = 0
    previous = PackedDifferences()
    return out.withUnsafeBytes { Array($0) }
  }
}

/// The row before, which the next one is told as a difference from.
struct PackedDifferences {
  private var epoch: UInt64 = 0
  private var number: UInt64 = 0
  private var time: Int64 = 0
  private var price: Int64 = 0

  mutating func pack(
    _ sequence: SequenceNumber, _ timestamp: Timestamp, into writer: inout ByteWriter
  ) {
    writer.packSigned(Int64(bitPattern: sequence.epoch &- epoch))
    writer.packSigned(Int64(bitPattern: sequence.number &- number))
    writer.packSigned(timestamp.nanoseconds &- time)
    (epoch, number, time) = (sequence.epoch, sequence.number, timestamp.nanoseconds)
  }

  mutating func pack(_ value: Decimal9, into writer: inout ByteWriter) {
    writer.packSigned(value.nanos &- price)
    price = value.nanos
  }

  mutating func place(
    _ reader: inout PackReader
  ) throws(HistoryPackError) -> (SequenceNumber, Timestamp) {
    epoch &+= UInt64(bitPattern: try reader.signed())
    number &+= UInt64(bitPattern: try reader.signed())
    time &+= try reader.signed()
    return (SequenceNumber(epoch: epoch, number: number), Timestamp(nanoseconds: time))
  }

  mutating func price(_ reader: inout PackReader) throws(HistoryPackError) -> Decimal9 {
    price &+= try reader.signed()
    return Decimal9(nanos: price)
  }
}
