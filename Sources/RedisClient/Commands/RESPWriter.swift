// Commands as RESP, in one growing block that is at once the connection's output queue: commands are
// written behind `end`, the kernel takes from `start`. What the kernel took is not moved until room
// is needed. The owner keeps the bound; the writer only says how much is in it.

/// Writes commands as RESP arrays of bulk strings.
public struct RESPWriter: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var start = 0
  private var end = 0
  /// Largest `end` in the current count of `drains`.
  private var peak = 0
  private var drains = 0

  public init() {
    capacity = 4_096
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  /// Bytes written and not yet consumed.
  public var count: Int { end - start }

  /// Begins a command of `count` words, its name included.
  public mutating func array(_ count: Int) {
    reserve(24)
    put(UInt8(ascii: "*"))
    putNumber(count)
    putLineEnd()
  }

  public mutating func bulk(_ word: StaticString) {
    bulk(UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
  }

  public mutating func bulk(_ bytes: RawSpan) {
    bytes.withUnsafeBytes { bulk($0) }
  }

  public mutating func bulk(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bulk($0) }
  }

  public mutating func bulk(_ text: String) {
    var text = text
    text.withUTF8 { bulk(UnsafeRawBufferPointer($0)) }
  }

  public mutating func bulk(_ number: Int64) {
    let digits = RESPWriter.digits(number.magnitude) + (number < 0 ? 1 : 0)
    reserve(digits + 48)
    put(UInt8(ascii: "$"))
    putNumber(digits)
    putLineEnd()
    if number < 0 { put(UInt8(ascii: "-")) }
    putMagnitude(number.magnitude)
    putLineEnd()
  }

  mutating func bulk(_ bytes: UnsafeRawBufferPointer) {
    reserve(bytes.count + 32)
    put(UInt8(ascii: "$"))
    putNumber(bytes.count)
    putLineEnd()
    append(bytes)
    putLineEnd()
  }

  /// Bytes that are RESP already, such as the fixed beginning of a frequent command.
  mutating func raw(_ text: StaticString) {
    reserve(text.utf8CodeUnitCount)
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  // MARK: - The queue's side

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    body(UnsafeRawBufferPointer(start: base + start, count: end - start))
  }

  /// Drops the first `taken` bytes.
  mutating func consume(_ taken: Int) {
    precondition(taken >= 0 && taken <= count)
    start += taken
    guard start == end else { return }
    peak = max(peak, end)
    start = 0
    end = 0
    drains += 1
    if drains == RedisLimits.drainsPerShrink { shrink() }
  }

  /// A feed fills about as much each turn, so memory is given back only when it was not needed for
  /// many turns; probes turn an idle link's too.
  private mutating func shrink() {
    if capacity > RedisLimits.bufferBytesKept, peak <= capacity / 4 {
      base.deallocate()
      capacity = max(4_096, peak * 2)
      base = .allocate(capacity: capacity)
    }
    drains = 0
    peak = 0
  }

  /// Drops what was written after `count` bytes.
  mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= self.count)
    end = start + count
  }

  // MARK: - Bytes

  private mutating func reserve(_ more: Int) {
    guard end + more > capacity else { return }
    let used = end - start
    if used + more <= capacity / 2 {
      base.update(from: base + start, count: used)
    } else {
      capacity = max(capacity * 2, used + more)
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
      larger.initialize(from: base + start, count: used)
      base.deallocate()
      base = larger
    }
    start = 0
    end = used
  }

  // The callers have reserved.

  @inline(__always)
  private mutating func put(_ byte: UInt8) {
    base[end] = byte
    end += 1
  }

  @inline(__always)
  private mutating func putLineEnd() {
    base[end] = 13
    base[end + 1] = 10
    end += 2
  }

  @inline(__always)
  private mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    UnsafeMutableRawPointer(base + end).copyMemory(from: source, byteCount: bytes.count)
    end += bytes.count
  }

  @inline(__always)
  private mutating func putNumber(_ number: Int) { putMagnitude(UInt64(number)) }

  private mutating func putMagnitude(_ number: UInt64) {
    let digits = RESPWriter.digits(number)
    var rest = number
    var at = end + digits
    repeat {
      at -= 1
      base[at] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    } while rest > 0
    end += digits
  }

  private static func digits(_ number: UInt64) -> Int {
    var digits = 1
    var rest = number
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    return digits
  }
}
