// One row of a LOBSTER message file: time (seconds after midnight in New York, with up to nine
// decimals), type, order id, size, price (US dollars times 10,000), direction.

import MarketData
import OrderBooks

struct LobsterMessage: Equatable {
  enum Kind: UInt8 {
    case add = 1
    /// A part of an order is cancelled.
    case cancel = 2
    case delete = 3
    /// A displayed order is executed.
    case execute = 4
    /// An order that is not displayed is executed: the book stays.
    case executeHidden = 5
    case cross = 6
    /// The price says which: -1 halted, 0 quotation only, 1 trading.
    case halt = 7
  }

  var nanoseconds: Int64
  var kind: Kind
  var order: UInt64
  var shares: UInt32
  /// With its sign, which only a halt has.
  var price: Int64
  /// The side of the limit order that the row is about.
  var side: BookSide

  init(_ line: UnsafeRawBufferPointer) throws(LineError) {
    var row = CommaRow(line)
    guard let time = row.next(), let seconds = Decimal9(parsing: time), seconds >= .zero,
      seconds.nanos <= LobsterMessage.dayNanoseconds
    else { throw .invalid("time") }
    guard let type = row.integer(), let kind = UInt8(exactly: type).flatMap(Kind.init(rawValue:))
    else { throw .invalid("type") }
    // Ids of hidden orders are 0; the upper half of the numbers is `LobsterBook`'s own.
    guard let order = row.integer(), order >= 0 else { throw .invalid("order id") }
    guard let size = row.integer(), let shares = UInt32(exactly: size) else {
      throw .invalid("size")
    }
    guard let price = row.integer(), kind == .halt || UInt32(exactly: price) != nil else {
      throw .invalid("price")
    }
    guard let direction = row.integer(), direction == 1 || direction == -1 else {
      throw .invalid("direction")
    }
    guard row.isAtEnd else { throw .other("a row has six fields") }
    nanoseconds = seconds.nanos
    self.kind = kind
    self.order = UInt64(order)
    self.shares = shares
    self.price = price
    side = direction == 1 ? .bid : .ask
  }

  /// A week: sessions end on their day, but no time in the file may carry one far away.
  private static let dayNanoseconds: Int64 = 7 * 86_400 * 1_000_000_000
}

/// The fields of a line between its commas.
struct CommaRow {
  private var rest: UnsafeRawBufferPointer?

  init(_ line: UnsafeRawBufferPointer) { rest = line }

  var isAtEnd: Bool { rest == nil }

  mutating func next() -> UnsafeRawBufferPointer? {
    guard let line = rest else { return nil }
    guard let comma = line.firstIndex(of: UInt8(ascii: ",")) else {
      rest = nil
      return line
    }
    rest = UnsafeRawBufferPointer(rebasing: line[(comma + 1)...])
    return UnsafeRawBufferPointer(rebasing: line[..<comma])
  }

  /// nil when there is no field left or it is no integer of 64 bits.
  mutating func integer() -> Int64? { next().flatMap { JSONReader.integer($0) } }
}
