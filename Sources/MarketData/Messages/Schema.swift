/// The shape of a value, as JSON Schema says it: of a parameter, of a body, of an answer, of a message.
/// Only words that draft 07 (AsyncAPI's) and 2020-12 (OpenAPI's) both have.
package indirect enum Schema: Sendable {
  case text(format: String? = nil, pattern: String? = nil, lengths: ClosedRange<Int>? = nil)
  /// One of a closed list.
  case choice([String])
  case integer(ClosedRange<Int64>?)
  /// An integer that is not negative.
  case natural
  /// One of these integers.
  case code([Int64])
  case number
  case boolean
  /// `counts` up to `Int.max`: without a word about the most.
  case array(Schema, counts: ClosedRange<Int>? = nil)
  case object([Member])
  /// An object whose members have any names.
  case dictionary(Schema)
  case anyOf([Schema])
  /// The value or null.
  case nullable(Schema)
  /// A named one, in the document's components.
  case named(String)

  package struct Member: Sendable {
    package let name: String
    package let schema: Schema
    package let isRequired: Bool
    /// Of a member with a schema of its own, not a named one: draft 07 has nothing beside `$ref`.
    package let summary: String?

    package init(name: String, schema: Schema, isRequired: Bool, summary: String? = nil) {
      self.name = name
      self.schema = schema
      self.isRequired = isRequired
      self.summary = summary
    }
  }

  package static let uuid = Schema.text(format: "uuid")
  package static let instant = Schema.text(format: "date-time")
  package static let date = Schema.text(format: "date")
  /// Money and quantities: exact, so text.
  package static let decimal = Schema.text(format: "decimal", pattern: #"^-?[0-9]+(\.[0-9]+)?$"#)
}

extension JSONWriter {
  package mutating func schema(_ schema: Schema, summary: String? = nil) {
    object { writer in
      writer.members(of: schema, isNullable: false)
      if let summary { writer.field("description", summary) }
    }
  }

  private mutating func members(of schema: Schema, isNullable: Bool) {
    func type(_ name: String, _ writer: inout JSONWriter) {
      writer.key("type")
      if isNullable {
        writer.array([name, "null"]) { $0.string($1) }
      } else {
        writer.string(name)
      }
    }
    switch schema {
    case .text(let format, let pattern, let lengths):
      type("string", &self)
      if let format { field("format", format) }
      if let pattern { field("pattern", pattern) }
      if let lengths { bounds("minLength", "maxLength", lengths) }
    case .choice(let values):
      type("string", &self)
      key("enum")
      array { writer in
        for value in values { writer.string(value) }
        if isNullable { writer.null() }
      }
    case .integer(let range):
      type("integer", &self)
      if let range {
        field("minimum", range.lowerBound)
        field("maximum", range.upperBound)
      }
    case .natural:
      type("integer", &self)
      field("minimum", 0 as Int64)
    case .code(let values):
      type("integer", &self)
      key("enum")
      array(values) { $0.integer($1) }
    case .number: type("number", &self)
    case .boolean: type("boolean", &self)
    case .array(let element, let counts):
      type("array", &self)
      key("items")
      self.schema(element)
      if let counts { bounds("minItems", "maxItems", counts) }
    case .object(let members):
      type("object", &self)
      properties(members)
    case .dictionary(let inner):
      type("object", &self)
      key("additionalProperties")
      self.schema(inner)
    case .anyOf(let schemas):
      key("anyOf")
      array(schemas) { $0.schema($1) }
    case .nullable(let inner):
      if case .named = inner {
        key("oneOf")
        array { writer in
          writer.schema(inner)
          writer.object { $0.field("type", "null") }
        }
      } else {
        self.members(of: inner, isNullable: true)
      }
    case .named(let name): field("$ref", "#/components/schemas/\(name)")
    }
  }

  private mutating func bounds(_ low: String, _ high: String, _ range: ClosedRange<Int>) {
    field(low, Int64(range.lowerBound))
    if range.upperBound < Int.max { field(high, Int64(range.upperBound)) }
  }

  private mutating func properties(_ members: [Schema.Member]) {
    key("properties")
    object { writer in
      for member in members {
        writer.key(member.name)
        writer.schema(member.schema, summary: member.summary)
      }
    }
    let required = members.filter(\.isRequired).map(\.name)
    if !required.isEmpty {
      key("required")
      array(required) { $0.string($1) }
    }
    // Nothing undocumented goes in or out.
    field("additionalProperties", false)
  }
}
