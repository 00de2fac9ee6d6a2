// The symbols of one loop as dense small integers, in order of first sight.
//
// Owned by one loop thread and not Sendable. A symbol is checked here, at the entrance, so that a
// `SymbolID` is always `[A-Z0-9._/-]{1,32}` and needs no escaping in JSON, in a Redis key or in a
// path. Symbols are never removed: the bound is `MarketDataLimits.symbolsMax`.

/// Symbols and their numbers.
public final class SymbolTable {
  private var table = InternTable(entriesMax: MarketDataLimits.symbolsMax)

  public init() {}

  /// Symbols held; ids are `0..<count`.
  public var count: Int { table.count }

  /// The symbol's id, given now if it is new.
  public func intern(_ bytes: RawSpan) throws(MarketDataError) -> SymbolID {
    try bytes.withUnsafeBytes { (bytes) throws(MarketDataError) -> SymbolID in try intern(bytes) }
  }

  /// The symbol's id, given now if it is new.
  public func intern(_ bytes: UnsafeRawBufferPointer) throws(MarketDataError) -> SymbolID {
    if let index = table.find(bytes) { return SymbolID(index: UInt32(index)) }
    guard SymbolTable.isWellFormed(bytes) else { throw .symbolMalformed }
    let assetClass: AssetClass = bytes.contains(UInt8(ascii: "/")) ? .crypto : .stock
    guard let index = table.add(bytes, mark: assetClass.rawValue) else { throw .symbolsFull }
    return SymbolID(index: UInt32(index))
  }

  /// The symbol's id, given now if it is new.
  public func intern(_ name: String) throws(MarketDataError) -> SymbolID {
    try intern(name.utf8Span.span.bytes)
  }

  /// The symbol's id, if the table has it.
  public func find(_ bytes: RawSpan) -> SymbolID? {
    bytes.withUnsafeBytes { find($0) }
  }

  /// The symbol's id, if the table has it.
  public func find(_ bytes: UnsafeRawBufferPointer) -> SymbolID? {
    table.find(bytes).map { SymbolID(index: UInt32($0)) }
  }

  /// The symbol's letters, for the time of the call.
  public func withBytes<E: Error, R: ~Copyable>(
    of symbol: SymbolID, _ body: (RawSpan) throws(E) -> R
  ) throws(E) -> R {
    try table.withBytes(of: Int(symbol.index)) { (bytes) throws(E) -> R in try body(bytes.bytes) }
  }

  /// The symbol as a string: for logs and set-up, not per message.
  public func name(of symbol: SymbolID) -> String {
    table.withBytes(of: Int(symbol.index)) { String(decoding: $0, as: UTF8.self) }
  }

  public func assetClass(of symbol: SymbolID) -> AssetClass {
    table.mark(of: Int(symbol.index)) == AssetClass.crypto.rawValue ? .crypto : .stock
  }

  /// Whether the bytes are `[A-Z0-9._/-]{1,32}`.
  public static func isWellFormed(_ bytes: RawSpan) -> Bool {
    bytes.withUnsafeBytes { isWellFormed($0) }
  }

  /// Whether the bytes are `[A-Z0-9._/-]{1,32}`.
  public static func isWellFormed(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 1, bytes.count <= MarketDataLimits.symbolBytesMax else { return false }
    return bytes.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  /// Appends the symbol's letters.
  @inline(__always)
  func append(_ symbol: SymbolID, to writer: inout ByteWriter) {
    table.withBytes(of: Int(symbol.index)) { writer.append($0) }
  }
}

extension AssetClass {
  /// The class of a symbol by its letters alone: a slash makes it crypto.
  public init(ofSymbol bytes: RawSpan) {
    let slash = bytes.withUnsafeBytes { $0.contains(UInt8(ascii: "/")) }
    self = slash ? .crypto : .stock
  }
}
