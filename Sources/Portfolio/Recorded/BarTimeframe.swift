import MarketData

/// How long the bars of an answer are: `1Min` to `59Min`, `1Hour` to `23Hour`, `1Day`, `1Week`,
/// `1Month`; `T`, `H`, `D`, `W`, `M` are other words for the units.
enum BarTimeframe: Hashable, Sendable {
  /// Counted from the day's midnight, so that one of them begins there whatever its length.
  case minutes(Int64)
  case day, week, month

  init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let count = Int64(digits), String(count) == digits else { return nil }
    switch text.dropFirst(digits.count) {
    case "Min", "T":
      guard (1...59).contains(count) else { return nil }
      self = .minutes(count)
    case "Hour", "H":
      guard (1...23).contains(count) else { return nil }
      self = .minutes(count * 60)
    case "Day", "D":
      guard count == 1 else { return nil }
      self = .day
    case "Week", "W":
      guard count == 1 else { return nil }
      self = .week
    case "Month", "M":
      guard count == 1 else { return nil }
      self = .month
    default: return nil
    }
  }

  /// No bar is longer: a month of 31 days and the hour when summer ends.
  var microsecondsMax: Int64 {
    switch self {
    case .minutes(let count): count * 60_000_000
    case .day: 25 * 3_600_000_000
    case .week: (7 * 24 + 1) * 3_600_000_000
    case .month: (31 * 24 + 1) * 3_600_000_000
    }
  }
}

extension ValueKind<BarTimeframe> {
  static let timeframe = ValueKind(
    .text(
      pattern:
        "^([1-9]|[1-5][0-9])(Min|T)$|^([1-9]|1[0-9]|2[0-3])(Hour|H)$|^1(Day|D|Week|W|Month|M)$"),
    "1Min to 59Min, 1Hour to 23Hour, 1Day, 1Week or 1Month", BarTimeframe.init)
}
