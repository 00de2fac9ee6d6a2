// One member of a message of the stream: what it holds, in words and as a check.

/// A member of a message.
package struct MessageField: Sendable {
  /// What its value may be.
  package enum Kind: Hashable, Sendable {
    /// An integer that is not negative: places in the order, counts.
    case natural
    case integer
    /// A number that MessagePack carries as float64 always.
    case price
    /// A number, which MessagePack carries as an integer where it is whole.
    case size
    case text
    /// One of these texts.
    case choice([String])
    case symbol
    /// RFC 3339 in UTC, up to nine fractional digits; MessagePack's timestamp extension.
    case time
    /// A list of texts, or one text: as the feed has it.
    case conditions
    /// At most `Depth.levelsMax` objects with price and size, the best first.
    case levels
    case flag
    /// One of these integers.
    case code([Int64])
    /// A symbol, or `*` for all of a path.
    case name
    case names
  }

  package let name: String
  package let kind: Kind
  package let isRequired: Bool
  package let isNullable: Bool
  package let summary: String

  package static func required(
    _ name: String, _ kind: Kind, orNull isNullable: Bool = false, _ summary: String
  ) -> MessageField {
    MessageField(
      name: name, kind: kind, isRequired: true, isNullable: isNullable, summary: summary)
  }

  package static func optional(
    _ name: String, _ kind: Kind, _ summary: String
  ) -> MessageField {
    MessageField(name: name, kind: kind, isRequired: false, isNullable: false, summary: summary)
  }

  package var member: Schema.Member {
    Schema.Member(
      name: name, schema: isNullable ? .nullable(kind.schema) : kind.schema,
      isRequired: isRequired, summary: summary)
  }
}

extension MessageField.Kind {
  package static let symbolPattern =
    "^[A-Z0-9._/-]{1,\(MarketDataLimits.symbolBytesMax)}$"

  private static let namePattern =
    #"^(\*|[A-Z0-9._/-]{1,\#(MarketDataLimits.symbolBytesMax)})$"#

  package var schema: Schema {
    switch self {
    case .natural: .natural
    case .integer: .integer(nil)
    case .price, .size: .number
    case .text: .text()
    case .choice(let values): .choice(values)
    case .symbol: .text(pattern: MessageField.Kind.symbolPattern)
    case .time: .instant
    case .conditions: .anyOf([.array(.text()), .text()])
    case .levels:
      .array(
        .object([
          .init(name: "p", schema: .number, isRequired: true, summary: "Price."),
          .init(name: "s", schema: .number, isRequired: true, summary: "Size."),
        ]), counts: 0...Depth.levelsMax)
    case .flag: .boolean
    case .code(let values): .code(values)
    case .name: .text(pattern: MessageField.Kind.namePattern)
    case .names: .array(.text(pattern: MessageField.Kind.namePattern))
    }
  }

  /// Takes a value from `reader`; whether it is one of this kind.
  package func matches(_ reader: inout JSONReader) throws(JSONError) -> Bool {
    let kind = try reader.peek()
    switch (self, kind) {
    case (.natural, .number), (.integer, .number):
      let digits = try reader.number()
      guard let value = JSONReader.integer(digits) else { return false }
      return self == .integer || value >= 0
    case (.price, .number), (.size, .number): _ = try reader.number()
    case (.text, .string): _ = try reader.string()
    case (.choice(let values), .string): return values.contains(try reader.string().string)
    case (.symbol, .string): return SymbolTable.isWellFormed(try reader.string().raw)
    case (.time, .string): return Timestamp(parsing: try reader.string().raw) != nil
    case (.name, .string): return Self.isName(try reader.string())
    case (.names, .array):
      return try Self.elements(&reader) { (reader) throws(JSONError) in
        guard case .string = try reader.peek() else { return false }
        return Self.isName(try reader.string())
      }
    case (.code(let values), .number):
      return JSONReader.integer(try reader.number()).map(values.contains) ?? false
    case (.conditions, .string): _ = try reader.string()
    case (.conditions, .array): return try Self.texts(&reader)
    case (.levels, .array): return try Self.levels(&reader)
    case (.flag, .boolean): _ = try reader.boolean()
    default:
      try reader.skipValue()
      return false
    }
    return true
  }

  private static func isName(_ text: JSONText) -> Bool {
    text.equals("*") || SymbolTable.isWellFormed(text.raw)
  }

  private static func texts(_ reader: inout JSONReader) throws(JSONError) -> Bool {
    try elements(&reader) { (reader) throws(JSONError) in
      guard case .string = try reader.peek() else { return false }
      _ = try reader.string()
      return true
    }
  }

  private static func levels(_ reader: inout JSONReader) throws(JSONError) -> Bool {
    var count = 0
    let isGood = try elements(&reader) { (reader) throws(JSONError) in
      count += 1
      guard case .object = try reader.peek() else { return false }
      return try level(&reader)
    }
    return isGood && count <= Depth.levelsMax
  }

  /// Whether each element of an array is good; `isGood` takes it, or leaves it when it is not.
  private static func elements(
    _ reader: inout JSONReader,
    _ isGood: (inout JSONReader) throws(JSONError) -> Bool
  ) throws(JSONError) -> Bool {
    var all = true
    try reader.beginArray()
    while try reader.nextElement() {
      var ahead = reader
      let good = try isGood(&ahead)
      all = all && good
      try reader.skipValue()
    }
    return all
  }

  /// `{"p":1,"s":2}`, each once and nothing else.
  private static func level(_ reader: inout JSONReader) throws(JSONError) -> Bool {
    var (prices, sizes, others) = (0, 0, 0)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      let isNumber = try reader.peek() == .number
      switch key {
      case "p" where isNumber: prices += 1
      case "s" where isNumber: sizes += 1
      default: others += 1
      }
      try reader.skipValue()
    }
    return prices == 1 && sizes == 1 && others == 0
  }
}
