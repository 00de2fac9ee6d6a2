/// Why a change was impossible. The books are consistent after each: the change was not made, but
/// for `.tooManyShares`, which takes the shares that are there.
public enum BookFault: UInt8, Error, Hashable, Sendable, CaseIterable {
  /// The order is not there: never added, refused, or gone already.
  case unknownOrder
  /// The reference of a new order is one of a resting order.
  case duplicateOrder
  /// A new order, an execution or a cancellation of no shares.
  case zeroShares
  /// More shares were executed or cancelled than the order has: the order is gone.
  case tooManyShares
  /// The order rests in another book than the message says.
  case otherBook
  /// The set holds as many orders as it may.
  case ordersFull
  /// The side holds as many levels as it may.
  case levelsFull
  /// The level would have more shares than 32 bits hold.
  case sizeFull

  public var reason: StaticString {
    switch self {
    case .unknownOrder: "the order is not known"
    case .duplicateOrder: "an order with this reference rests already"
    case .zeroShares: "no shares"
    case .tooManyShares: "more shares than the order has"
    case .otherBook: "the order rests in another book"
    case .ordersFull: "too many orders"
    case .levelsFull: "too many price levels"
    case .sizeFull: "too many shares at one price"
    }
  }
}

/// How often each fault happened.
public struct BookFaultCounts: Hashable, Sendable {
  private var counts: [UInt64] = Array(repeating: 0, count: BookFault.allCases.count)

  public init() {}

  public internal(set) subscript(fault: BookFault) -> UInt64 {
    get { counts[Int(fault.rawValue)] }
    set { counts[Int(fault.rawValue)] = newValue }
  }

  public var sum: UInt64 { counts.reduce(0, +) }
}
