// The text forms of PostgreSQL's types, both ways. Reading is strict: nil for anything that the
// server, with our session settings, would not print. Pure.

enum ValueText {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  // MARK: - Reading

  static func integer(_ text: Bytes) -> Int64? {
    var rest = text[...]
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest = rest.dropFirst() }
    guard !rest.isEmpty else { return nil }
    var value: Int64 = 0
    for byte in rest {
      guard let digit = digit(byte) else { return nil }
      // Downwards, since the smallest number has no positive counterpart.
      let (scaled, over) = value.multipliedReportingOverflow(by: 10)
      let (next, under) = scaled.subtractingReportingOverflow(Int64(digit))
      guard !over, !under else { return nil }
      value = next
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  static func boolean(_ text: Bytes) -> Bool? {
    guard text.count == 1 else { return nil }
    switch text[0] {
    case UInt8(ascii: "t"): return true
    case UInt8(ascii: "f"): return false
    default: return nil
    }
  }

  /// `\x` and pairs of digits.
  static func bytes(_ text: Bytes) -> [UInt8]? {
    guard text.count >= 2, text.count % 2 == 0, text[0] == UInt8(ascii: "\\"),
      text[1] == UInt8(ascii: "x")
    else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2 - 1)
    var at = 2
    while at < text.count {
      guard let high = hexDigit(text[at]), let low = hexDigit(text[at + 1]) else { return nil }
      bytes.append(high << 4 | low)
      at += 2
    }
    return bytes
  }

  /// `2026-11-21 07:23:58.478988+00`, in microseconds since 1970.
  static func timestamp(_ text: Bytes) -> Int64? {
    guard text.count >= 22, let days = CivilDate.days(Bytes(rebasing: text[..<10])),
      text[10] == UInt8(ascii: " "), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
      let hour = number(text[11..<13]), let minute = number(text[14..<16]),
      let second = number(text[17..<19]), hour < 24, minute < 60, second < 60
    else { return nil }
    var micros: Int64 = 0
    var at = 19
    if text[at] == UInt8(ascii: ".") {
      at += 1
      var unit: Int64 = 100_000
      while at < text.count, let digit = digit(text[at]) {
        guard unit > 0 else { return nil }
        micros += Int64(digit) * unit
        unit /= 10
        at += 1
      }
    }
    guard text[at...].elementsEqual("+00".utf8) else { return nil }
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
    return seconds * 1_000_000 + micros
  }

  static func date(_ text: Bytes) -> String? {
    CivilDate.days(text) == nil ? nil : String(decoding: text, as: UTF8.self)
  }

  /// `{a,"b c","d\"e"}`.
  static func strings(_ text: Bytes) -> [String]? {
    guard text.count >= 2, text.first == UInt8(ascii: "{"), text.last == UInt8(ascii: "}") else {
      return nil
    }
    let body = text[1..<(text.count - 1)]
    if body.isEmpty { return [] }
    var values: [String] = []
    var value: [UInt8] = []
    var at = body.startIndex
    while true {
      value.removeAll(keepingCapacity: true)
      if at < body.endIndex, body[at] == UInt8(ascii: "\"") {
        guard let end = quoted(body, from: at + 1, into: &value) else { return nil }
        at = end
      } else {
        while at < body.endIndex, body[at] != UInt8(ascii: ",") {
          guard !"\"{}\\".utf8.contains(body[at]) else { return nil }
          value.append(body[at])
          at += 1
        }
        // An empty text comes in quotes; NULL without them.
        guard !value.isEmpty, !value.elementsEqual("NULL".utf8) else { return nil }
      }
      values.append(String(decoding: value, as: UTF8.self))
      guard at < body.endIndex else { return values }
      guard body[at] == UInt8(ascii: ",") else { return nil }
      at += 1
    }
  }

  /// Where the text after the closing quote begins.
  private static func quoted(
    _ body: Slice<Bytes>, from start: Int, into value: inout [UInt8]
  ) -> Int? {
    var at = start
    while at < body.endIndex {
      switch body[at] {
      case UInt8(ascii: "\""): return at + 1
      case UInt8(ascii: "\\"):
        at += 1
        guard at < body.endIndex else { return nil }
        value.append(body[at])
      default: value.append(body[at])
      }
      at += 1
    }
    return nil
  }

  // MARK: - Digits

  static func digit(_ byte: UInt8) -> UInt8? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? byte - UInt8(ascii: "0") : nil
  }

  static func number(_ text: Slice<Bytes>) -> Int64? {
    var value: Int64 = 0
    for byte in text {
      guard let digit = digit(byte) else { return nil }
      value = value * 10 + Int64(digit)
    }
    return value
  }

  static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
