// Unsigned integers as decimal digits, two at a time from a table: one division by 100 per pair.
//
// Callers hand over a place with enough room (20 bytes hold any UInt64); nothing is allocated.

enum DecimalDigits {
  /// "00" to "99". A `StaticString` lies in the binary: no lazy initialisation, no bounds check.
  private static let pairs: StaticString = """
    00010203040506070809101112131415161718192021222324252627282930313233343536373839\
    40414243444546474849505152535455565758596061626364656667686970717273747576777879\
    8081828384858687888990919293949596979899
    """

  @inline(__always)
  static func storePair(_ value: UInt64, at place: UnsafeMutableRawPointer) {
    assert(value < 100)
    place.copyMemory(from: pairs.utf8Start + Int(value) * 2, byteCount: 2)
  }

  /// Writes exactly `count` digits, with leading zeros.
  @inline(__always)
  static func store(_ value: UInt64, count: Int, at place: UnsafeMutableRawPointer) {
    var value = value
    var end = count
    while end >= 2 {
      end -= 2
      storePair(value % 100, at: place + end)
      value /= 100
    }
    if end == 1 { place.storeBytes(of: UInt8(0x30 + value), as: UInt8.self) }
  }

  /// Writes the shortest form and says how many digits that is.
  @inline(__always)
  static func store(_ value: UInt64, at place: UnsafeMutableRawPointer) -> Int {
    let digits = count(of: value)
    store(value, count: digits, at: place)
    return digits
  }

  @inline(__always)
  private static func count(of value: UInt64) -> Int {
    if value < 10 { return 1 }
    if value < 100 { return 2 }
    if value < 1_000 { return 3 }
    if value < 10_000 { return 4 }
    var digits = 5
    var rest = value / 100_000
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    return digits
  }
}

extension ByteWriter {
  /// Appends the integer in decimal.
  @inline(__always)
  public mutating func appendDecimal(_ value: UInt64) {
    appendUpTo(20) { DecimalDigits.store(value, at: $0) }
  }

  /// Appends the integer in decimal, with a minus sign where it is negative.
  public mutating func appendDecimal(_ value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    appendDecimal(value.magnitude)
  }
}
