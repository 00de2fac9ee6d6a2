// RFC 3339 to and from nanoseconds, in integers only.
//
// Civil dates follow the proleptic Gregorian calendar; the day arithmetic is the era form (400
// years are 146,097 days, a year begins in March so that the leap day is its last).

extension Timestamp {
  static let nanosecondsPerSecond: Int64 = 1_000_000_000
  static let secondsPerDay: Int64 = 86_400

  /// Reads `2026-11-21T06:23:00.123456789Z`, all of `bytes`: up to 9 fractional digits, `Z` or an
  /// offset such as `+05:30`.
  ///
  /// Nil when malformed, no such date, a leap second, or outside 1677 to 2262.
  public init?(parsing bytes: RawSpan) {
    guard let value = bytes.withUnsafeBytes({ Timestamp(parsing: $0) }) else { return nil }
    self = value
  }

  /// As `init(parsing:)` of a span, for settings and tests.
  public init?(parsing text: String) {
    var text = text
    guard let value = text.withUTF8({ Timestamp(parsing: UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    self = value
  }

  /// As `init(parsing:)` of a span.
  public init?(parsing bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 20,
      let century = Timestamp.pair(bytes, 0), let yearOfCentury = Timestamp.pair(bytes, 2),
      bytes[4] == UInt8(ascii: "-"), let month = Timestamp.pair(bytes, 5),
      bytes[7] == UInt8(ascii: "-"), let day = Timestamp.pair(bytes, 8),
      bytes[10] | 0x20 == UInt8(ascii: "t"), let hour = Timestamp.pair(bytes, 11),
      bytes[13] == UInt8(ascii: ":"), let minute = Timestamp.pair(bytes, 14),
      bytes[16] == UInt8(ascii: ":"), let second = Timestamp.pair(bytes, 17),
      hour < 24, minute < 60, second < 60
    else { return nil }
    let year = century * 100 + yearOfCentury
    guard let days = CivilDate(year: year, month: month, day: day)?.daysSinceEpoch else {
      return nil
    }
    var at = 19
    guard let fraction = Timestamp.fraction(bytes, &at),
      let offset = Timestamp.zoneOffset(bytes, at)
    else { return nil }
    let seconds = days * Timestamp.secondsPerDay + hour * 3_600 + minute * 60 + second - offset
    // A time before 1970 with a fraction is borrowed from, so that the product cannot overflow
    // where the sum does not.
    let borrow: Int64 = seconds < 0 && fraction > 0 ? 1 : 0
    let (whole, tooFar) = (seconds + borrow).multipliedReportingOverflow(
      by: Timestamp.nanosecondsPerSecond)
    let (sum, tooFarStill) = whole.addingReportingOverflow(
      fraction - borrow * Timestamp.nanosecondsPerSecond)
    guard !tooFar, !tooFarStill else { return nil }
    self.init(nanoseconds: sum)
  }

  /// Two digits as a number.
  @inline(__always)
  private static func pair(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int64? {
    let tens = bytes[at] &- UInt8(ascii: "0")
    let ones = bytes[at + 1] &- UInt8(ascii: "0")
    guard tens < 10, ones < 10 else { return nil }
    return Int64(tens) * 10 + Int64(ones)
  }

  /// `.123` as nanoseconds, 0 where there is none; `at` moves behind it.
  @inline(__always)
  private static func fraction(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) -> Int64? {
    guard bytes[at] == UInt8(ascii: ".") else { return 0 }
    at += 1
    var value: Int64 = 0
    var digits = 0
    while at < bytes.count {
      let digit = bytes[at] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      guard digits < 9 else { return nil }
      value = value * 10 + Int64(digit)
      digits += 1
      at += 1
    }
    guard digits > 0 else { return nil }
    while digits < 9 {
      value *= 10
      digits += 1
    }
    return value
  }

  /// `Z` or `+05:30`, which must be the rest, as seconds east.
  @inline(__always)
  private static func zoneOffset(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int64? {
    guard at < bytes.count else { return nil }
    if bytes[at] | 0x20 == UInt8(ascii: "z") { return at + 1 == bytes.count ? 0 : nil }
    guard bytes.count - at == 6, bytes[at + 3] == UInt8(ascii: ":"),
      let hours = pair(bytes, at + 1), let minutes = pair(bytes, at + 4),
      hours < 24, minutes < 60
    else { return nil }
    let seconds = hours * 3_600 + minutes * 60
    switch bytes[at] {
    case UInt8(ascii: "+"): return seconds
    case UInt8(ascii: "-"): return -seconds
    default: return nil
    }
  }
}

extension ByteWriter {
  /// Appends RFC 3339 in UTC, with as many fractional digits as needed (none to nine).
  @inline(__always)
  public mutating func append(_ timestamp: Timestamp) {
    var (seconds, nanos) = timestamp.nanoseconds.quotientAndRemainder(
      dividingBy: Timestamp.nanosecondsPerSecond)
    if nanos < 0 { (seconds, nanos) = (seconds - 1, nanos + Timestamp.nanosecondsPerSecond) }
    var (days, second) = seconds.quotientAndRemainder(dividingBy: Timestamp.secondsPerDay)
    if second < 0 { (days, second) = (days - 1, second + Timestamp.secondsPerDay) }
    let date = CivilDate(daysSinceEpoch: days)
    let time = UInt64(truncatingIfNeeded: second)
    appendUpTo(30) { place in
      DecimalDigits.store(UInt64(truncatingIfNeeded: date.year), count: 4, at: place)
      place.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 4, as: UInt8.self)
      DecimalDigits.storePair(UInt64(truncatingIfNeeded: date.month), at: place + 5)
      place.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 7, as: UInt8.self)
      DecimalDigits.storePair(UInt64(truncatingIfNeeded: date.day), at: place + 8)
      place.storeBytes(of: UInt8(ascii: "T"), toByteOffset: 10, as: UInt8.self)
      DecimalDigits.storePair(time / 3_600, at: place + 11)
      place.storeBytes(of: UInt8(ascii: ":"), toByteOffset: 13, as: UInt8.self)
      DecimalDigits.storePair(time / 60 % 60, at: place + 14)
      place.storeBytes(of: UInt8(ascii: ":"), toByteOffset: 16, as: UInt8.self)
      DecimalDigits.storePair(time % 60, at: place + 17)
      var at = 19
      if nanos != 0 {
        place.storeBytes(of: UInt8(ascii: "."), toByteOffset: 19, as: UInt8.self)
        DecimalDigits.store(UInt64(truncatingIfNeeded: nanos), count: 9, at: place + 20)
        at = 29
        while place.load(fromByteOffset: at - 1, as: UInt8.self) == UInt8(ascii: "0") { at -= 1 }
      }
      place.storeBytes(of: UInt8(ascii: "Z"), toByteOffset: at, as: UInt8.self)
      return at + 1
    }
  }
}

extension Timestamp: CustomStringConvertible {
  public var description: String {
    var writer = ByteWriter(capacity: 30)
    writer.append(self)
    return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
