// The parameters of one statement as libpq takes them: texts that end with a zero, one behind the
// other in one block that is used again for the next statement. One per connection.

final class ParameterWriter {
  private var bytes: [UInt8] = []
  /// Where each parameter begins in `bytes`; -1: NULL.
  private var starts: [Int] = []
  private var pointers: [UnsafePointer<CChar>?] = []

  /// Writes all of `parameters`; throws `.parameter` for what PostgreSQL cannot take.
  func write(
    _ parameters: [PostgresParameter], statement: String
  ) throws(PostgresError) {
    bytes.removeAll(keepingCapacity: bytes.capacity <= ParameterWriter.bytesKept)
    starts.removeAll(keepingCapacity: true)
    for (index, parameter) in parameters.enumerated() {
      if case .null = parameter {
        starts.append(-1)
        continue
      }
      let start = bytes.count
      starts.append(start)
      guard append(parameter) else {
        throw PostgresError(
          .parameter, statement: statement,
          reason: "$\(index + 1): a time outside of the years 1 to 9999")
      }
      guard !bytes[start...].contains(0) else {
        throw PostgresError(.parameter, statement: statement, reason: "$\(index + 1): a zero byte")
      }
      bytes.append(0)
      guard bytes.count <= PostgresLimits.parameterBytesMax else {
        throw PostgresError(
          .parameter, statement: statement,
          reason: "over \(PostgresLimits.parameterBytesMax) bytes of parameters")
      }
    }
  }

  /// Calls `body` with what `write` wrote last.
  func withPointers<R>(_ body: (UnsafePointer<UnsafePointer<CChar>?>?, Int32) -> R) -> R {
    bytes.withUnsafeBytes { raw in
      pointers.removeAll(keepingCapacity: true)
      let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
      for start in starts { pointers.append(start < 0 ? nil : base.map { $0 + start }) }
      return pointers.withUnsafeBufferPointer { body($0.baseAddress, Int32($0.count)) }
    }
  }

  /// Memory kept between statements.
  private static let bytesKept = 64 << 10

  // MARK: - Forms

  /// False: it has no form.
  private func append(_ parameter: PostgresParameter) -> Bool {
    switch parameter {
    case .null: break
    case .boolean(let value): bytes.append(UInt8(ascii: value ? "t" : "f"))
    case .bytes(let value): appendHex(value)
    case .integer(let value): append("\(value)")
    case .text(let text), .json(let text), .date(let text), .numeric(let text), .uuid(let text):
      append(text)
    case .timestamp(let micros): return appendTimestamp(micros)
    case .integers(let values): appendArray(values) { append("\($0)") }
    case .texts(let values), .dates(let values), .numerics(let values), .uuids(let values):
      appendArray(values) { appendQuoted($0) }
    case .timestamps(let values):
      var areFinite = true
      appendArray(values) { value in
        bytes.append(UInt8(ascii: "\""))
        areFinite = appendTimestamp(value) && areFinite
        bytes.append(UInt8(ascii: "\""))
      }
      return areFinite
    }
    return true
  }

  private func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private func appendHex(_ value: [UInt8]) {
    let digits: StaticString = "0123456789abcdef"
    bytes.reserveCapacity(bytes.count + 2 + 2 * value.count)
    append("\\x")
    for byte in value {
      bytes.append(digits.utf8Start[Int(byte >> 4)])
      bytes.append(digits.utf8Start[Int(byte & 15)])
    }
  }

  private func appendArray<Element>(_ values: [Element], _ append: (Element) -> Void) {
    bytes.append(UInt8(ascii: "{"))
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      append(value)
    }
    bytes.append(UInt8(ascii: "}"))
  }

  /// Always in quotes: then no text can end its element, and `NULL` is a text.
  private func appendQuoted(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        bytes.append(UInt8(ascii: "\\"))
      }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// `2026-11-21 07:23:58.478988+00`.
  private func appendTimestamp(_ micros: Int64) -> Bool {
    let (seconds, fraction) = ParameterWriter.divided(micros, by: 1_000_000)
    let (days, second) = ParameterWriter.divided(seconds, by: 86_400)
    let (year, month, day) = CivilDate.date(days)
    guard (1...9_999).contains(year) else { return false }
    appendNumber(year, digits: 4)
    bytes.append(UInt8(ascii: "-"))
    appendNumber(month, digits: 2)
    bytes.append(UInt8(ascii: "-"))
    appendNumber(day, digits: 2)
    bytes.append(UInt8(ascii: " "))
    appendNumber(second / 3_600, digits: 2)
    bytes.append(UInt8(ascii: ":"))
    appendNumber(second / 60 % 60, digits: 2)
    bytes.append(UInt8(ascii: ":"))
    appendNumber(second % 60, digits: 2)
    bytes.append(UInt8(ascii: "."))
    appendNumber(fraction, digits: 6)
    append("+00")
    return true
  }

  private func appendNumber(_ value: Int64, digits: Int) {
    var unit: Int64 = 1
    for _ in 1..<digits { unit *= 10 }
    while unit > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(value / unit % 10))
      unit /= 10
    }
  }

  /// Rounded down, so that the rest is never negative.
  private static func divided(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
  }
}
