// What kind of value a parameter or a member of a body takes: how it is read, and what the document
// says of it. What does not fit is answered 422 with the name and `rule`.
import MarketData

struct ValueKind<Value: Sendable>: Sendable {
  let schema: Schema
  /// Ends "x must be ...".
  let rule: String
  let fromText: @Sendable (String) -> Value?
  let fromJSON: @Sendable (BodyValue) -> Value?

  /// A kind whose JSON is a string that is read like the text of a parameter.
  init(_ schema: Schema, _ rule: String, _ fromText: @escaping @Sendable (String) -> Value?) {
    self.init(schema, rule, fromText) { value in
      if case .string(let text) = value { fromText(text) } else { nil }
    }
  }

  init(
    _ schema: Schema, _ rule: String, _ fromText: @escaping @Sendable (String) -> Value?,
    json fromJSON: @escaping @Sendable (BodyValue) -> Value?
  ) {
    self.schema = schema
    self.rule = rule
    self.fromText = fromText
    self.fromJSON = fromJSON
  }
}

extension ValueKind<String> {
  /// In lower case, as Postgres prints it.
  static let uuid = ValueKind(.uuid, "a UUID") { text in
    let bytes = Array(text.utf8)
    guard bytes.count == 36 else { return nil }
    for (index, byte) in bytes.enumerated() {
      if [8, 13, 18, 23].contains(index) {
        guard byte == UInt8(ascii: "-") else { return nil }
      } else {
        let letter = byte | 0x20
        guard byte &- 0x30 < 10 || (0x61...0x66).contains(letter) else { return nil }
      }
    }
    return text.lowercased()
  }

  static let symbol = ValueKind(
    .text(pattern: "^[A-Z0-9._/-]{1,32}$"), "a symbol: \(symbolRule)"
  ) { isSymbol($0) ? $0 : nil }

  static let symbolRule = "1 to 32 of A-Z, 0-9 and . _ / -"

  static func isSymbol(_ text: String) -> Bool {
    (1...MarketDataLimits.symbolBytesMax).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// Text that a person wrote: characters are Unicode scalars, as JSON Schema and Postgres count.
  static func words(_ lengths: ClosedRange<Int>) -> ValueKind {
    ValueKind(
      .text(pattern: #"^[^\x00-\x1f\x7f]*$"#, lengths: lengths),
      "text of \(lengths.lowerBound) to \(lengths.upperBound) characters without control characters"
    ) { text in
      guard lengths.contains(text.unicodeScalars.count),
        text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
      else { return nil }
      return text
    }
  }

  static func matching(
    _ pattern: String, _ rule: String, _ fits: @escaping @Sendable (String) -> Bool
  ) -> ValueKind {
    ValueKind(.text(pattern: pattern), rule) { fits($0) ? $0 : nil }
  }

  /// `2026-11-21`, from the year 1 on, which is Postgres' first.
  static let date = ValueKind(.date, "a date like 2026-11-21") { text in
    guard Instant.days(parsing: text) != nil else { return nil }
    return text.hasPrefix("0000") ? "0001-01-01" : text
  }

  static func choice(_ list: ClosedList) -> ValueKind { choice(list.values) }

  static func choice(_ values: [String]) -> ValueKind {
    ValueKind(.choice(values), "one of \(values.joined(separator: ", "))") {
      values.contains($0) ? $0 : nil
    }
  }
}

extension ValueKind<Int64> {
  static func integer(_ range: ClosedRange<Int64>) -> ValueKind {
    @Sendable func read(_ text: String) -> Int64? {
      // No sign of plus, no leading zeros: one way to write each number.
      guard let value = Int64(text), String(value) == text, range.contains(value) else {
        return nil
      }
      return value
    }
    return ValueKind(
      .integer(range), "an integer from \(range.lowerBound) to \(range.upperBound)", read
    ) { value in
      if case .number(let text) = value { read(text) } else { nil }
    }
  }

  /// Microseconds since 1970.
  static let instant = ValueKind(
    .instant, "a time like 2026-11-21T06:23:00Z, with its offset, or a date",
    Instant.microseconds(parsing:))
}

extension ValueKind<Bool> {
  /// Python's words for it too, which the official SDK sends.
  static let flag = ValueKind(
    .choice(["true", "false", "True", "False"]), "true or false",
    { text in
      switch text {
      case "true", "True": true
      case "false", "False": false
      default: nil
      }
    },
    json: { value in
      if case .boolean(let flag) = value { flag } else { nil }
    })
}

extension ValueKind<[String]> {
  /// `AAPL,BTC/USD` in a parameter; at least one.
  static let symbols = symbols(1...RESTLimits.symbolsMax)

  /// - Parameter saysMost: whether the document tells the bound as a rule of its own. A list that is far
  ///   longer than a request's head allows is hard to make for who tries documents out, and is 431.
  static func symbols(_ counts: ClosedRange<Int>, saysMost: Bool = true) -> ValueKind {
    ValueKind(
      .array(
        ValueKind<String>.symbol.schema,
        counts: saysMost ? counts : counts.lowerBound...Int.max),
      (counts.lowerBound == 0
        ? "at most \(counts.upperBound) symbols"
        : "\(counts.lowerBound) to \(counts.upperBound) symbols")
        + ", each \(ValueKind<String>.symbolRule)",
      { text in
        // By bytes: what follows a comma may combine with it into one character.
        let parts = text.utf8.split(
          separator: UInt8(ascii: ","), omittingEmptySubsequences: false
        ).map { String(Substring($0)) }
        return counts.contains(parts.count) && parts.allSatisfy(ValueKind<String>.isSymbol)
          ? parts : nil
      },
      json: { value in
        guard case .array(let elements) = value, counts.contains(elements.count) else {
          return nil
        }
        var symbols: [String] = []
        for element in elements {
          guard let symbol = ValueKind<String>.symbol.fromJSON(element) else { return nil }
          symbols.append(symbol)
        }
        return symbols
      })
  }
}
