// A client's MessagePack, token by token, without a tree and without allocation.
//
// The reader holds only a position and the counts of the open arrays and maps; the bytes are handed
// to each call, and they must be the same ones each time. Strings come as ranges of those bytes,
// not checked for UTF-8. Bytes come from anybody: nothing traps, nothing is read beyond the end,
// nesting is bounded, and a count that the rest of the input cannot hold is refused at once.

public struct MessagePackReader {
  public enum Token: Hashable, Sendable {
    /// As many keys follow, each with its value.
    case map(count: Int)
    /// As many values follow.
    case array(count: Int)
    /// The place of the UTF-8 bytes.
    case string(Range<Int>)
    case binary(Range<Int>)
    /// An integer below 2^63.
    case integer(Int64)
    /// An integer from 2^63 up.
    case unsigned(UInt64)
    /// A float32 or float64.
    case float(Double)
    case bool(Bool)
    case null
    /// An extension's type and the place of its data.
    case ext(type: Int8, Range<Int>)
  }

  /// Offset of the next token.
  public private(set) var position = 0
  /// Values that each open array or map still lacks; the first is the root's, 1. Only the root's is
  /// ever 0 between calls.
  private var open = InlineArray<33, Int>(repeating: 0)
  private var depth = 0

  public init() { open[0] = 1 }

  /// Whether the root value has been read to its end.
  public var isComplete: Bool { depth == 0 && open[0] == 0 }

  /// The next token. Reading on after the root's end is refused as trailing bytes.
  public mutating func next(_ bytes: RawSpan) throws(MarketDataError) -> Token {
    guard open[depth] > 0 else { throw failure(.trailingBytes) }
    open[depth] -= 1
    let token = try token(bytes)
    switch token {
    case .map(let count): try enter(count * 2, bytes)
    case .array(let count): try enter(count, bytes)
    default: break
    }
    while depth > 0, open[depth] == 0 { depth -= 1 }
    return token
  }

  /// Passes over one value, with all that is in it.
  public mutating func skip(_ bytes: RawSpan) throws(MarketDataError) {
    // Each turn takes at least one byte, so the input's length bounds the loop.
    var pending = 1
    while pending > 0 {
      pending -= 1
      switch try next(bytes) {
      case .map(let count): pending += count * 2
      case .array(let count): pending += count
      default: break
      }
    }
  }

  /// The root value must have ended where the bytes end.
  public func finish(_ bytes: RawSpan) throws(MarketDataError) {
    guard isComplete else { throw failure(.endOfInput) }
    guard position == bytes.byteCount else { throw failure(.trailingBytes) }
  }

  private mutating func enter(_ values: Int, _ bytes: RawSpan) throws(MarketDataError) {
    guard values <= bytes.byteCount - position else { throw failure(.endOfInput) }
    guard depth < MarketDataLimits.messageNestingMax else { throw failure(.nestingTooDeep) }
    depth += 1
    open[depth] = values
  }

  private func failure(_ fault: SyntaxFault) -> MarketDataError {
    .syntax(offset: position, fault: fault)
  }

  /// Takes a big-endian integer.
  private mutating func take<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ bytes: RawSpan
  ) throws(MarketDataError) -> T {
    let size = MemoryLayout<T>.size
    guard bytes.byteCount - position >= size else { throw failure(.endOfInput) }
    let value = bytes.unsafeLoadUnaligned(fromByteOffset: position, as: type)
    position += size
    return T(bigEndian: value)
  }

  private mutating func takeRange(
    _ count: Int, _ bytes: RawSpan
  ) throws(MarketDataError) -> Range<Int> {
    guard count <= bytes.byteCount - position else { throw failure(.endOfInput) }
    position += count
    return position - count..<position
  }

  private mutating func token(_ bytes: RawSpan) throws(MarketDataError) -> Token {
    let first = try take(UInt8.self, bytes)
    switch first {
    case 0x00...0x7F: return .integer(Int64(first))
    case 0x80...0x8F: return .map(count: Int(first & 0x0F))
    case 0x90...0x9F: return .array(count: Int(first & 0x0F))
    case 0xA0...0xBF: return .string(try takeRange(Int(first & 0x1F), bytes))
    case 0xE0...0xFF: return .integer(Int64(Int8(bitPattern: first)))
    case 0xC0: return .null
    case 0xC2, 0xC3: return .bool(first == 0xC3)
    case 0xC4...0xC6: return .binary(try takeRange(try length(first - 0xC4, bytes), bytes))
    case 0xD9...0xDB: return .string(try takeRange(try length(first - 0xD9, bytes), bytes))
    case 0xDC, 0xDD: return .array(count: try length(first - 0xDC + 1, bytes))
    case 0xDE, 0xDF: return .map(count: try length(first - 0xDE + 1, bytes))
    case 0xC7...0xC9: return try ext(try length(first - 0xC7, bytes), bytes)
    case 0xD4...0xD8: return try ext(1 << Int(first - 0xD4), bytes)
    case 0xCA...0xD3: return try number(first, bytes)
    default:
      // 0xC1 is the one byte that the format never uses.
      position -= 1
      throw failure(.unexpectedByte)
    }
  }

  /// A length of 1, 2 or 4 bytes, for `width` 0, 1 or 2.
  private mutating func length(
    _ width: UInt8, _ bytes: RawSpan
  ) throws(MarketDataError) -> Int {
    switch width {
    case 0: Int(try take(UInt8.self, bytes))
    case 1: Int(try take(UInt16.self, bytes))
    default: Int(try take(UInt32.self, bytes))
    }
  }

  private mutating func ext(_ count: Int, _ bytes: RawSpan) throws(MarketDataError) -> Token {
    let type = try take(Int8.self, bytes)
    return .ext(type: type, try takeRange(count, bytes))
  }

  private mutating func number(_ first: UInt8, _ bytes: RawSpan) throws(MarketDataError) -> Token {
    switch first {
    case 0xCA: return .float(Double(Float(bitPattern: try take(UInt32.self, bytes))))
    case 0xCB: return .float(Double(bitPattern: try take(UInt64.self, bytes)))
    case 0xCC: return .integer(Int64(try take(UInt8.self, bytes)))
    case 0xCD: return .integer(Int64(try take(UInt16.self, bytes)))
    case 0xCE: return .integer(Int64(try take(UInt32.self, bytes)))
    case 0xCF:
      let value = try take(UInt64.self, bytes)
      return Int64(exactly: value).map { .integer($0) } ?? .unsigned(value)
    case 0xD0: return .integer(Int64(try take(Int8.self, bytes)))
    case 0xD1: return .integer(Int64(try take(Int16.self, bytes)))
    case 0xD2: return .integer(Int64(try take(Int32.self, bytes)))
    default: return .integer(try take(Int64.self, bytes))
    }
  }
}
