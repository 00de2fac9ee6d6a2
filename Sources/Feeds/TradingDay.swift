// The day of a tape whose times are counted from midnight in New York, and that midnight.

import MarketData

struct TradingDay: Equatable {
  let date: CivilDate

  /// For tapes that do not tell: 1970-01-01.
  static let unknown = TradingDay(date: CivilDate(year: 1970, month: 1, day: 1)!)

  init(date: CivilDate) { self.date = date }

  /// `2019-01-30`.
  init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].utf8.count == 4, parts[1].utf8.count == 2,
      parts[2].utf8.count == 2, let year = Int64(parts[0]), let month = Int64(parts[1]),
      let day = Int64(parts[2]), let date = CivilDate(year: year, month: month, day: day)
    else { return nil }
    self.date = date
  }

  /// The day that a file's name tells, as the exchange and LOBSTER name their files:
  /// `01302019.NASDAQ_ITCH50.gz`, `20190130.BX_ITCH_50.gz`, `S013019-v50.txt.gz`,
  /// `AAPL_2012-06-21_34200000_57600000_message_10.csv`.
  init?(inNameOf path: String) {
    let name = path.split(separator: "/").last ?? ""
    for part in name.split(whereSeparator: { $0 == "_" || $0 == "." }) {
      if let day = TradingDay(parsing: part) {
        self = day
        return
      }
    }
    guard let digits = name.split(whereSeparator: { !$0.isASCII || !$0.isNumber }).first else {
      return nil
    }
    let numbers = digits.utf8.map { Int64($0) - 48 }
    func number(_ range: Range<Int>) -> Int64 { numbers[range].reduce(0) { $0 * 10 + $1 } }
    var date: CivilDate?
    switch numbers.count {
    case 8:
      // 20190130 is no month and day first, 01302019 no year of an electronic exchange.
      date =
        CivilDate(year: number(4..<8), month: number(0..<2), day: number(2..<4))
        ?? CivilDate(year: number(0..<4), month: number(4..<6), day: number(6..<8))
    case 6:
      date = CivilDate(year: 2_000 + number(4..<6), month: number(0..<2), day: number(2..<4))
    default: break
    }
    guard let date else { return nil }
    self.date = date
  }

  /// Midnight in New York. Summer time by the rule since 2007: from the second Sunday of March to
  /// the first of November, at 2 o'clock, so that the midnight before still has the old time.
  var midnight: Timestamp {
    let days = date.daysSinceEpoch
    let isSummer =
      days > TradingDay.sunday(2, month: 3, of: date.year)
      && days <= TradingDay.sunday(1, month: 11, of: date.year)
    return Timestamp(nanoseconds: (days * 24 + (isSummer ? 4 : 5)) * 3_600 * 1_000_000_000)
  }

  /// The n-th Sunday of a month. 1970-01-01 was a Thursday.
  private static func sunday(_ n: Int64, month: Int64, of year: Int64) -> Int64 {
    guard let first = CivilDate(year: year, month: month, day: 1)?.daysSinceEpoch else { return 0 }
    let weekday = ((first + 4) % 7 + 7) % 7
    return first + (7 - weekday) % 7 + (n - 1) * 7
  }
}
