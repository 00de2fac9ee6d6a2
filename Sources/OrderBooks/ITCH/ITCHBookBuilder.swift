// Books from ITCH bytes, as fast as they come: the loop that `tapedeck-bench itch` measures and the
// model for whoever needs the books alone.
//
// One pass walks the frames. A second one runs `framesAhead` before it and does nothing but ask for
// the slot of each frame's order, so that memory's latency is spent on many orders at a time. The
// length of a frame is checked once, against what is left and against its type; then its fields are
// read without further checks.
//
// Everything but the six kinds of order messages is skipped by its length. Belongs to one thread.

public struct ITCHBookBuilder: ~Copyable {
  public var books: OrderBookSet
  public private(set) var counters = ITCHCounters()

  public init(
    ordersMax: Int = OrderBooksLimits.ordersMax, levelsMax: Int = OrderBooksLimits.levelsMax
  ) {
    books = OrderBookSet(ordersMax: ordersMax, levelsMax: levelsMax)
  }

  /// Applies all whole frames of a buffer and returns how many bytes they are; the rest is the
  /// beginning of a frame that goes on in the next buffer.
  public mutating func consume(_ buffer: UnsafeRawBufferPointer) -> Int {
    guard let start = buffer.baseAddress else { return 0 }
    let end = start + buffer.count
    var frame = start
    var ahead = start
    for _ in 0..<OrderBooksLimits.framesAhead { lookAhead(&ahead, end) }
    while frame + 2 <= end {
      let length = Int(UInt16(bigEndian: frame.loadUnaligned(as: UInt16.self)))
      let next = frame + 2 + length
      guard next <= end else { break }
      lookAhead(&ahead, end)
      apply(frame + 2, length)
      counters.messages &+= 1
      frame = next
    }
    let consumed = frame - start
    counters.bytes &+= UInt64(consumed)
    return consumed
  }

  /// Steps over the frame at `ahead` and begins to read what it will need.
  @inline(__always)
  private func lookAhead(_ ahead: inout UnsafeRawPointer, _ end: UnsafeRawPointer) {
    guard ahead + 2 + 19 <= end else { return }
    let frame = ITCHFrame(unchecked: ahead + 2)
    ahead += 2 + Int(UInt16(bigEndian: ahead.loadUnaligned(as: UInt16.self)))
    // 19 bytes are there, so a reference is, if this is an order's message at all; and to look at
    // the slot of something else does no harm.
    books.prefetch(frame.reference)
    books.prefetchLevels(frame.locate)
  }

  @inline(__always)
  private mutating func apply(_ message: UnsafeRawPointer, _ length: Int) {
    // Not even a type is there.
    guard length > 0 else { return skip(0, length) }
    let frame = ITCHFrame(unchecked: message)
    switch (frame.type, length) {
    case (UInt8(ascii: "A"), 36), (UInt8(ascii: "F"), 40):
      books.add(
        frame.reference, book: frame.locate,
        side: frame.side == UInt8(ascii: "B") ? .bid : .ask, shares: frame.shares,
        price: frame.price)
    case (UInt8(ascii: "D"), 19):
      books.delete(frame.reference, book: frame.locate)
    case (UInt8(ascii: "E"), 31), (UInt8(ascii: "C"), 36), (UInt8(ascii: "X"), 23):
      books.reduce(frame.reference, book: frame.locate, by: frame.reducedShares)
    case (UInt8(ascii: "U"), 35):
      books.replace(
        frame.reference, with: frame.newReference, book: frame.locate, shares: frame.newShares,
        price: frame.newPrice)
    default: skip(frame.type, length)
    }
  }

  @inline(never)
  private mutating func skip(_ type: UInt8, _ length: Int) {
    guard let expected = ITCHFrame.length(of: type) else {
      counters.unknownTypes &+= 1
      return
    }
    if expected != length { counters.wrongLengths &+= 1 }
  }
}
