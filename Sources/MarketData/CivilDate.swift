/// A day of the proleptic Gregorian calendar, and its number since 1970-01-01.
package struct CivilDate: Equatable {
  package var year: Int64
  /// 1 to 12.
  package var month: Int64
  /// 1 to 31.
  package var day: Int64

  /// Nil where there is no such day. The year is any that four digits hold.
  package init?(year: Int64, month: Int64, day: Int64) {
    guard year >= 0, year <= 9_999, month >= 1, month <= 12, day >= 1 else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let length: Int64 =
      switch month {
      case 2: isLeap ? 29 : 28
      case 4, 6, 9, 11: 30
      default: 31
      }
    guard day <= length else { return nil }
    self.year = year
    self.month = month
    self.day = day
  }

  /// Days from the 1st of March of year 0 to 1970-01-01.
  private static let epochDays: Int64 = 719_468
  private static let eraDays: Int64 = 146_097

  /// The year here begins in March, so that February's length matters to no other month. 153 days
  /// are any five months from March or August on (31 30 31 30 31).
  package var daysSinceEpoch: Int64 {
    let marchYear = month <= 2 ? year - 1 : year
    let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
    let yearOfEra = marchYear - era * 400
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * CivilDate.eraDays + dayOfEra - CivilDate.epochDays
  }

  @inline(__always)
  package init(daysSinceEpoch days: Int64) {
    let shifted = days + CivilDate.epochDays
    let era = (shifted >= 0 ? shifted : shifted - (CivilDate.eraDays - 1)) / CivilDate.eraDays
    let dayOfEra = shifted - era * CivilDate.eraDays
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}
