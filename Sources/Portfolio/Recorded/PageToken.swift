// `next_page_token`: where the page ended, `b1,AAPL,1795242180000000` or
// `t1,AAPL,1795242180000000,789,1795242180,42`. There is one way to write each place, and the pattern in
// the document is exact: every text that fits is a place, and the page after a place that never was is
// what comes behind it.
import MarketData

enum PageToken {
  static func text(_ place: BarPlace) -> String { "b1,\(place.symbol),\(place.start)" }

  static func text(_ place: TradePlace) -> String {
    "t1,\(place.symbol),\(place.at),\(place.nanos),\(place.epoch),\(place.number)"
  }

  static func bar(_ text: String) -> BarPlace? {
    guard let (symbol, numbers) = parts(text, "b1", [Self.microseconds]) else { return nil }
    return BarPlace(symbol: symbol, start: numbers[0])
  }

  static func trade(_ text: String) -> TradePlace? {
    let ranges = [Self.microseconds, 0...999, Self.places, Self.places]
    guard let (symbol, numbers) = parts(text, "t1", ranges) else { return nil }
    return TradePlace(
      symbol: symbol, at: numbers[0], nanos: numbers[1], epoch: numbers[2], number: numbers[3])
  }

  /// What 64 bits of nanoseconds reach, from 1677 to 2262, lies within.
  private static let microseconds: ClosedRange<Int64> =
    -9_999_999_999_999_999...9_999_999_999_999_999
  private static let places: ClosedRange<Int64> = 0...999_999_999_999_999_999

  /// The patterns that say the same.
  static let barPattern = "^b1,\(symbolPattern),\(microsecondsPattern)$"
  static let tradePattern =
    "^t1,\(symbolPattern),\(microsecondsPattern),(0|[1-9][0-9]{0,2})(,(0|[1-9][0-9]{0,17})){2}$"
  private static let symbolPattern = "[A-Z0-9._/-]{1,\(MarketDataLimits.symbolBytesMax)}"
  private static let microsecondsPattern = "(0|-?[1-9][0-9]{0,15})"

  private static func parts(
    _ text: String, _ kind: String, _ ranges: [ClosedRange<Int64>]
  ) -> (String, [Int64])? {
    // By bytes: what follows a comma may combine with it into one character.
    let parts = text.utf8.split(
      separator: UInt8(ascii: ","), maxSplits: 8, omittingEmptySubsequences: false
    ).map { String(Substring($0)) }
    guard parts.count == ranges.count + 2, parts[0] == kind, ValueKind<String>.isSymbol(parts[1])
    else { return nil }
    var numbers: [Int64] = []
    for (part, range) in zip(parts.dropFirst(2), ranges) {
      guard let number = Int64(part), String(number) == part, range.contains(number) else {
        return nil
      }
      numbers.append(number)
    }
    return (parts[1], numbers)
  }
}

extension ValueKind<BarPlace> {
  static let barToken = ValueKind(
    .text(pattern: PageToken.barPattern), "the next_page_token of an answer with bars",
    PageToken.bar)
}

extension ValueKind<TradePlace> {
  static let tradeToken = ValueKind(
    .text(pattern: PageToken.tradePattern), "the next_page_token of an answer with trades",
    PageToken.trade)
}
