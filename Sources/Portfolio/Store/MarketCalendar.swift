// When the New York Stock Exchange trades, by its published rules (its Rule 7.2 and yearly holiday
// notices), for the years from 2016 on. Closures that no rule foretells are in a table; for further ones
// an operator changes market_calendar, where `extend` touches no year that has a row.
import MarketData
import PostgresClient

enum MarketCalendar {
  enum Day: Equatable {
    case closed
    /// 9:30 to 16:00 of New York.
    case full
    /// 9:30 to 13:00.
    case half
  }

  /// Mourning days of presidents.
  private static let unforeseen: Set<String> = ["2018-12-05", "2025-01-09"]

  static func kind(of date: CivilDate) -> Day {
    let weekday = weekday(date)
    if weekday >= 6 || isHoliday(date, weekday) || unforeseen.contains(text(date)) {
      return .closed
    }
    return isHalf(date, weekday) ? .half : .full
  }

  private static func isHoliday(_ date: CivilDate, _ weekday: Int) -> Bool {
    switch (date.month, date.day) {
    // On a Saturday it is not made up for: Friday would be the year's last day of accounting.
    case (1, 1): return true
    case (1, 2): return weekday == 1
    // Monday in the third week: Martin Luther King, Washington.
    case (1, 15...21), (2, 15...21): return weekday == 1
    case (5, 25...31): return weekday == 1
    case (6, _) where date.year >= 2022 && isObserved(date, weekday, 6, 19): return true
    case (7, _) where isObserved(date, weekday, 7, 4): return true
    case (9, 1...7): return weekday == 1
    case (11, 22...28): return weekday == 4
    case (12, _) where isObserved(date, weekday, 12, 25): return true
    case (3...4, _): return date.daysSinceEpoch == easterSunday(date.year).daysSinceEpoch - 2
    default: return false
    }
  }

  /// The day itself, or the Friday before a Saturday, or the Monday after a Sunday.
  private static func isObserved(
    _ date: CivilDate, _ weekday: Int, _ month: Int64, _ day: Int64
  ) -> Bool {
    guard date.month == month else { return false }
    return date.day == day || (date.day == day - 1 && weekday == 5)
      || (date.day == day + 1 && weekday == 1)
  }

  /// The day after Thanksgiving; the days before Independence Day and Christmas, Mondays to Thursdays.
  private static func isHalf(_ date: CivilDate, _ weekday: Int) -> Bool {
    switch (date.month, date.day) {
    case (11, 23...29): weekday == 5
    case (7, 3), (12, 24): weekday <= 4
    default: false
    }
  }

  /// From 1, Monday, to 7. 1970-01-01 was a Thursday.
  static func weekday(_ date: CivilDate) -> Int {
    Int(((date.daysSinceEpoch + 3) % 7 + 7) % 7) + 1
  }

  /// The anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8).
  private static func easterSunday(_ year: Int64) -> CivilDate {
    let a = year % 19
    let b = year / 100
    let c = year % 100
    let d = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30
    let e = (32 + 2 * (b % 4) + 2 * (c / 4) - d - c % 4) % 7
    let f = d + e - 7 * ((a + 11 * d + 22 * e) / 451) + 114
    return CivilDate(year: year, month: f / 31, day: f % 31 + 1)!
  }

  static func text(_ date: CivilDate) -> String {
    func padded(_ number: Int64, _ count: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }
    return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2)
  }

  // MARK: - In the database

  /// Enters the years around now that are missing. Returns how many days that are.
  @discardableResult
  static func extend(
    _ pool: PostgresPool, microsecondsNow: Int64
  ) async throws(PostgresError) -> Int {
    // Microseconds rounded down to days, also before 1970.
    let day: Int64 = 86_400_000_000
    let today = (microsecondsNow - ((microsecondsNow % day) + day) % day) / day
    let year = CivilDate(daysSinceEpoch: today).year
    let first = max(year - PortfolioLimits.calendarYearsBefore, 2016)
    let last = max(year + PortfolioLimits.calendarYearsAfter, first)
    let start = CivilDate(year: first, month: 1, day: 1)!.daysSinceEpoch
    let end = CivilDate(year: last, month: 12, day: 31)!.daysSinceEpoch
    var full: [String] = []
    var half: [String] = []
    for number in start...end {
      let date = CivilDate(daysSinceEpoch: number)
      switch kind(of: date) {
      case .closed: break
      case .full: full.append(text(date))
      case .half: half.append(text(date))
      }
    }
    return try await pool.execute(
      CalendarStatements.extend, [.dates(full), .dates(half)])
  }
}
