/// One price level of a book: the price and the total size resting at it.
public struct Level: Hashable, Sendable {
  public var price: Decimal9
  public var size: Decimal9

  public init(price: Decimal9, size: Decimal9) {
    self.price = price
    self.size = size
  }

  public static let empty = Level(price: .zero, size: .zero)
}

/// The top of a book, best levels first: bids descending, asks ascending. State.
///
/// The levels lie inline, so that a `Depth` is copied without an allocation (about 700 bytes).
public struct Depth: Sendable {
  /// Levels kept on each side; the widest depth that the stream carries.
  public static let levelsMax = 10

  public var symbol: SymbolID
  public var timestamp: Timestamp
  public private(set) var bidCount = 0
  public private(set) var askCount = 0
  public private(set) var bids = InlineArray<10, Level>(repeating: .empty)
  public private(set) var asks = InlineArray<10, Level>(repeating: .empty)

  public init(symbol: SymbolID, timestamp: Timestamp) {
    self.symbol = symbol
    self.timestamp = timestamp
  }

  /// Appends the next best bid. Levels beyond `levelsMax` are ignored.
  public mutating func appendBid(_ level: Level) {
    guard bidCount < Depth.levelsMax else { return }
    bids[bidCount] = level
    bidCount += 1
  }

  /// Appends the next best ask. Levels beyond `levelsMax` are ignored.
  public mutating func appendAsk(_ level: Level) {
    guard askCount < Depth.levelsMax else { return }
    asks[askCount] = level
    askCount += 1
  }

  public mutating func removeAllLevels() {
    bidCount = 0
    askCount = 0
  }
}
