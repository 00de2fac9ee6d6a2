/// A pull parser of RFC 8259 JSON over bytes that others wrote: tapes, exchange recordings, symbol
/// lists, messages of clients.
///
/// The caller asks for what it expects, token after token; nothing is built, keys and strings point
/// into the bytes (`JSONText`). Input never traps: every read is bounded, nesting too
/// (`nestingMax`), and an error names its offset. Text must be UTF-8, escaped surrogates must pair.
/// Keys that repeat are the caller's affair. After an error the reader's place is undefined.
///
/// It does not convert numbers: `number()` gives the digits, `Decimal9` and others read them. The
/// bytes must outlive the reader and what it returns; it is a value, so a copy is a bookmark.
public struct JSONReader {
  /// The deepest message that we know has 3 levels; 32 leaves room, and one bit each fits a UInt32.
  public static let nestingMax = 32

  public enum Kind: Sendable {
    case object, array, string, number, boolean, null
  }

  private let base: UnsafePointer<UInt8>
  private let count: Int
  /// Bytes consumed so far.
  public private(set) var offset = 0
  public private(set) var depth = 0
  /// Bit d: whether the container at depth d + 1 is an object.
  private var objects: UInt32 = 0
  /// Whether the innermost container was opened and nothing was asked of it yet.
  private var fresh = false

  public init(_ bytes: UnsafeRawBufferPointer) {
    count = bytes.count
    base =
      bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      ?? UnsafePointer(bitPattern: 1)!  // never read: count is 0
  }

  /// The kind of the value that begins here.
  public mutating func peek() throws(JSONError) -> Kind {
    skipSpace()
    guard offset < count else { throw failure(.unexpectedEnd) }
    switch base[offset] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    default: throw failure(.expectedValue)
    }
  }

  public mutating func beginObject() throws(JSONError) {
    try open(UInt8(ascii: "{"), else: .expectedObject)
    objects |= 1 << UInt32(depth - 1)
  }

  public mutating func beginArray() throws(JSONError) {
    try open(UInt8(ascii: "["), else: .expectedArray)
    objects &= ~(1 << UInt32(depth - 1))
  }

  /// The next key of the innermost object, its colon consumed too; nil when the object ended.
  public mutating func nextKey() throws(JSONError) -> JSONText? {
    precondition(isInObject, "nextKey() asked of what is not an object")
    guard try advance(close: UInt8(ascii: "}"), else: .expectedCommaOrBrace) else { return nil }
    guard offset < count else { throw failure(.unexpectedEnd) }
    guard base[offset] == UInt8(ascii: "\"") else { throw failure(.expectedKey) }
    let key = try text()
    skipSpace()
    guard offset < count else { throw failure(.unexpectedEnd) }
    guard base[offset] == UInt8(ascii: ":") else { throw failure(.expectedColon) }
    offset += 1
    return key
  }

  /// Whether the innermost array has another element; false when it ended.
  public mutating func nextElement() throws(JSONError) -> Bool {
    precondition(depth > 0 && !isInObject, "nextElement() asked of what is not an array")
    return try advance(close: UInt8(ascii: "]"), else: .expectedCommaOrBracket)
  }

  public mutating func string() throws(JSONError) -> JSONText {
    try expect(UInt8(ascii: "\""), else: .expectedString)
    return try text()
  }

  /// The number's bytes, checked against JSON's grammar.
  public mutating func number() throws(JSONError) -> UnsafeRawBufferPointer {
    skipSpace()
    guard offset < count else { throw failure(.unexpectedEnd) }
    let start = offset
    guard base[offset] == UInt8(ascii: "-") || isDigit(base[offset]) else {
      throw failure(.expectedNumber)
    }
    offset = try endOfNumber()
    return slice(from: start)
  }

  /// An integer written without fraction and exponent.
  public mutating func integer() throws(JSONError) -> Int64 {
    skipSpace()
    let start = offset
    let digits = try number()
    guard let value = JSONReader.integer(digits) else {
      throw JSONError(.expectedInteger, offset: start)
    }
    return value
  }

  public mutating func boolean() throws(JSONError) -> Bool {
    skipSpace()
    if offset < count, base[offset] == UInt8(ascii: "t") {
      try word("true", else: .expectedBoolean)
      return true
    }
    try word("false", else: .expectedBoolean)
    return false
  }

  public mutating func null() throws(JSONError) { try word("null", else: .expectedValue) }

  /// Reads over one value, checking it wholly.
  public mutating func skipValue() throws(JSONError) {
    let outer = depth
    repeat {
      switch try peek() {
      case .object: try beginObject()
      case .array: try beginArray()
      case .string: _ = try string()
      case .number: offset = try endOfNumber()
      case .boolean: _ = try boolean()
      case .null: try null()
      }
      while depth > outer {
        if isInObject {
          if try nextKey() != nil { break }
        } else if try nextElement() {
          break
        }
      }
    } while depth > outer
  }

  /// One value of any kind, checked: its bytes as they stand, without space around them.
  public mutating func rawValue() throws(JSONError) -> UnsafeRawBufferPointer {
    skipSpace()
    let start = offset
    try skipValue()
    return slice(from: start)
  }

  /// Nothing but space may follow.
  public mutating func end() throws(JSONError) {
    precondition(depth == 0, "end() asked inside a container")
    skipSpace()
    guard offset == count else { throw failure(.trailingBytes) }
  }

  public func failure(_ reason: JSONError.Reason) -> JSONError {
    JSONError(reason, offset: offset)
  }
}

extension JSONReader {
  /// The value of digits as `number()` returns them; nil with a fraction, an exponent or overflow.
  public static func integer(_ digits: UnsafeRawBufferPointer) -> Int64? {
    var index = 0
    let negative = digits.first == UInt8(ascii: "-")
    if negative { index = 1 }
    guard index < digits.count else { return nil }
    var value: Int64 = 0
    while index < digits.count {
      guard digits[index] &- UInt8(ascii: "0") < 10 else { return nil }
      let digit = Int64(digits[index] &- UInt8(ascii: "0"))
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.subtractingReportingOverflow(digit)  // negative: reaches Int64.min
      guard !overflow, !carry else { return nil }
      value = sum
      index += 1
    }
    if negative { return value }
    return value == .min ? nil : -value
  }

  static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  private var isInObject: Bool { depth > 0 && objects & (1 << UInt32(depth - 1)) != 0 }

  private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  private func slice(from start: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + start, count: offset - start)
  }

  @inline(__always)
  private mutating func skipSpace() {
    // Most messages have no space at all: one comparison.
    guard offset < count, base[offset] <= 0x20 else { return }
    skipSomeSpace()
  }

  @inline(never)
  private mutating func skipSomeSpace() {
    var index = offset
    while index < count, [0x20, 0x0A, 0x0D, 0x09].contains(base[index]) { index += 1 }
    offset = index
  }

  private mutating func expect(
    _ byte: UInt8, else reason: JSONError.Reason
  ) throws(JSONError) {
    skipSpace()
    guard offset < count else { throw failure(.unexpectedEnd) }
    guard base[offset] == byte else { throw failure(reason) }
  }

  private mutating func open(_ byte: UInt8, else reason: JSONError.Reason) throws(JSONError) {
    try expect(byte, else: reason)
    guard depth < JSONReader.nestingMax else { throw failure(.nestingTooDeep) }
    offset += 1
    depth += 1
    fresh = true
  }

  /// Moves to the next member; false (and the container closed) when there is none.
  private mutating func advance(
    close: UInt8, else reason: JSONError.Reason
  ) throws(JSONError) -> Bool {
    skipSpace()
    guard offset < count else { throw failure(.unexpectedEnd) }
    if base[offset] == close {
      offset += 1
      depth -= 1
      fresh = false
      return false
    }
    if fresh {
      fresh = false
      return true
    }
    guard base[offset] == UInt8(ascii: ",") else { throw failure(reason) }
    offset += 1
    skipSpace()
    return true
  }

  private mutating func word(
    _ word: StaticString, else reason: JSONError.Reason
  ) throws(JSONError) {
    skipSpace()
    for index in 0..<word.utf8CodeUnitCount {
      guard offset + index < count else { throw failure(.unexpectedEnd) }
      guard base[offset + index] == word.utf8Start[index] else { throw failure(reason) }
    }
    offset += word.utf8CodeUnitCount
  }

  /// The index behind a number; `offset` is at its first character.
  private func endOfNumber() throws(JSONError) -> Int {
    var index = offset
    if base[index] == UInt8(ascii: "-") { index += 1 }
    if index < count, base[index] == UInt8(ascii: "0") {
      index += 1
      if index < count, isDigit(base[index]) { throw JSONError(.invalidNumber, offset: index) }
    } else {
      index = try endOfDigits(index)
    }
    guard index < count else { return index }
    if base[index] == UInt8(ascii: ".") { index = try endOfDigits(index + 1) }
    if index < count, base[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      if index < count, base[index] == UInt8(ascii: "+") || base[index] == UInt8(ascii: "-") {
        index += 1
      }
      index = try endOfDigits(index)
    }
    return index
  }

  @inline(__always)
  private func endOfDigits(_ start: Int) throws(JSONError) -> Int {
    guard start < count else { throw JSONError(.unexpectedEnd, offset: count) }
    guard isDigit(base[start]) else { throw JSONError(.invalidNumber, offset: start) }
    var index = start + 1
    while index < count, isDigit(base[index]) { index += 1 }
    return index
  }

  /// From the opening quote to behind the closing one.
  private mutating func text() throws(JSONError) -> JSONText {
    let start = offset + 1
    var index = start
    var hasEscapes = false
    while true {
      index = skipPlain(from: index)
      guard index < count else { break }
      let byte = base[index]
      if byte == UInt8(ascii: "\"") {
        offset = index + 1
        let raw = UnsafeRawBufferPointer(start: base + start, count: index - start)
        return JSONText(raw: raw, hasEscapes: hasEscapes)
      }
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        index = try endOfEscape(at: index)
      } else if byte < 0x20 {
        throw JSONError(.controlCharacter, offset: index)
      } else if byte < 0x80 {
        index += 1
      } else {
        index = try endOfScalar(at: index)
      }
    }
    throw JSONError(.unexpectedEnd, offset: count)
  }

  /// The first byte from `index` on that needs a look, or one of the last 7: eight at a time, the bytes
  /// are told that are a quote, a backslash, a control character or not ASCII. (Each of the three
  /// differences may also mark bytes above one that it marks rightly; the lowest mark is right.)
  @inline(__always)
  private func skipPlain(from index: Int) -> Int {
    var index = index
    while index + 8 <= count {
      let word = UInt64(
        littleEndian: UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
      let ones: UInt64 = 0x0101_0101_0101_0101
      let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
      let escapes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
      let marks =
        ((quotes &- ones) & ~quotes) | ((escapes &- ones) & ~escapes)
        | ((word &- ones &* 0x20) & ~word) | word
      let found = marks & (ones &* 0x80)
      guard found == 0 else { return index + found.trailingZeroBitCount / 8 }
      index += 8
    }
    return index
  }

  private func endOfEscape(at index: Int) throws(JSONError) -> Int {
    guard index + 1 < count else { throw JSONError(.unexpectedEnd, offset: count) }
    switch base[index + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return index + 2
    case UInt8(ascii: "u"):
      let unit = try codeUnit(at: index)
      if 0xDC00..<0xE000 ~= unit { throw JSONError(.loneSurrogate, offset: index) }
      guard 0xD800..<0xDC00 ~= unit else { return index + 6 }
      let low = index + 6
      guard low + 1 < count, base[low] == UInt8(ascii: "\\"), base[low + 1] == UInt8(ascii: "u")
      else { throw JSONError(.loneSurrogate, offset: index) }
      guard 0xDC00..<0xE000 ~= (try codeUnit(at: low)) else {
        throw JSONError(.loneSurrogate, offset: index)
      }
      return low + 6
    default: throw JSONError(.invalidEscape, offset: index)
    }
  }

  private func codeUnit(at escape: Int) throws(JSONError) -> UInt16 {
    guard escape + 6 <= count else { throw JSONError(.unexpectedEnd, offset: count) }
    var unit: UInt16 = 0
    for index in escape + 2..<escape + 6 {
      guard let digit = JSONReader.hexDigit(base[index]) else {
        throw JSONError(.invalidEscape, offset: escape)
      }
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }

  /// The well-formed sequences are those of table 3-7 of the Unicode standard.
  private func endOfScalar(at index: Int) throws(JSONError) -> Int {
    let first = base[index]
    let (length, second): (Int, ClosedRange<UInt8>)
    switch first {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: throw JSONError(.invalidUTF8, offset: index)
    }
    guard index + length <= count, second.contains(base[index + 1]) else {
      throw JSONError(.invalidUTF8, offset: index)
    }
    for next in index + 2..<max(index + 2, index + length) where base[next] & 0xC0 != 0x80 {
      throw JSONError(.invalidUTF8, offset: index)
    }
    return index + length
  }
}
