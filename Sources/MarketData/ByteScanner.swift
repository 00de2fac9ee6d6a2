// JSON's tokens over bytes that may come from anybody: strict RFC 8259, no allocation, no trap.
//
// The unsafe base pointer is private to this file (which is why it has more than 400 lines: numbers
// and strings are both in it), and every load is behind a comparison with `count`. At the end
// `peek()` gives 0, which no JSON token contains, so most callers need no separate test. A scanner is
// used within one call on one thread and never outlives the buffer it was made from. It knows nothing
// of keys and what they mean.

struct ByteScanner {
  private let base: UnsafeRawPointer
  let count: Int
  private(set) var position = 0

  /// A scanned string: the place of what is between the quotes.
  struct Text {
    var range: Range<Int>
    /// Bytes of UTF-8 that it stands for; as long as `range` unless it has escapes.
    var decodedCount: Int
    var hasEscapes: Bool
  }

  @inline(__always)
  init(_ bytes: UnsafeRawBufferPointer) {
    // An empty buffer may have no address; nothing is loaded from this one, as `count` is 0.
    base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
    count = bytes.count
  }

  var isAtEnd: Bool { position == count }

  @inline(__always)
  func peek() -> UInt8 {
    position < count ? base.load(fromByteOffset: position, as: UInt8.self) : 0
  }

  /// The byte `distance` behind the next one, 0 beyond the end.
  @inline(__always)
  func peek(ahead distance: Int) -> UInt8 {
    position + distance < count
      ? base.load(fromByteOffset: position + distance, as: UInt8.self) : 0
  }

  @inline(__always)
  mutating func advance(_ distance: Int = 1) {
    position += distance
    assert(position <= count)
  }

  /// Bytes of a range that this scanner gave.
  @inline(__always)
  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }

  func failure(_ fault: SyntaxFault, at offset: Int? = nil) -> MarketDataError {
    .syntax(offset: offset ?? position, fault: fault)
  }

  /// The error for a byte that does not fit here.
  func unexpected() -> MarketDataError {
    failure(position == count ? .endOfInput : .unexpectedByte)
  }

  @inline(__always)
  mutating func skipSpace() {
    while true {
      switch peek() {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  /// Takes `byte`, after any space.
  @inline(__always)
  mutating func expect(_ byte: UInt8) throws(MarketDataError) {
    if peek() != byte {
      skipSpace()
      guard peek() == byte else { throw unexpected() }
    }
    position += 1
  }

  /// Takes the bytes if they are the next ones.
  @inline(__always)
  mutating func take(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard count - position >= length else { return false }
    for offset in 0..<length
    where base.load(fromByteOffset: position + offset, as: UInt8.self) != text.utf8Start[offset] {
      return false
    }
    position += length
    return true
  }

  /// Goes back to a place where this scanner was.
  @inline(__always)
  mutating func rewind(to earlier: Int) {
    precondition(earlier >= 0 && earlier <= position)
    position = earlier
  }

  mutating func expectLiteral(_ text: StaticString) throws(MarketDataError) {
    guard take(text) else { throw failure(.unexpectedByte) }
  }
}

// MARK: - Numbers

extension ByteScanner {
  /// Takes the digits of an unsigned integer without leading zeros; nil where there is none, or it
  /// is over 2^64 - 1.
  @inline(__always)
  mutating func takeUnsigned() -> UInt64? {
    let start = position
    var value: UInt64 = 0
    while true {
      let digit = peek() &- 0x30
      guard digit < 10 else { break }
      if position - start < 18 {
        value = value &* 10 &+ UInt64(digit)
      } else {
        let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
        let (sum, tooLargeStill) = product.addingReportingOverflow(UInt64(digit))
        guard !tooLarge, !tooLargeStill else { return nil }
        value = sum
      }
      position += 1
    }
    guard position > start else { return nil }
    return position - start > 1 && base.load(fromByteOffset: start, as: UInt8.self) == 0x30
      ? nil : value
  }

  /// Takes a number by JSON's grammar, of at most `MarketDataLimits.numberBytesMax` bytes.
  @inline(__always)
  mutating func scanNumber() throws(MarketDataError) -> DecimalNumber {
    if let number = takeShortNumber() { return number }
    return try scanAnyNumber()
  }

  /// The form that feeds send: at most 19 digits, which no UInt64 lacks room for, and no exponent.
  /// Takes nothing where the number has another form or is malformed. Works on locals, which stay
  /// in registers.
  @inline(__always)
  mutating func takeShortNumber() -> DecimalNumber? {
    var at = position
    let isNegative = peek() == UInt8(ascii: "-")
    if isNegative { at += 1 }
    let start = at
    var mantissa: UInt64 = 0
    var digit: UInt8 = 0
    func take(_ mantissa: inout UInt64) {
      while at < count {
        digit = base.load(fromByteOffset: at, as: UInt8.self) &- 0x30
        if digit > 9 { return }
        mantissa = mantissa &* 10 &+ UInt64(digit)
        at += 1
      }
      digit = 0xFF
    }
    take(&mantissa)
    let wholeDigits = at - start
    // A leading zero must be the only digit before the point.
    if wholeDigits == 0
      || wholeDigits > 1 && base.load(fromByteOffset: start, as: UInt8.self) == 0x30
    {
      return nil
    }
    var fractionDigits = 0
    if digit == UInt8(ascii: ".") &- 0x30 {
      at += 1
      let point = at
      take(&mantissa)
      fractionDigits = at - point
      if fractionDigits == 0 { return nil }
    }
    let isExponent = digit | 0x20 == UInt8(ascii: "e") &- 0x30
    if wholeDigits + fractionDigits > 19 || isExponent { return nil }
    position = at
    return DecimalNumber(
      mantissa: mantissa, exponent: -fractionDigits, isNegative: isNegative, isExact: true)
  }

  @inline(never)
  private mutating func scanAnyNumber() throws(MarketDataError) -> DecimalNumber {
    let start = position
    var number = DecimalNumber()
    if peek() == UInt8(ascii: "-") {
      number.isNegative = true
      position += 1
    }
    var significant = 0
    if peek() == UInt8(ascii: "0") {
      position += 1
    } else {
      guard takeDigits(&number, &significant, isFraction: false) else {
        throw failure(isAtEnd ? .endOfInput : .malformedNumber)
      }
    }
    if peek() == UInt8(ascii: ".") {
      position += 1
      guard takeDigits(&number, &significant, isFraction: true) else {
        throw failure(isAtEnd ? .endOfInput : .malformedNumber)
      }
    }
    if peek() | 0x20 == UInt8(ascii: "e") {
      position += 1
      number.exponent += try scanExponent()
    }
    // A digit here follows a leading zero.
    guard peek() &- 0x30 >= 10 else { throw failure(.malformedNumber) }
    guard position - start <= MarketDataLimits.numberBytesMax else {
      throw failure(.valueTooLarge, at: start)
    }
    return number
  }

  /// Takes at least one digit. The mantissa keeps what a UInt64 holds, 19 or 20; a zero behind them
  /// costs nothing, another digit the number's exactness.
  @inline(__always)
  private mutating func takeDigits(
    _ number: inout DecimalNumber, _ significant: inout Int, isFraction: Bool
  ) -> Bool {
    let start = position
    while true {
      let digit = peek() &- 0x30
      guard digit < 10 else { return position > start }
      position += 1
      if significant < 19 {
        number.mantissa = number.mantissa &* 10 &+ UInt64(digit)
        if number.mantissa != 0 { significant += 1 }
      } else if !appendLastDigit(digit, &number, &significant) {
        if !isFraction { number.exponent += 1 }
        continue
      }
      if isFraction { number.exponent -= 1 }
    }
  }

  /// Takes a 20th digit where there is room for it; after the first that has none, no other is
  /// taken.
  @inline(never)
  private func appendLastDigit(
    _ digit: UInt8, _ number: inout DecimalNumber, _ significant: inout Int
  ) -> Bool {
    significant += 1
    if significant == 20 {
      let (product, tooLarge) = number.mantissa.multipliedReportingOverflow(by: 10)
      let (sum, tooLargeStill) = product.addingReportingOverflow(UInt64(digit))
      if !tooLarge, !tooLargeStill {
        number.mantissa = sum
        return true
      }
    }
    if digit != 0 { number.isExact = false }
    return false
  }

  private mutating func scanExponent() throws(MarketDataError) -> Int {
    var isNegative = false
    switch peek() {
    case UInt8(ascii: "-"):
      isNegative = true
      position += 1
    case UInt8(ascii: "+"): position += 1
    default: break
    }
    let start = position
    var value = 0
    while peek() &- 0x30 < 10 {
      // Beyond any double's range it does not matter how far.
      value = min(value * 10 + Int(peek() &- 0x30), 100_000)
      position += 1
    }
    guard position > start else { throw failure(isAtEnd ? .endOfInput : .malformedNumber) }
    return isNegative ? -value : value
  }
}

// MARK: - Strings

extension ByteScanner {
  /// Takes a string with its quotes, after any space; checks escapes and UTF-8.
  @inline(__always)
  mutating func scanString() throws(MarketDataError) -> Text {
    try expect(UInt8(ascii: "\""))
    let start = position
    skipPlain()
    if peek() == UInt8(ascii: "\"") {
      position += 1
      let length = position - 1 - start
      return Text(range: start..<position - 1, decodedCount: length, hasEscapes: false)
    }
    return try scanRestOfString(from: start)
  }

  /// Skips bytes from 0x20 to 0x7F that are neither quote nor backslash, eight at a time.
  @inline(__always)
  private mutating func skipPlain() {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    while count - position >= 8 {
      let word = UInt64(
        littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      let quote = word ^ (ones &* 0x22)
      let backslash = word ^ (ones &* 0x5C)
      // "x - ones & ~x" marks zero bytes; a borrow can only mark a byte falsely above a true one,
      // and only the lowest mark is used. The same holds for "below 0x20".
      let marks =
        ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash
          | (word &- ones &* 0x20) & ~word | word) & highs
      if marks != 0 {
        position += marks.trailingZeroBitCount >> 3
        return
      }
      position += 8
    }
    while position < count {
      let byte = base.load(fromByteOffset: position, as: UInt8.self)
      if byte < 0x20 || byte >= 0x80 || byte == 0x22 || byte == 0x5C { return }
      position += 1
    }
  }

  @inline(never)
  private mutating func scanRestOfString(from start: Int) throws(MarketDataError) -> Text {
    var shrunk = 0
    var hasEscapes = false
    while true {
      guard position < count else { throw failure(.endOfInput) }
      let byte = peek()
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        let range = start..<position - 1
        return Text(range: range, decodedCount: range.count - shrunk, hasEscapes: hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        let before = position
        let scalar = try takeEscape()
        shrunk += position - before - UTF8.width(scalar)
      case 0..<0x20: throw failure(.controlCharacter)
      case 0x80...:
        let all = UnsafeRawBufferPointer(start: base, count: count)
        let length = UTF8Check.sequenceLength(all, at: position)
        guard length > 0 else { throw failure(.malformedUTF8) }
        position += length
      default: skipPlain()
      }
    }
  }

  /// Takes one escape, a surrogate pair as one.
  fileprivate mutating func takeEscape() throws(MarketDataError) -> Unicode.Scalar {
    let start = position
    let letter = peek(ahead: 1)
    guard count - position >= 2 else { throw failure(.endOfInput, at: count) }
    position += 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw failure(.malformedEscape, at: start)
    }
    guard let first = takeHex4() else { throw failure(.malformedEscape, at: start) }
    if let scalar = Unicode.Scalar(first) { return scalar }
    // A surrogate: only a high one followed by a low one stands for a character.
    guard first < 0xDC00, take("\\u"), let second = takeHex4(), second & 0xFC00 == 0xDC00 else {
      throw failure(.malformedEscape, at: start)
    }
    return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF))!
  }

  private mutating func takeHex4() -> UInt32? {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let byte = peek()
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: return nil
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// Appends what a scanned string stands for: its UTF-8 without escapes.
  @inline(__always)
  func appendDecoded(_ text: Text, to writer: inout ByteWriter) {
    if text.hasEscapes {
      appendUnescaped(text, to: &writer)
    } else {
      writer.append(bytes(text.range))
    }
  }

  /// The letter of a key of one ASCII letter, also where it is written as an escape; else 0.
  @inline(__always)
  func keyLetter(_ key: Text) -> UInt8 {
    guard key.decodedCount == 1 else { return 0 }
    if !key.hasEscapes { return bytes(key.range)[0] }
    var scanner = ByteScanner(bytes(key.range))
    guard let scalar = try? scanner.takeEscape() else { return 0 }
    return UInt8(truncatingIfNeeded: scalar.value)
  }

  @inline(never)
  private func appendUnescaped(_ text: Text, to writer: inout ByteWriter) {
    var scanner = ByteScanner(bytes(text.range))
    while !scanner.isAtEnd {
      guard scanner.peek() == UInt8(ascii: "\\") else {
        writer.append(scanner.peek())
        scanner.position += 1
        continue
      }
      // The string was scanned before, so its escapes are well formed.
      guard let scalar = try? scanner.takeEscape() else { return }
      for byte in UTF8.encode(scalar)! { writer.append(byte) }
    }
  }
}
