// Rows as PostgreSQL's COPY text format wants them (manual, COPY, "Text Format"): tabs between columns,
// \N for NULL, backslash before what would end a column or a row.
import Bars
import MarketData

struct CopyText: ~Copyable {
  private var out = ByteWriter(capacity: 65_536)
  private var isAtStart = true

  var byteCount: Int { out.count }

  mutating func endRow() {
    out.append(UInt8(ascii: "\n"))
    isAtStart = true
  }

  private mutating func beginColumn() {
    if !isAtStart { out.append(UInt8(ascii: "\t")) }
    isAtStart = false
  }

  mutating func null() {
    beginColumn()
    out.append("\\N")
  }

  mutating func text(_ text: String) {
    beginColumn()
    var text = text
    text.withUTF8 { bytes in
      for byte in bytes {
        switch byte {
        case UInt8(ascii: "\\"): out.append("\\\\")
        case UInt8(ascii: "\t"): out.append("\\t")
        case UInt8(ascii: "\n"): out.append("\\n")
        case UInt8(ascii: "\r"): out.append("\\r")
        default: out.append(byte)
        }
      }
    }
  }

  mutating func textOrNull(_ text: String?) {
    if let text { self.text(text) } else { null() }
  }

  mutating func integer(_ value: Int64) {
    beginColumn()
    out.appendDecimal(value)
  }

  mutating func integerOrNull(_ value: Int64?) {
    if let value { integer(value) } else { null() }
  }

  mutating func decimal(_ value: Decimal9) {
    beginColumn()
    out.append(value)
  }

  mutating func decimal(_ value: WideDecimal9) {
    beginColumn()
    out.append(value)
  }

  mutating func decimal(_ value: ExactSum) {
    beginColumn()
    out.append(text: value.description)
  }

  /// To the microsecond, rounded down.
  mutating func time(_ value: Timestamp) {
    beginColumn()
    out.append(value.wholeMicroseconds)
  }

  /// What was written; it is empty afterwards.
  mutating func take() -> [UInt8] {
    defer { out.removeAll() }
    return out.withUnsafeBytes { Array($0) }
  }
}

extension Timestamp {
  /// 0 to 999.
  var nanosOfMicrosecond: Int64 {
    let rest = nanoseconds % 1_000
    return rest < 0 ? rest + 1_000 : rest
  }

  var wholeMicroseconds: Timestamp {
    let (value, overflow) = nanoseconds.subtractingReportingOverflow(nanosOfMicrosecond)
    return overflow ? self : Timestamp(nanoseconds: value)
  }

  /// Days since 1970, UTC.
  var day: Int64 {
    let (day, rest) = nanoseconds.quotientAndRemainder(dividingBy: 86_400_000_000_000)
    return rest < 0 ? day - 1 : day
  }
}
