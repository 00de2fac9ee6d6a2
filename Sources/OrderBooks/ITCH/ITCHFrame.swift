// One ITCH 5.0 message, read in place.
//
// The layouts are those of the "Nasdaq TotalView-ITCH 5.0" specification: all integers big-endian,
// prices with four decimals, texts padded on the right with spaces. Offsets count from the type.
// Fields are valid only for the types named with them; whoever makes a frame has seen to it that the
// message has its type's exact length, so no field is checked again.
//
// A frame points into its buffer and lives no longer than that.

public struct ITCHFrame {
  @usableFromInline let base: UnsafeRawPointer

  /// `base` is where the type stands; the message has the length of its type.
  @inlinable
  init(unchecked base: UnsafeRawPointer) { self.base = base }

  /// The message, if it is of a known type and has that type's length.
  public init?(_ message: UnsafeRawBufferPointer) {
    guard let type = message.first, let length = ITCHFrame.length(of: type),
      message.count == length
    else { return nil }
    base = message.baseAddress.unsafelyUnwrapped
  }

  /// The length of a message of a type, its type byte included; nil for a type not published.
  public static func length(of type: UInt8) -> Int? {
    switch type {
    case UInt8(ascii: "A"): 36
    case UInt8(ascii: "D"): 19
    case UInt8(ascii: "E"): 31
    case UInt8(ascii: "U"): 35
    case UInt8(ascii: "X"): 23
    case UInt8(ascii: "F"): 40
    case UInt8(ascii: "P"): 44
    case UInt8(ascii: "C"): 36
    case UInt8(ascii: "I"): 50
    case UInt8(ascii: "S"), UInt8(ascii: "W"): 12
    case UInt8(ascii: "R"): 39
    case UInt8(ascii: "H"): 25
    case UInt8(ascii: "Y"), UInt8(ascii: "N"): 20
    case UInt8(ascii: "L"): 26
    case UInt8(ascii: "V"), UInt8(ascii: "J"): 35
    case UInt8(ascii: "K"): 28
    case UInt8(ascii: "h"): 21
    case UInt8(ascii: "Q"): 40
    case UInt8(ascii: "B"): 19
    case UInt8(ascii: "O"): 48
    default: nil
    }
  }

  @inlinable @inline(__always)
  func byte(_ offset: Int) -> UInt8 { base.load(fromByteOffset: offset, as: UInt8.self) }

  @inlinable @inline(__always)
  func integer16(_ offset: Int) -> UInt16 {
    UInt16(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  @inlinable @inline(__always)
  func integer32(_ offset: Int) -> UInt32 {
    UInt32(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inlinable @inline(__always)
  func integer64(_ offset: Int) -> UInt64 {
    UInt64(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  func text(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + offset, count: count)
  }

  // MARK: - Every message

  @inlinable public var type: UInt8 { byte(0) }
  /// The stock's number on this day; 0 where a message is about no stock.
  @inlinable public var locate: UInt16 { integer16(1) }
  /// Nanoseconds since midnight in New York. Its 6 bytes are the low ones of the 8 from the
  /// tracking number on.
  @inlinable public var timestamp: UInt64 { integer64(3) & 0xFFFF_FFFF_FFFF }

  // MARK: - Orders

  /// A F E C X D, and of U the order that gives way. P: 0.
  @inlinable public var reference: UInt64 { integer64(11) }
  /// A F P: `B` or `S`.
  @inlinable public var side: UInt8 { byte(19) }
  /// A F P.
  @inlinable public var shares: UInt32 { integer32(20) }
  /// A F P: 8 bytes.
  public var stock: UnsafeRawBufferPointer { text(24, 8) }
  /// A F P.
  @inlinable public var price: UInt32 { integer32(32) }
  /// E C: executed, X: cancelled.
  @inlinable public var reducedShares: UInt32 { integer32(19) }
  /// E C.
  @inlinable public var matchNumber: UInt64 { integer64(23) }
  /// C: `Y` or `N`; what is not printable is no trade of its own.
  @inlinable public var printable: UInt8 { byte(31) }
  /// C.
  @inlinable public var executionPrice: UInt32 { integer32(32) }
  /// U.
  @inlinable public var newReference: UInt64 { integer64(19) }
  /// U.
  @inlinable public var newShares: UInt32 { integer32(27) }
  /// U.
  @inlinable public var newPrice: UInt32 { integer32(31) }

  // MARK: - Trades without a displayed order

  /// P.
  @inlinable public var tradeMatchNumber: UInt64 { integer64(36) }
  /// Q.
  @inlinable public var crossShares: UInt64 { integer64(11) }
  /// Q: 8 bytes.
  public var crossStock: UnsafeRawBufferPointer { text(19, 8) }
  /// Q.
  @inlinable public var crossPrice: UInt32 { integer32(27) }
  /// Q.
  @inlinable public var crossMatchNumber: UInt64 { integer64(31) }
  /// Q: `O` opening, `C` closing, `H` after a halt or an offering.
  @inlinable public var crossType: UInt8 { byte(39) }
  /// B.
  @inlinable public var brokenMatchNumber: UInt64 { integer64(11) }

  // MARK: - Administration

  /// S: `O` messages begin, `S` system hours, `Q` market hours; `M`, `E`, `C` their ends.
  @inlinable public var eventCode: UInt8 { byte(11) }
  /// R H: 8 bytes.
  public var administeredStock: UnsafeRawBufferPointer { text(11, 8) }
  /// R: `Q G S` for NASDAQ's tiers, `N A P Z V` for other exchanges.
  @inlinable public var marketCategory: UInt8 { byte(19) }
  /// R: shares of a round lot.
  @inlinable public var roundLot: UInt32 { integer32(21) }
  /// H: `H` halted, `P` paused, `Q` quotation only, `T` trading.
  @inlinable public var tradingState: UInt8 { byte(19) }
  /// H: 4 bytes.
  public var tradingReason: UnsafeRawBufferPointer { text(21, 4) }
}
