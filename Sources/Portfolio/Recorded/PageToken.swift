// `next_page_token`: where the page ended, as hexadecimal digits of `b1,AAPL,1795242180000000` or
// `t1,AAPL,1795242180000000,789,1795242180,42`. Nobody has to understand it, so nobody should have to
// be believed: what does not read back exactly is refused.

enum PageToken {
  static func text(_ place: BarPlace) -> String {
    hexadecimal("b1,\(place.symbol),\(place.start)")
  }

  static func text(_ place: TradePlace) -> String {
    hexadecimal(
      "t1,\(place.symbol),\(place.at),\(place.nanos),\(place.epoch),\(place.number)")
  }

  static func bar(_ text: String) -> BarPlace? {
    guard let (symbol, numbers) = parts(text, "b1", 1) else { return nil }
    let place = BarPlace(symbol: symbol, start: numbers[0])
    return PageToken.text(place) == text ? place : nil
  }

  static func trade(_ text: String) -> TradePlace? {
    guard let (symbol, numbers) = parts(text, "t1", 4), (0...999).contains(numbers[1]),
      numbers[2] >= 0, numbers[3] >= 0
    else { return nil }
    let place = TradePlace(
      symbol: symbol, at: numbers[0], nanos: numbers[1], epoch: numbers[2], number: numbers[3])
    return PageToken.text(place) == text ? place : nil
  }

  private static func parts(
    _ text: String, _ kind: String, _ count: Int
  ) -> (String, [Int64])? {
    guard text.utf8.count <= RESTLimits.pageTokenBytesMax, let plain = plain(text) else {
      return nil
    }
    let parts = plain.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let numbers = parts.dropFirst(2).compactMap { Int64($0) }
    guard parts.count == count + 2, numbers.count == count, parts[0] == kind,
      ValueKind<String>.isSymbol(parts[1]), Instant.range.contains(numbers[0])
    else { return nil }
    return (parts[1], numbers)
  }

  private static func hexadecimal(_ text: String) -> String {
    let digits = Array("0123456789abcdef".utf8)
    let bytes = text.utf8.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func plain(_ text: String) -> String? {
    let digits = text.utf8.map { byte -> UInt8? in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
      default: nil
      }
    }
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[place], let low = digits[place + 1] else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension ValueKind<BarPlace> {
  static let barToken = ValueKind(
    .text(pattern: "^[0-9a-f]+$", lengths: 1...RESTLimits.pageTokenBytesMax),
    "the next_page_token of an answer with bars", PageToken.bar)
}

extension ValueKind<TradePlace> {
  static let tradeToken = ValueKind(
    .text(pattern: "^[0-9a-f]+$", lengths: 1...RESTLimits.pageTokenBytesMax),
    "the next_page_token of an answer with trades", PageToken.trade)
}
