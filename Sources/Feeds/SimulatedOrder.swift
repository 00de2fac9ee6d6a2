import OrderBooks

/// What happened to one order of a simulated book.
enum SimulatedOrder {
  case add(UInt64, BookSide, shares: UInt32, steps: UInt32)
  case execute(UInt64, shares: UInt32)
  case cancel(UInt64, shares: UInt32)
  case delete(UInt64)
  case replace(UInt64, with: UInt64, shares: UInt32, steps: UInt32)
}
