// A value out of Redis, checked against its shape, as a row of REST: the same members without those
// that are of the stream alone. Their text is copied as it stands, so no number is ever converted.

/// Why a value is not shown.
package enum RowFault: Error, Hashable, Sendable, CustomStringConvertible {
  case json(JSONError)
  case tooLarge
  /// A member that is missing or there twice.
  case missing(String)
  case twice(String)
  /// A member that holds something else.
  case invalid(String)

  package var description: String {
    switch self {
    case .json(let error): "\(error)"
    case .tooLarge: "over \(MarketDataLimits.valueBytesMax) bytes"
    case .missing(let name): "\(name) is missing"
    case .twice(let name): "\(name) is there twice"
    case .invalid(let name): "\(name) is not what it should be"
    }
  }
}

/// A row of REST, with what orders it among others.
package struct MessageRow: Sendable {
  /// `{"t":...,"p":...}`.
  package let json: [UInt8]
  package let time: Timestamp
  package let sequence: SequenceNumber
}

extension MessageShape {
  /// The members of a row: every other is of the stream alone.
  package var rowMembers: [MessageField] { fields }

  package var rowSchema: Schema { .object(rowMembers.map(\.member)) }

  /// Checks a value as it lies in Redis, and makes the row of it. Members that no message of this
  /// kind has are left out.
  package func row(_ value: [UInt8], symbol: String) throws(RowFault) -> MessageRow {
    guard value.count <= MarketDataLimits.valueBytesMax else { throw .tooLarge }
    return try value.span.bytes.withUnsafeBytes { (bytes) throws(RowFault) -> MessageRow in
      var pass = RowPass(shape: self)
      try pass.read(bytes)
      return try pass.row(symbol: symbol)
    }
  }
}

/// One pass over one value.
private struct RowPass: ~Copyable {
  let members: [MessageField]
  let rowStart: Int
  private var seen: [Bool]
  private var out = ByteWriter(capacity: 256)
  private var isFirst = true
  private var symbol: String?
  private var time: Timestamp?
  private var epoch: Int64?
  private var number: Int64?

  init(shape: MessageShape) {
    members = shape.written
    rowStart = members.count - shape.rowMembers.count
    seen = Array(repeating: false, count: members.count)
  }

  mutating func read(_ bytes: UnsafeRawBufferPointer) throws(RowFault) {
    var reader = JSONReader(bytes)
    out.append("{")
    try json { () throws(JSONError) in try reader.beginObject() }
    while let key = try json({ () throws(JSONError) in try reader.nextKey() }) {
      guard let place = members.firstIndex(where: { RowPass.equals(key, $0.name) }) else {
        try json { () throws(JSONError) in try reader.skipValue() }
        continue
      }
      guard !seen[place] else { throw .twice(members[place].name) }
      seen[place] = true
      try take(place, &reader)
    }
    try json { () throws(JSONError) in try reader.end() }
    out.append("}")
  }

  private mutating func take(_ place: Int, _ reader: inout JSONReader) throws(RowFault) {
    let field = members[place]
    var ahead = reader
    let isNull = try json { () throws(JSONError) in try ahead.peek() } == .null
    let fits =
      isNull
      ? field.isNullable : try json { () throws(JSONError) in try field.kind.matches(&ahead) }
    guard fits else { throw .invalid(field.name) }
    let raw = try json { () throws(JSONError) in try reader.rawValue() }
    switch field.name {
    case "E": epoch = JSONReader.integer(raw)
    case "N": number = JSONReader.integer(raw)
    case "S": symbol = String(decoding: raw.dropFirst().dropLast(), as: UTF8.self)
    case "t":
      time = Timestamp(parsing: UnsafeRawBufferPointer(rebasing: raw.dropFirst().dropLast()))
    default: break
    }
    guard place >= rowStart else { return }
    if !isFirst { out.append(",") }
    isFirst = false
    out.appendJSONString(field.name)
    out.append(":")
    out.append(raw)
  }

  consuming func row(symbol wanted: String) throws(RowFault) -> MessageRow {
    for (place, field) in members.enumerated() where field.isRequired && !seen[place] {
      throw .missing(field.name)
    }
    guard symbol == wanted else { throw .invalid("S") }
    guard let time else { throw .invalid("t") }
    guard let epoch, let number else { throw .missing("E") }
    return MessageRow(
      json: out.withUnsafeBytes { Array($0) }, time: time,
      sequence: SequenceNumber(epoch: UInt64(epoch), number: UInt64(number)))
  }

  private static func equals(_ key: JSONText, _ name: String) -> Bool {
    key.withDecoded { $0.elementsEqual(name.utf8) }
  }

  private func json<R: ~Copyable>(_ body: () throws(JSONError) -> R) throws(RowFault) -> R {
    do { return try body() } catch { throw .json(error) }
  }
}
