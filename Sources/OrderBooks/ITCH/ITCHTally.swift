// Reads every field of every order and trade message and keeps only sums: what parsing costs by
// itself, and a checksum of a file that is independent of any book.

public struct ITCHTally: Hashable, Sendable {
  public private(set) var counters = ITCHCounters()
  /// Sums modulo 2^64.
  public private(set) var references: UInt64 = 0
  public private(set) var shares: UInt64 = 0
  public private(set) var prices: UInt64 = 0
  public private(set) var times: UInt64 = 0
  public private(set) var locates: UInt64 = 0
  public private(set) var bids: UInt64 = 0

  public init() {}

  /// Reads all whole frames of a buffer and returns how many bytes they are.
  public mutating func consume(_ buffer: UnsafeRawBufferPointer) -> Int {
    guard let start = buffer.baseAddress else { return 0 }
    let end = start + buffer.count
    var frame = start
    var sums = ITCHTally()
    while frame + 2 <= end {
      let length = Int(UInt16(bigEndian: frame.loadUnaligned(as: UInt16.self)))
      let next = frame + 2 + length
      guard next <= end else { break }
      sums.read(frame + 2, length)
      sums.counters.messages &+= 1
      frame = next
    }
    let consumed = frame - start
    sums.counters.bytes = UInt64(consumed)
    add(sums)
    return consumed
  }

  @inline(__always)
  private mutating func read(_ message: UnsafeRawPointer, _ length: Int) {
    guard length > 0 else { return skip(0, length) }
    let frame = ITCHFrame(unchecked: message)
    switch (frame.type, length) {
    case (UInt8(ascii: "A"), 36), (UInt8(ascii: "F"), 40):
      head(frame)
      shares &+= UInt64(frame.shares)
      prices &+= UInt64(frame.price)
      bids &+= frame.side == UInt8(ascii: "B") ? 1 : 0
    case (UInt8(ascii: "D"), 19): head(frame)
    case (UInt8(ascii: "E"), 31), (UInt8(ascii: "X"), 23):
      head(frame)
      shares &+= UInt64(frame.reducedShares)
    case (UInt8(ascii: "C"), 36):
      head(frame)
      shares &+= UInt64(frame.reducedShares)
      prices &+= UInt64(frame.executionPrice)
    case (UInt8(ascii: "U"), 35):
      head(frame)
      references &+= frame.newReference
      shares &+= UInt64(frame.newShares)
      prices &+= UInt64(frame.newPrice)
    case (UInt8(ascii: "P"), 44):
      head(frame)
      shares &+= UInt64(frame.shares)
      prices &+= UInt64(frame.price)
    default: skip(frame.type, length)
    }
  }

  @inline(__always)
  private mutating func head(_ frame: ITCHFrame) {
    references &+= frame.reference
    times &+= frame.timestamp
    locates &+= UInt64(frame.locate)
  }

  @inline(never)
  private mutating func skip(_ type: UInt8, _ length: Int) {
    guard let expected = ITCHFrame.length(of: type) else {
      counters.unknownTypes &+= 1
      return
    }
    if expected != length { counters.wrongLengths &+= 1 }
  }

  private mutating func add(_ other: ITCHTally) {
    counters.messages &+= other.counters.messages
    counters.bytes &+= other.counters.bytes
    counters.wrongLengths &+= other.counters.wrongLengths
    counters.unknownTypes &+= other.counters.unknownTypes
    references &+= other.references
    shares &+= other.shares
    prices &+= other.prices
    times &+= other.times
    locates &+= other.locates
    bids &+= other.bids
  }
}
