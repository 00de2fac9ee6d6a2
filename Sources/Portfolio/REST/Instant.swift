// Points in time as the API knows them: RFC 3339 outside, microseconds since 1970 inside, which is
// what Postgres keeps.
import MarketData

enum Instant {
  /// The years that Postgres and four digits both hold: 0001-01-01 to 9999-12-31.
  static let range: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999

  /// Microseconds since 1970 as RFC 3339 in UTC. What a Timestamp cannot hold (before 1678, after
  /// 2261, infinity) becomes the nearest that it can.
  static func text(_ microseconds: Int64) -> String {
    let bound = Int64.max / 1_000
    let clamped = min(max(microseconds, -bound), bound)
    return Timestamp(nanoseconds: clamped * 1_000).description
  }

  /// As RFC 3339 with an offset: `2026-11-21T02:23:58-05:00`.
  static func text(_ microseconds: Int64, east seconds: Int64) -> String {
    let local = text(microseconds + seconds * 1_000_000)
    let minutes = seconds.magnitude / 60
    func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(local.dropLast())\(seconds < 0 ? "-" : "+")\(two(minutes / 60)):\(two(minutes % 60))"
  }

  /// Reads RFC 3339 with an offset or `Z`, a `T` or a space, any number of fractional digits (those
  /// behind the sixth are cut off); or a date alone, which is its first moment in UTC. Nil when it
  /// is none of these. Years 0000 to 9999; what Postgres cannot hold is clamped to `range`.
  static func microseconds(parsing text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard let day = date(bytes.prefix(10)) else { return nil }
    guard bytes.count > 10 else { return clamp(day * 86_400_000_000) }
    guard bytes.count >= 20, [0x54, 0x74, 0x20].contains(bytes[10]),
      let hour = number(bytes[11..<13]), bytes[13] == 0x3A, let minute = number(bytes[14..<16]),
      bytes[16] == 0x3A, let second = number(bytes[17..<19]), hour < 24, minute < 60, second < 60
    else { return nil }
    var rest = bytes[19...]
    guard let fraction = takeFraction(&rest), let offset = zone(rest) else { return nil }
    let seconds = day * 86_400 + hour * 3_600 + minute * 60 + second - offset
    return clamp(seconds * 1_000_000 + fraction)
  }

  /// `2026-11-21` as days since 1970; nil where there is no such day.
  static func days(parsing text: String) -> Int64? { date(Array(text.utf8)[...]) }

  private static func clamp(_ microseconds: Int64) -> Int64 {
    min(max(microseconds, range.lowerBound), range.upperBound)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for byte in digits {
      guard byte &- 0x30 < 10 else { return nil }
      value = value * 10 + Int64(byte - 0x30)
    }
    return value
  }

  private static func date(_ bytes: ArraySlice<UInt8>) -> Int64? {
    let start = bytes.startIndex
    guard bytes.count == 10, bytes[start + 4] == 0x2D, bytes[start + 7] == 0x2D,
      let year = number(bytes[start..<start + 4]),
      let month = number(bytes[start + 5..<start + 7]),
      let day = number(bytes[start + 8..<start + 10]),
      let date = CivilDate(year: year, month: month, day: day)
    else { return nil }
    return date.daysSinceEpoch
  }

  private static func takeFraction(_ rest: inout ArraySlice<UInt8>) -> Int64? {
    guard rest.first == 0x2E else { return 0 }
    let digits = rest.dropFirst().prefix { $0 &- 0x30 < 10 }
    guard !digits.isEmpty, digits.count <= 32 else { return nil }
    rest = rest.dropFirst(1 + digits.count)
    let kept = Array(digits.prefix(6)) + Array(repeating: 0x30, count: max(0, 6 - digits.count))
    return number(kept[...])
  }

  /// `Z`, `z` or `+05:30`, as seconds east.
  private static func zone(_ rest: ArraySlice<UInt8>) -> Int64? {
    if rest.count == 1, let only = rest.first { return only | 0x20 == 0x7A ? 0 : nil }
    let start = rest.startIndex
    guard rest.count == 6, rest[start + 3] == 0x3A, let hours = number(rest[start + 1..<start + 3]),
      let minutes = number(rest[start + 4..<start + 6]), hours < 24, minutes < 60
    else { return nil }
    switch rest[start] {
    case 0x2B: return hours * 3_600 + minutes * 60
    case 0x2D: return -(hours * 3_600 + minutes * 60)
    default: return nil
    }
  }
}
