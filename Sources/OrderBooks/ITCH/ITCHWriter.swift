// Writes ITCH 5.0: each message with its length before it, as the exchange's files are.

public import MarketData

public struct ITCHWriter: ~Copyable {
  /// What has been written; whoever flushes empties it.
  public var bytes: ByteWriter
  public private(set) var messages: UInt64 = 0

  public init(capacity: Int = 4_096) { bytes = ByteWriter(capacity: capacity) }

  /// Stocks are 8 bytes padded with spaces; a longer name is cut.
  public static func stock(_ name: some Sequence<UInt8>) -> UInt64 {
    var result: UInt64 = 0x2020_2020_2020_2020
    var shift: UInt64 = 56
    for byte in name.prefix(8) {
      result &= ~(0xFF << shift)
      result |= UInt64(byte) << shift
      shift &-= 8
    }
    return result
  }

  @inline(__always)
  private mutating func begin(
    _ type: UInt8, length: UInt16, _ locate: UInt16, _ nanoseconds: UInt64
  ) {
    messages &+= 1
    bytes.append(bigEndian: length)
    bytes.append(type)
    bytes.append(bigEndian: locate)
    // The tracking number is 0; the timestamp has 6 bytes.
    bytes.append(bigEndian: nanoseconds & 0xFFFF_FFFF_FFFF)
  }

  public mutating func systemEvent(_ code: UInt8, nanoseconds: UInt64) {
    begin(UInt8(ascii: "S"), length: 12, 0, nanoseconds)
    bytes.append(code)
  }

  /// A stock with round lots of 100, of a live common share.
  public mutating func directory(
    _ locate: UInt16, stock: UInt64, marketCategory: UInt8, nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "R"), length: 39, locate, nanoseconds)
    bytes.append(bigEndian: stock)
    bytes.append(marketCategory)
    bytes.append(UInt8(ascii: "N"))
    bytes.append(bigEndian: UInt32(100))
    // Round lots only; issue classification and subtype; authenticity; short sale; IPO; LULD tier;
    // ETP; leverage; inverse.
    bytes.append("NCZ PNN1N")
    bytes.append(bigEndian: UInt32(0))
    bytes.append(UInt8(ascii: "N"))
  }

  /// - Parameter reason: 4 bytes, padded with spaces.
  public mutating func tradingAction(
    _ locate: UInt16, stock: UInt64, state: UInt8, reason: UInt32, nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "H"), length: 25, locate, nanoseconds)
    bytes.append(bigEndian: stock)
    bytes.append(state)
    bytes.append(UInt8(ascii: " "))
    bytes.append(bigEndian: reason)
  }

  @inline(__always)
  private mutating func order(
    _ reference: UInt64, _ side: BookSide, _ shares: UInt32, _ stock: UInt64, _ price: UInt32
  ) {
    bytes.append(bigEndian: reference)
    bytes.append(side == .bid ? UInt8(ascii: "B") : UInt8(ascii: "S"))
    bytes.append(bigEndian: shares)
    bytes.append(bigEndian: stock)
    bytes.append(bigEndian: price)
  }

  public mutating func add(
    _ locate: UInt16, _ reference: UInt64, _ side: BookSide, shares: UInt32, stock: UInt64,
    price: UInt32, nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "A"), length: 36, locate, nanoseconds)
    order(reference, side, shares, stock, price)
  }

  /// - Parameter participant: 4 bytes.
  public mutating func addAttributed(
    _ locate: UInt16, _ reference: UInt64, _ side: BookSide, shares: UInt32, stock: UInt64,
    price: UInt32, participant: UInt32, nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "F"), length: 40, locate, nanoseconds)
    order(reference, side, shares, stock, price)
    bytes.append(bigEndian: participant)
  }

  public mutating func execute(
    _ locate: UInt16, _ reference: UInt64, shares: UInt32, match: UInt64, nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "E"), length: 31, locate, nanoseconds)
    bytes.append(bigEndian: reference)
    bytes.append(bigEndian: shares)
    bytes.append(bigEndian: match)
  }

  public mutating func executeAtPrice(
    _ locate: UInt16, _ reference: UInt64, shares: UInt32, match: UInt64, isPrintable: Bool,
    price: UInt32, nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "C"), length: 36, locate, nanoseconds)
    bytes.append(bigEndian: reference)
    bytes.append(bigEndian: shares)
    bytes.append(bigEndian: match)
    bytes.append(isPrintable ? UInt8(ascii: "Y") : UInt8(ascii: "N"))
    bytes.append(bigEndian: price)
  }

  public mutating func cancel(
    _ locate: UInt16, _ reference: UInt64, shares: UInt32, nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "X"), length: 23, locate, nanoseconds)
    bytes.append(bigEndian: reference)
    bytes.append(bigEndian: shares)
  }

  public mutating func delete(_ locate: UInt16, _ reference: UInt64, nanoseconds: UInt64) {
    begin(UInt8(ascii: "D"), length: 19, locate, nanoseconds)
    bytes.append(bigEndian: reference)
  }

  public mutating func replace(
    _ locate: UInt16, _ reference: UInt64, with new: UInt64, shares: UInt32, price: UInt32,
    nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "U"), length: 35, locate, nanoseconds)
    bytes.append(bigEndian: reference)
    bytes.append(bigEndian: new)
    bytes.append(bigEndian: shares)
    bytes.append(bigEndian: price)
  }

  /// A trade against an order that was not displayed.
  public mutating func trade(
    _ locate: UInt16, _ side: BookSide, shares: UInt32, stock: UInt64, price: UInt32,
    match: UInt64, nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "P"), length: 44, locate, nanoseconds)
    order(0, side, shares, stock, price)
    bytes.append(bigEndian: match)
  }

  public mutating func cross(
    _ locate: UInt16, shares: UInt64, stock: UInt64, price: UInt32, match: UInt64, type: UInt8,
    nanoseconds: UInt64
  ) {
    begin(UInt8(ascii: "Q"), length: 40, locate, nanoseconds)
    bytes.append(bigEndian: shares)
    bytes.append(bigEndian: stock)
    bytes.append(bigEndian: price)
    bytes.append(bigEndian: match)
    bytes.append(type)
  }

  public mutating func brokenTrade(_ locate: UInt16, match: UInt64, nanoseconds: UInt64) {
    begin(UInt8(ascii: "B"), length: 19, locate, nanoseconds)
    bytes.append(bigEndian: match)
  }
}
