// Bytes that grow: where every encoder of this target writes.
//
// It owns one block of memory, doubled when full and freed with the writer. It is not shared:
// whoever holds it (a loop's encoder, a test) owns it, and that owner also bounds it, by handing
// the bytes on and calling `removeAll()` at each flush. The invariant is `count <= capacity`; every
// store is behind `reserve`, so the unsafe pointer does not leave this file.

/// An owned, growing run of bytes.
public struct ByteWriter: ~Copyable {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  /// Bytes written so far.
  public private(set) var count = 0

  public init(capacity: Int = MarketDataLimits.writerBytesMin) {
    self.capacity = max(capacity, 16)
    base = .allocate(byteCount: self.capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  /// Makes room for `additional` more bytes, so that appending them does not allocate.
  @inline(__always)
  public mutating func reserve(_ additional: Int) {
    if additional > capacity - count { grow(additional) }
  }

  @inline(never)
  private mutating func grow(_ additional: Int) {
    let larger = max(capacity * 2, count + additional)
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    moved.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = moved
    capacity = larger
  }

  @inline(__always)
  public mutating func append(_ byte: UInt8) {
    reserve(1)
    base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  /// Appends an integer's bytes, most significant first.
  @inline(__always)
  public mutating func append<T: FixedWidthInteger & BitwiseCopyable>(bigEndian value: T) {
    reserve(MemoryLayout<T>.size)
    base.storeBytes(of: value.bigEndian, toByteOffset: count, as: T.self)
    count += MemoryLayout<T>.size
  }

  @inline(__always)
  public mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  public mutating func append(_ bytes: RawSpan) {
    bytes.withUnsafeBytes { append($0) }
  }

  @inline(__always)
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    reserve(bytes.count)
    (base + count).copyMemory(from: start, byteCount: bytes.count)
    count += bytes.count
  }

  /// Appends the text's UTF-8 as it is. The label keeps literals to the overload for
  /// `StaticString`.
  public mutating func append(text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  /// Forgets the bytes; the memory stays unless told otherwise.
  public mutating func removeAll(keepingCapacity: Bool = true) {
    count = 0
    guard !keepingCapacity, capacity > MarketDataLimits.writerBytesMin else { return }
    base.deallocate()
    capacity = MarketDataLimits.writerBytesMin
    base = .allocate(byteCount: capacity, alignment: 16)
  }

  /// Forgets what was written after the first `length` bytes.
  public mutating func truncate(to length: Int) {
    precondition(length >= 0 && length <= count)
    count = length
  }

  /// The bytes, for the time of the call.
  @inline(__always)
  public func withBytes<E: Error, R: ~Copyable>(
    _ body: (RawSpan) throws(E) -> R
  ) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: base, count: count).bytes)
  }

  /// The bytes, for the time of the call, for C functions.
  @inline(__always)
  public func withUnsafeBytes<E: Error, R: ~Copyable>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: base, count: count))
  }

  /// Overwrites one byte written before: a length or a header known only now.
  @inline(__always)
  mutating func replaceByte(at offset: Int, with byte: UInt8) {
    precondition(offset >= 0 && offset < count)
    base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
  }

  /// Makes a hole of `length` bytes at `offset`, to be filled by `replaceByte`.
  mutating func insertHole(at offset: Int, length: Int) {
    precondition(offset >= 0 && offset <= count)
    reserve(length)
    (base + offset + length).copyMemory(from: base + offset, byteCount: count - offset)
    count += length
  }

  /// Lets `body` write at most `bound` bytes at the end and say how many it wrote.
  @inline(__always)
  mutating func appendUpTo(_ bound: Int, _ body: (UnsafeMutableRawPointer) -> Int) {
    reserve(bound)
    let written = body(base + count)
    assert(written >= 0 && written <= bound)
    count += written
  }
}
