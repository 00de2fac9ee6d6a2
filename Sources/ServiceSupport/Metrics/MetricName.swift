/// Names and labels as the text format 0.0.4 allows them. What it does not allow is replaced by `_`,
/// for swift-metrics' labels are free text (`http.requests`).
enum MetricName {
  /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
  static func valid(_ name: String) -> String { replaced(name, colon: true) }

  /// `name="value"` pairs with commas between. Label names are `[a-zA-Z_][a-zA-Z0-9_]*`; a name that
  /// comes twice is left out, for a server refuses the whole scrape over it.
  static func text(of labels: MetricLabels) -> String {
    guard !labels.isEmpty else { return "" }
    var seen: Set<String> = []
    var text = ""
    for label in labels {
      let name = replaced(label.name, colon: false)
      guard seen.insert(name).inserted else { continue }
      if !text.isEmpty { text += "," }
      text += name
      text += "=\""
      text += escaped(label.value, quote: true)
      text += "\""
    }
    return text
  }

  /// Backslash and line end; in a label's value the quote too.
  static func escaped(_ text: String, quote: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quote: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func replaced(_ name: String, colon: Bool) -> String {
    var bytes = name.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        byte
      case UInt8(ascii: ":") where colon: byte
      default: UInt8(ascii: "_")
      }
    }
    if bytes.isEmpty || (48...57).contains(bytes[0]) { bytes.insert(UInt8(ascii: "_"), at: 0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
