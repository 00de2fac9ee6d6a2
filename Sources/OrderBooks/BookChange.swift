/// What a change did to a book; 16 bytes, so that it is returned in registers.
public struct BookChange: Hashable, Sendable {
  /// The rank of a change that touched nothing, or of a level deeper than can be told.
  public static let deepest = UInt16.max

  /// The price of the order that was changed: of a replacement, the new one's.
  public var price: UInt32
  /// The shares that came or went; 0 when nothing changed.
  public var shares: UInt32
  public var book: UInt16
  /// How many levels are better than the one that changed: 0 is the touch. Of a replacement the
  /// better of both.
  public var rank: UInt16
  public var side: BookSide
  public var fault: BookFault?

  init(fault: BookFault) {
    (price, shares, book, rank, side) = (0, 0, 0, BookChange.deepest, .bid)
    self.fault = fault
  }

  @inline(__always)
  init(price: UInt32, shares: UInt32, book: UInt16, side: BookSide, rank: Int) {
    self.price = price
    self.shares = shares
    self.book = book
    self.rank = UInt16(truncatingIfNeeded: min(rank, Int(BookChange.deepest)))
    self.side = side
    fault = nil
  }
}
