// How a row becomes JSON: a list of members, each with its name, its schema and where its value is.
// The schema in `/openapi.json` and the encoder are both this list, so they cannot differ.
import MarketData

/// A kind of object in answers, made from `Row`.
struct Shape<Row>: Sendable {
  struct Member: Sendable {
    let name: String
    let schema: Schema
    /// Whether it is there even without a value.
    var isRequired = true
    let write: @Sendable (Row, inout JSONWriter) -> Void
  }

  /// Its name in the document's components.
  let name: String
  let members: [Member]

  init(_ name: String, _ members: [Member]) {
    self.name = name
    self.members = members
  }

  var reference: Schema { .named(name) }

  var schema: Schema {
    .object(
      members.map { .init(name: $0.name, schema: $0.schema, isRequired: $0.isRequired) })
  }

  func write(_ row: Row, to writer: inout JSONWriter) {
    writer.object { writer in
      for member in members { member.write(row, &writer) }
    }
  }

  /// - Throws: `UnspeakableRow`.
  func checkedBytes(_ row: Row) throws -> [UInt8] {
    var writer = JSONWriter()
    write(row, to: &writer)
    return try writer.checkedBytes()
  }

  /// As an array.
  func checkedBytes(_ rows: [Row]) throws -> [UInt8] {
    var writer = JSONWriter()
    writer.array(rows) { write($1, to: &$0) }
    return try writer.checkedBytes()
  }
}

extension Shape.Member {
  typealias Value<T> = @Sendable (Row) -> T

  static func text(
    _ name: String, _ schema: Schema = .text(), _ value: @escaping Value<String>
  ) -> Self {
    Self(name: name, schema: schema) { row, writer in writer.field(name, value(row)) }
  }

  static func optionalText(
    _ name: String, _ schema: Schema = .text(), _ value: @escaping Value<String?>
  ) -> Self {
    Self(name: name, schema: .nullable(schema)) { row, writer in
      writer.field(name, orNull: value(row))
    }
  }

  static func uuid(_ name: String, _ value: @escaping Value<String>) -> Self {
    text(name, .uuid, value)
  }

  static func exact(_ name: String, _ value: @escaping Value<ExactDecimal>) -> Self {
    text(name, .decimal) { value($0).description }
  }

  static func optionalExact(_ name: String, _ value: @escaping Value<ExactDecimal?>) -> Self {
    optionalText(name, .decimal) { value($0)?.description }
  }

  /// Decimals as JSON numbers.
  static func numbers(
    _ name: String, isNullable: Bool = false, _ value: @escaping Value<[String?]>
  ) -> Self {
    Self(name: name, schema: .array(isNullable ? .nullable(.number) : .number)) { row, writer in
      writer.key(name)
      writer.array(value(row)) { writer, number in
        if let number { writer.raw(number) } else { writer.null() }
      }
    }
  }

  static func flag(_ name: String, _ value: @escaping Value<Bool>) -> Self {
    Self(name: name, schema: .boolean) { row, writer in writer.field(name, value(row)) }
  }

  static func integer(_ name: String, _ value: @escaping Value<Int64>) -> Self {
    Self(name: name, schema: .integer(nil)) { row, writer in writer.field(name, value(row)) }
  }

  /// Microseconds since 1970 as RFC 3339.
  static func instant(_ name: String, _ value: @escaping Value<Int64>) -> Self {
    text(name, .instant) { Instant.text(value($0)) }
  }

  static func optionalInstant(_ name: String, _ value: @escaping Value<Int64?>) -> Self {
    optionalText(name, .instant) { value($0).map(Instant.text) }
  }

  /// A value of a closed list: any other would make SDKs drop the whole answer.
  static func choice(
    _ name: String, _ list: ClosedList, _ value: @escaping Value<String>
  ) -> Self {
    Self(name: name, schema: .choice(list.values)) { row, writer in
      let text = value(row)
      if list.values.contains(text) {
        writer.field(name, text)
      } else if let other = list.other {
        writer.field(name, other)
      } else {
        writer.fault("\(name) is '\(text)', which is none of \(list.name)")
        writer.field(name, list.values[0])
      }
    }
  }

  static func optionalChoice(
    _ name: String, _ list: ClosedList, _ value: @escaping Value<String?>
  ) -> Self {
    let inner = choice(name, list) { value($0) ?? list.values[0] }
    return Self(name: name, schema: .nullable(.choice(list.values))) { row, writer in
      if value(row) == nil {
        writer.field(name, orNull: nil)
      } else {
        inner.write(row, &writer)
      }
    }
  }

  static func list<Element>(
    _ name: String, _ shape: Shape<Element>, _ value: @escaping Value<[Element]>
  ) -> Self {
    Self(name: name, schema: .array(shape.reference)) { row, writer in
      writer.key(name)
      writer.array(value(row)) { shape.write($1, to: &$0) }
    }
  }

  static func texts(
    _ name: String, _ schema: Schema = .text(), _ value: @escaping Value<[String]>
  ) -> Self {
    Self(name: name, schema: .array(schema)) { row, writer in
      writer.key(name)
      writer.array(value(row)) { $0.string($1) }
    }
  }

  static func object<Element>(
    _ name: String, _ shape: Shape<Element>, _ value: @escaping Value<Element>
  ) -> Self {
    Self(name: name, schema: shape.reference) { row, writer in
      writer.key(name)
      shape.write(value(row), to: &writer)
    }
  }
}
