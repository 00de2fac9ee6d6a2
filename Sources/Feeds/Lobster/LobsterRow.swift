// One row of a LOBSTER orderbook file: ask price, ask size, bid price, bid size of each level, best
// first. A level that is not there has the price 9999999999 or -9999999999 and the size 0.

import MarketData
import OrderBooks

struct LobsterRow: Equatable {
  struct Level: Equatable {
    var price: UInt32
    var size: UInt64
  }

  private(set) var bids: [Level] = []
  private(set) var asks: [Level] = []

  /// Levels that a file can have; those of the exchange's books are far fewer.
  private static let levelsMax = 1_000

  init(_ line: UnsafeRawBufferPointer) throws(LineError) {
    var row = CommaRow(line)
    while !row.isAtEnd {
      let ask = try LobsterRow.level(&row, "ask")
      let bid = try LobsterRow.level(&row, "bid")
      if let ask { asks.append(ask) }
      if let bid { bids.append(bid) }
      guard asks.count <= LobsterRow.levelsMax, bids.count <= LobsterRow.levelsMax else {
        throw .other("too many levels")
      }
    }
  }

  private static func level(
    _ row: inout CommaRow, _ name: StaticString
  ) throws(LineError) -> Level? {
    guard let price = row.integer(), let size = row.integer(), size >= 0 else {
      throw .invalid(name)
    }
    guard size > 0 else { return nil }
    guard let price = UInt32(exactly: price), UInt32(exactly: size) != nil else {
      throw .invalid(name)
    }
    return Level(price: price, size: UInt64(size))
  }

  func levels(_ side: BookSide) -> [Level] { side == .bid ? bids : asks }
}
