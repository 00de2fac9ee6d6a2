// Writes an answer's JSON. Commas are its affair, names are literals, text is escaped; money and
// quantities come as the decimal text that Postgres gave and leave as JSON strings, so no binary
// float is ever between the two.
import MarketData

struct JSONWriter: ~Copyable {
  private var out = ByteWriter(capacity: 1_024)
  private var needsComma = false
  /// Why what was written must not leave: a row holds what the API has no word for.
  private(set) var firstFault: String?

  mutating func fault(_ reason: String) { if firstFault == nil { firstFault = reason } }

  /// What was written, unless a row cannot be told.
  func checkedBytes() throws(UnspeakableRow) -> [UInt8] {
    if let firstFault { throw UnspeakableRow(reason: firstFault) }
    return bytes()
  }

  /// What was written.
  func bytes() -> [UInt8] { out.withUnsafeBytes { Array($0) } }

  mutating func object(_ body: (inout JSONWriter) -> Void) { nest("{", "}", body) }
  mutating func array(_ body: (inout JSONWriter) -> Void) { nest("[", "]", body) }

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

  mutating func array<Elements: Sequence>(
    _ elements: Elements, _ write: (inout JSONWriter, Elements.Element) -> Void
  ) {
    array { writer in for element in elements { write(&writer, element) } }
  }

  /// The name of the member whose value is written next.
  mutating func key(_ name: String) {
    comma()
    out.appendJSONString(name)
    out.append(":")
    needsComma = false
  }

  mutating func string(_ text: String) {
    comma()
    out.appendJSONString(text)
    needsComma = true
  }

  mutating func integer(_ value: Int64) { raw(String(value)) }
  mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }
  mutating func null() { raw("null") }

  /// Text that is JSON already.
  mutating func raw(_ json: String) {
    comma()
    out.append(text: json)
    needsComma = true
  }

  private mutating func comma() {
    if needsComma { out.append(",") }
  }

  mutating func field(_ name: String, _ value: String) {
    key(name)
    string(value)
  }

  /// Null where there is no value.
  mutating func field(_ name: String, orNull value: String?) {
    key(name)
    if let value { string(value) } else { null() }
  }

  mutating func field(_ name: String, _ value: Bool) {
    key(name)
    boolean(value)
  }

  mutating func field(_ name: String, _ value: Int64) {
    key(name)
    integer(value)
  }
}

/// A row holds what the API has no word for: SDKs would drop the whole answer that it came in.
struct UnspeakableRow: Error, CustomStringConvertible {
  let reason: String
  var description: String { reason }
}
