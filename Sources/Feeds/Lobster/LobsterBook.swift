// The book of a LOBSTER file: the orders of its rows, and what rested before the file begins.
//
// The file tells of changes to orders that it never added. If it came with its orderbook file, the
// levels of a row of it can be taken as they are: as one anonymous order at each price, which stands
// for all that is not known there. What happens to an order that is not known happens to the
// anonymous one at its price.

import OrderBooks

struct LobsterBook: ~Copyable {
  private(set) var books: OrderBookSet

  init() { books = OrderBookSet(ordersMax: Limits.bookOrdersMax) }

  static let number: UInt16 = 0

  /// Rows' ids have 63 bits.
  private static func anonymous(_ side: BookSide, _ price: UInt32) -> UInt64 {
    1 << 63 | UInt64(side.rawValue) << 32 | UInt64(price)
  }

  /// Forgets everything and takes the levels of a row.
  mutating func seed(_ row: LobsterRow) {
    books.removeAll()
    for side in BookSide.allCases {
      for level in row.levels(side) {
        books.add(
          LobsterBook.anonymous(side, level.price), book: LobsterBook.number, side: side,
          shares: UInt32(clamping: level.size), price: level.price)
      }
    }
  }

  /// nil for rows that leave the book alone.
  mutating func apply(_ message: LobsterMessage) -> BookChange? {
    let price = UInt32(clamping: message.price)
    switch message.kind {
    case .executeHidden, .cross, .halt: return nil
    case .add:
      return books.add(
        message.order, book: LobsterBook.number, side: message.side, shares: message.shares,
        price: price)
    case .cancel, .delete, .execute:
      let isKnown = books.order(message.order) != nil
      let reference = isKnown ? message.order : LobsterBook.anonymous(message.side, price)
      if isKnown, message.kind == .delete {
        return books.delete(reference, book: LobsterBook.number)
      }
      return books.reduce(reference, book: LobsterBook.number, by: message.shares)
    }
  }

  /// Whether the best levels are those of a row, as far as the row goes.
  func shows(_ row: LobsterRow, levels: Int) -> Bool {
    BookSide.allCases.allSatisfy { side in
      let wanted = row.levels(side).prefix(levels)
      guard books.levelCount(LobsterBook.number, side) >= wanted.count else { return false }
      return wanted.indices.allSatisfy { rank in
        let level = books.level(LobsterBook.number, side, rank: rank)
        return level.price == wanted[rank].price && UInt64(level.size) == wanted[rank].size
      }
        && (wanted.count == levels
          || books.levelCount(LobsterBook.number, side) == wanted.count)
    }
  }
}
