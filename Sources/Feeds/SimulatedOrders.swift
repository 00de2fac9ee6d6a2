// All orders of a simulation, and what happened to them since it was last told to forget: an exchange without
// rules of its own. It numbers orders; `SimulatedBook` decides.

import OrderBooks

struct SimulatedOrders: ~Copyable {
  private(set) var books = OrderBookSet(ordersMax: Limits.bookOrdersMax)
  /// In order; whoever wants them takes them after each event.
  private(set) var flow: [(book: UInt16, order: SimulatedOrder)] = []
  private let keepsFlow: Bool
  private var reference: UInt64 = 0

  init(keepsFlow: Bool) { self.keepsFlow = keepsFlow }

  mutating func forgetFlow() { flow.removeAll(keepingCapacity: true) }

  private mutating func tell(_ book: UInt16, _ order: SimulatedOrder, _ change: BookChange) {
    // What a simulation does is possible.
    precondition(change.fault == nil, "an impossible order was simulated")
    if keepsFlow { flow.append((book, order)) }
  }

  func shares(_ reference: UInt64) -> UInt32 { books.order(reference)?.shares ?? 0 }

  mutating func add(_ book: UInt16, _ side: BookSide, _ shares: UInt32, _ steps: UInt32) -> UInt64 {
    reference += 1
    tell(
      book, .add(reference, side, shares: shares, steps: steps),
      books.add(reference, book: book, side: side, shares: shares, price: steps))
    return reference
  }

  mutating func execute(_ book: UInt16, _ reference: UInt64, _ shares: UInt32) {
    tell(book, .execute(reference, shares: shares), books.reduce(reference, book: book, by: shares))
  }

  mutating func cancel(_ book: UInt16, _ reference: UInt64, _ shares: UInt32) {
    tell(book, .cancel(reference, shares: shares), books.reduce(reference, book: book, by: shares))
  }

  mutating func delete(_ book: UInt16, _ reference: UInt64) {
    tell(book, .delete(reference), books.delete(reference, book: book))
  }

  mutating func replace(
    _ book: UInt16, _ old: UInt64, _ shares: UInt32, _ steps: UInt32
  ) -> UInt64 {
    reference += 1
    tell(
      book, .replace(old, with: reference, shares: shares, steps: steps),
      books.replace(old, with: reference, book: book, shares: shares, price: steps))
    return reference
  }
}
