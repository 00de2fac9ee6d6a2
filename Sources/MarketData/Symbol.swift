/// A symbol as a small dense integer, given by a `SymbolTable` in order of first sight.
///
/// It is meaningful only together with the table that gave it.
public struct SymbolID: Hashable, Sendable, Comparable {
  public var index: UInt32

  public init(index: UInt32) { self.index = index }

  public static func < (a: SymbolID, b: SymbolID) -> Bool { a.index < b.index }
}

/// What decides which WebSocket and REST path carries a symbol.
public enum AssetClass: UInt8, Sendable, CaseIterable {
  case stock
  /// Symbols with a slash, such as `BTC/USD`.
  case crypto
}
