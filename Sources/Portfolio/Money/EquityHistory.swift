// What an account was worth over time, from the history that a job writes. Which stretch and how fine is
// said by words of the official SDK: a period back from its end, a timeframe.
import MarketData

struct EquityHistory: Sendable {
  struct Point: Sendable {
    /// Since 1970.
    var seconds: Int64
    var equity: ExactDecimal
    var gain: ExactDecimal
    /// Nil where the base is zero.
    var gainFraction: ExactDecimal?
  }

  var points: [Point]
  /// What gains are counted from: the equity when the stretch begins, else its first. Nil: none.
  var base: ExactDecimal?
  var timeframe: String

  init(
    _ rows: [EquityPoint], before: EquityPoint?, timeframe: Timeframe
  ) throws(ExactDecimal.Failure) {
    base = (before ?? rows.first)?.equity
    self.timeframe = timeframe.rawValue
    points = []
    for row in rows {
      let gain = try base.map { base throws(ExactDecimal.Failure) in try row.equity - base }
      var fraction: ExactDecimal?
      if let base, let gain, !base.isZero {
        fraction = try gain.divided(
          by: try base.magnitude(), digits: MarkedPosition.fractionDigits)
      }
      points.append(
        // Whole minutes, so nothing is cut off.
        Point(
          seconds: row.at / 1_000_000, equity: row.equity, gain: gain ?? .zero,
          gainFraction: fraction))
    }
  }
}

/// How fine.
enum Timeframe: String, CaseIterable, Sendable {
  case minute = "1Min"
  case fiveMinutes = "5Min"
  case quarter = "15Min"
  case hour = "1H"
  case day = "1D"

  var interval: EquityInterval {
    switch self {
    case .minute: .seconds(60)
    case .fiveMinutes: .seconds(300)
    case .quarter: .seconds(900)
    case .hour: .seconds(3_600)
    case .day: .daily
    }
  }

  /// For a stretch of so many days, where none was asked for.
  static func fitting(days: Int64) -> Timeframe {
    days < 7 ? .fiveMinutes : days < 30 ? .hour : .day
  }
}

/// How far back: `1D`, `2W`, `3M`, `1A`.
struct HistoryPeriod: Hashable, Sendable {
  enum Unit: Character, Sendable { case day = "D", week = "W", month = "M", year = "A" }

  var count: Int64
  var unit: Unit

  /// Nil unless a number from 1 to 999 without leading zeros and one of D, W, M, A.
  init?(_ text: String) {
    guard let last = text.last, let unit = Unit(rawValue: last), (2...4).contains(text.utf8.count),
      let count = Int64(text.dropLast()), count > 0, String(count) == text.dropLast()
    else { return nil }
    self.count = count
    self.unit = unit
  }

  /// Calendar units are taken as 30 and 365 days.
  var days: Int64 {
    switch unit {
    case .day: count
    case .week: count * 7
    case .month: count * 30
    case .year: count * 365
    }
  }
}

extension ValueKind<HistoryPeriod> {
  static let historyPeriod = ValueKind(
    .text(pattern: "^[1-9][0-9]{0,2}[DWMA]$"), "1 to 999 and one of D, W, M, A", HistoryPeriod.init)
}
