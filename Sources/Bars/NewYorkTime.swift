// New York's calendar: which day a moment belongs to there, and when that day begins. Integer
// arithmetic by the law's rules, no time zone database: the Uniform Time Act of 1966 and its changes
// of 1974 (energy crisis), 1986 and 2005. Clocks change at 2 o'clock local time, so a midnight is
// never ambiguous. Before 1967 standard time is assumed.
public import MarketData

public enum NewYorkTime {
  private static let standardOffset: Int64 = -5 * 3_600
  private static let daySeconds: Int64 = 86_400

  /// Seconds east of Greenwich (negative) at a moment in seconds since 1970.
  public static func offset(at seconds: Int64) -> Int64 {
    let year = CivilDate(daysSinceEpoch: floorDivide(seconds + standardOffset, daySeconds)).year
    guard let summer = summer(of: year), summer.contains(seconds) else { return standardOffset }
    return standardOffset + 3_600
  }

  /// The moments between which a year has daylight saving time, in seconds since 1970.
  static func summer(of year: Int64) -> Range<Int64>? {
    guard year >= 1967, year <= 9_999 else { return nil }
    let first: Int64
    let last: Int64
    switch year {
    case 2007...: (first, last) = (sunday(2, of: 3, year), sunday(1, of: 11, year))
    case 1987...: (first, last) = (sunday(1, of: 4, year), lastSunday(of: 10, year))
    case 1974: (first, last) = (day(year, 1, 6), lastSunday(of: 10, year))
    case 1975: (first, last) = (day(year, 2, 23), lastSunday(of: 10, year))
    default: (first, last) = (lastSunday(of: 4, year), lastSunday(of: 10, year))
    }
    // 2:00 standard time; 2:00 daylight time, which is 1:00 standard time.
    return first * daySeconds + 7_200 - standardOffset..<last * daySeconds + 3_600 - standardOffset
  }

  /// Days since 1970-01-01 of the calendar day there.
  public static func day(of moment: Timestamp) -> Int64 {
    let seconds = floorDivide(moment.nanoseconds, 1_000_000_000)
    return floorDivide(seconds + offset(at: seconds), daySeconds)
  }

  /// When the calendar day begins, in seconds since 1970.
  public static func start(ofDay day: Int64) -> Int64 {
    // An hour into the day by standard time is the same day by either clock, and before 2 o'clock.
    day * daySeconds - offset(at: day * daySeconds - standardOffset)
  }

  /// Seconds since its midnight there by the clock on the wall.
  public static func clockSeconds(of moment: Timestamp) -> Int64 {
    let seconds = floorDivide(moment.nanoseconds, 1_000_000_000)
    let local = seconds + offset(at: seconds)
    return local - floorDivide(local, daySeconds) * daySeconds
  }

  private static func day(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    CivilDate(year: year, month: month, day: day)?.daysSinceEpoch ?? 0
  }

  private static func sunday(_ ordinal: Int64, of month: Int64, _ year: Int64) -> Int64 {
    let first = day(year, month, 1)
    // 1970-01-01 was a Thursday: 4 days after a Sunday.
    let weekday = (first + 4) % 7
    return first + (7 - weekday) % 7 + (ordinal - 1) * 7
  }

  /// Of a month with 30 or 31 days: the fifth where there is one.
  private static func lastSunday(of month: Int64, _ year: Int64) -> Int64 {
    let fifth = sunday(5, of: month, year)
    return CivilDate(daysSinceEpoch: fifth).month == month ? fifth : fifth - 7
  }

  @inline(__always)
  static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? quotient - 1 : quotient
  }
}
