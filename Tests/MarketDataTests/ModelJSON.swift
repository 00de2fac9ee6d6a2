// The slow simple model: a tree parser for well-formed JSON, and MessagePack from the tree by the
// rules of the wire, with strings for numbers and a loop over years for dates. It shares no code
// with the target.

indirect enum ModelJSON {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([ModelJSON])
  case object([(String, ModelJSON)])
}

struct ModelParser {
  private var rest: Substring.UnicodeScalarView

  static func parse(_ text: String) -> ModelJSON {
    var parser = ModelParser(rest: Substring(text).unicodeScalars)
    let value = parser.value()
    parser.space()
    precondition(parser.rest.isEmpty)
    return value
  }

  private mutating func space() {
    while let c = rest.first, " \n\r\t".unicodeScalars.contains(c) { rest.removeFirst() }
  }

  private mutating func value() -> ModelJSON {
    space()
    switch rest.first! {
    case "{":
      var entries: [(String, ModelJSON)] = []
      rest.removeFirst()
      space()
      while rest.first! != "}" {
        space()
        let key = string()
        space()
        precondition(rest.removeFirst() == ":")
        entries.append((key, value()))
        space()
        if rest.first! == "," { rest.removeFirst() }
      }
      rest.removeFirst()
      return .object(entries)
    case "[":
      var elements: [ModelJSON] = []
      rest.removeFirst()
      space()
      while rest.first! != "]" {
        elements.append(value())
        space()
        if rest.first! == "," { rest.removeFirst() }
      }
      rest.removeFirst()
      return .array(elements)
    case "\"": return .string(string())
    case "t":
      rest.removeFirst(4)
      return .bool(true)
    case "f":
      rest.removeFirst(5)
      return .bool(false)
    case "n":
      rest.removeFirst(4)
      return .null
    default:
      var number = ""
      while let c = rest.first, "+-.eE0123456789".unicodeScalars.contains(c) {
        number.unicodeScalars.append(rest.removeFirst())
      }
      return .number(number)
    }
  }

  private mutating func string() -> String {
    var units: [UInt16] = []
    precondition(rest.removeFirst() == "\"")
    while true {
      let c = rest.removeFirst()
      if c == "\"" { return String(decoding: units, as: UTF16.self) }
      guard c == "\\" else {
        units += Array(String(c).utf16)
        continue
      }
      switch rest.removeFirst() {
      case "n": units.append(10)
      case "r": units.append(13)
      case "t": units.append(9)
      case "b": units.append(8)
      case "f": units.append(12)
      case "u":
        units.append(UInt16(String(String.UnicodeScalarView(rest.prefix(4))), radix: 16)!)
        rest.removeFirst(4)
      case let other: units += Array(String(other).utf16)
      }
    }
  }
}

enum ModelPack {
  static let priceKeys: Set<String> = [
    "p", "bp", "ap", "o", "h", "l", "c", "vw", "op", "cp", "u", "d",
  ]

  static func encode(_ value: ModelJSON, levels: Int, key: String = "", depth: Int = 0) -> [UInt8] {
    switch value {
    case .null: return [0xC0]
    case .bool(let b): return [b ? 0xC3 : 0xC2]
    case .number(let text):
      if !priceKeys.contains(key), let integer = wholeNumber(text) { return integer }
      return [0xCB] + bigEndian(Double(text)!.bitPattern, 8)
    case .string(let text):
      if depth == 1, key == "t" || key == "since" { return timestamp(text) }
      return string(text)
    case .array(var elements):
      if depth == 1, key == "b" || key == "a" { elements = Array(elements.prefix(levels)) }
      let header =
        elements.count < 16
        ? [0x90 + UInt8(elements.count)] : [0xDC] + bigEndian(UInt64(elements.count), 2)
      return header + elements.flatMap { encode($0, levels: levels, depth: depth + 1) }
    case .object(let entries):
      let header =
        entries.count < 16
        ? [0x80 + UInt8(entries.count)] : [0xDE] + bigEndian(UInt64(entries.count), 2)
      return header
        + entries.flatMap { name, value in
          string(name) + encode(value, levels: levels, key: name, depth: depth + 1)
        }
    }
  }

  static func bigEndian(_ value: UInt64, _ bytes: Int) -> [UInt8] {
    (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  static func string(_ text: String) -> [UInt8] {
    let utf8 = Array(text.utf8)
    switch utf8.count {
    case 0..<32: return [0xA0 + UInt8(utf8.count)] + utf8
    case 32..<256: return [0xD9, UInt8(utf8.count)] + utf8
    default: return [0xDA] + bigEndian(UInt64(utf8.count), 2) + utf8
    }
  }

  /// Shifts the decimal point in the text itself; nil where a digit stays behind it.
  static func wholeNumber(_ text: String) -> [UInt8]? {
    let parts = text.lowercased().split(separator: "e", omittingEmptySubsequences: false)
    let isNegative = parts[0].hasPrefix("-")
    let mantissa = parts[0].drop { $0 == "-" }.split(
      separator: ".", omittingEmptySubsequences: false)
    let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
    var digits = String(mantissa[0]) + fraction
    var shift = (parts.count > 1 ? Int(parts[1])! : 0) - fraction.count
    if digits.allSatisfy({ $0 == "0" }) { return [0] }
    guard abs(shift) < 200 else { return nil }
    while shift < 0 {
      guard digits.last == "0" else { return nil }
      digits.removeLast()
      shift += 1
    }
    digits += String(repeating: "0", count: shift)
    if isNegative {
      guard let value = Int64("-" + digits) else { return nil }
      let low = UInt64(bitPattern: value)
      switch value {
      case (-32)...: return [UInt8(truncatingIfNeeded: value)]
      case (-128)...: return [0xD0] + bigEndian(low, 1)
      case (-32_768)...: return [0xD1] + bigEndian(low, 2)
      case (-2_147_483_648)...: return [0xD2] + bigEndian(low, 4)
      default: return [0xD3] + bigEndian(low, 8)
      }
    }
    guard let value = UInt64(digits) else { return nil }
    switch value {
    case ..<128: return [UInt8(value)]
    case ..<256: return [0xCC] + bigEndian(value, 1)
    case ..<65_536: return [0xCD] + bigEndian(value, 2)
    case ..<4_294_967_296: return [0xCE] + bigEndian(value, 4)
    default: return [0xCF] + bigEndian(value, 8)
    }
  }

  /// `2026-11-21T06:23:00.123Z`, from 1970 on.
  static func timestamp(_ text: String) -> [UInt8] {
    let fields = text.split { "-T:.Z".contains($0) }.map { Int($0)! }
    let fraction = text.contains(".") ? String(text.split { ".Z".contains($0) }[1]) : ""
    let nanos = UInt64((fraction + "000000000").prefix(9))!
    let days = ModelDate.days(fields[0], fields[1], fields[2])
    let seconds = UInt64(days * 86_400 + fields[3] * 3_600 + fields[4] * 60 + fields[5])
    return [0xD7, 0xFF] + bigEndian(nanos << 34 | seconds, 8)
  }
}

enum ModelDate {
  static func length(_ year: Int, _ month: Int) -> Int {
    let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
    return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }

  /// Days from 1970-01-01 to each 1st of January up to 2262, by counting months.
  private static let yearStarts: [Int] = {
    var starts = [0]
    for year in 1970..<2_262 {
      starts.append(starts.last! + (1...12).reduce(0) { $0 + length(year, $1) })
    }
    return starts
  }()

  /// Days since 1970-01-01, from 1970 on.
  static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    (1..<month).reduce(yearStarts[year - 1970]) { $0 + length(year, $1) } + day - 1
  }
}
