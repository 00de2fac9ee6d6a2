/// The side of an order or of a book.
public enum BookSide: UInt8, Hashable, Sendable, CaseIterable {
  case bid, ask
}
