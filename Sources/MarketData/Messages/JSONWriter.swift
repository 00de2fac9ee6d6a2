// Writes an answer's JSON. Commas are its affair, names are literals, text is escaped; money and
// quantities come as the decimal text that Postgres gave and leave as JSON strings, so no binary
// float is ever between the two. It is for documents and answers to requests: values of the market
// are written by `WireJSON`.

package struct JSONWriter: ~Copyable {
  private var out = ByteWriter(capacity: 1_024)
  private var needsComma = false
  /// Why what was written must not leave: a row holds what the API has no word for.
  package private(set) var firstFault: String?

  package init() {}

  package mutating func fault(_ reason: String) { if firstFault == nil { firstFault = reason } }

  /// What was written, unless a row cannot be told.
  package func checkedBytes() throws(UnspeakableRow) -> [UInt8] {
    if let firstFault { throw UnspeakableRow(reason: firstFault) }
    return bytes()
  }

  /// What was written.
  package func bytes() -> [UInt8] { out.withUnsafeBytes { Array($0) } }

  package mutating func object(_ body: (inout JSONWriter) -> Void) { nest("{", "}", body) }
  package mutating func array(_ body: (inout JSONWriter) -> Void) { nest("[", "]", body) }

  private mutating func nest(
    _ open: StaticString, _ close: StaticString, _ body: (inout JSONWriter) -> Void
  ) {
    comma()
    out.append(open)
    needsComma = false
    body(&self)
    out.append(close)
    needsComma = true
  }

  package mutating func array<Elements: Sequence>(
    _ elements: Elements, _ write: (inout JSONWriter, Elements.Element) -> Void
  ) {
    array { writer in for element in elements { write(&writer, element) } }
  }

  /// The name of the member whose value is written next.
  package mutating func key(_ name: String) {
    comma()
    out.appendJSONString(name)
    out.append(":")
    needsComma = false
  }

  package mutating func string(_ text: String) {
    comma()
    out.appendJSONString(text)
    needsComma = true
  }

  package mutating func integer(_ value: Int64) { raw(String(value)) }
  package mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }
  package mutating func null() { raw("null") }

  /// Bytes that are JSON already.
  package mutating func raw(bytes json: [UInt8]) {
    comma()
    json.withUnsafeBytes { out.append($0) }
    needsComma = true
  }

  /// Text that is JSON already.
  package mutating func raw(_ json: String) {
    comma()
    out.append(text: json)
    needsComma = true
  }

  private mutating func comma() {
    if needsComma { out.append(",") }
  }

  package mutating func field(_ name: String, _ value: String) {
    key(name)
    string(value)
  }

  /// Null where there is no value.
  package mutating func field(_ name: String, orNull value: String?) {
    key(name)
    if let value { string(value) } else { null() }
  }

  package mutating func field(_ name: String, _ value: Bool) {
    key(name)
    boolean(value)
  }

  package mutating func field(_ name: String, _ value: Int64) {
    key(name)
    integer(value)
  }
}

/// A row holds what the API has no word for: SDKs would drop the whole answer that it came in.
package struct UnspeakableRow: Error, CustomStringConvertible {
  package let reason: String
  package var description: String { reason }
}
