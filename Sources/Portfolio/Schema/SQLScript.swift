/// A script of SQL cut into its statements, since a prepared statement holds one. It knows what may hide
/// a semicolon: quotes, dollar quotes, comments; not `BEGIN ATOMIC` bodies and not psql's commands.
struct SQLScript {
  struct Statement: Equatable {
    /// Of its first word in the script, from 1.
    var line: Int
    var text: String
  }

  private(set) var statements: [Statement] = []

  init(_ bytes: [UInt8]) {
    var at = 0
    var line = 1
    var start: (offset: Int, line: Int)?
    while at < bytes.count {
      let end = SQLScript.end(of: bytes, from: at)
      switch bytes[at] {
      case UInt8(ascii: ";"):
        if let start { append(bytes[start.offset..<at], line: start.line) }
        start = nil
      case _ where SQLScript.isBlank(bytes, at): break
      default: if start == nil { start = (at, line) }
      }
      line += bytes[at..<end].count { $0 == UInt8(ascii: "\n") }
      at = end
    }
    if let start { append(bytes[start.offset...], line: start.line) }
  }

  private mutating func append(_ bytes: ArraySlice<UInt8>, line: Int) {
    statements.append(Statement(line: line, text: String(decoding: bytes, as: UTF8.self)))
  }

  private static func isBlank(_ bytes: [UInt8], _ at: Int) -> Bool {
    switch bytes[at] {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): true
    default: starts(bytes, at, "--") || starts(bytes, at, "/*")
    }
  }

  /// Where the token at `at` ends: one byte, or a whole quoted text or comment.
  private static func end(of bytes: [UInt8], from at: Int) -> Int {
    switch bytes[at] {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      // E'..' alone has backslash escapes; a doubled quote is read as two texts, which is as good.
      let escapes =
        bytes[at] == UInt8(ascii: "'") && at > 0 && (bytes[at - 1] | 0x20) == UInt8(ascii: "e")
        && (at < 2 || !isWord(bytes[at - 2]))
      var next = at + 1
      while next < bytes.count, bytes[next] != bytes[at] {
        next += escapes && bytes[next] == UInt8(ascii: "\\") ? 2 : 1
      }
      return min(next + 1, bytes.count)
    case UInt8(ascii: "-") where starts(bytes, at, "--"):
      return bytes[at...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    case UInt8(ascii: "/") where starts(bytes, at, "/*"):
      return commentEnd(bytes, from: at)
    case UInt8(ascii: "$") where at == 0 || !isWord(bytes[at - 1]):
      return dollarQuoteEnd(bytes, from: at) ?? at + 1
    default: return at + 1
    }
  }

  /// Comments nest.
  private static func commentEnd(_ bytes: [UInt8], from at: Int) -> Int {
    var depth = 0
    var next = at
    while next < bytes.count {
      if starts(bytes, next, "/*") {
        depth += 1
        next += 2
      } else if starts(bytes, next, "*/") {
        depth -= 1
        next += 2
        if depth == 0 { return next }
      } else {
        next += 1
      }
    }
    return bytes.count
  }

  /// `$tag$ ... $tag$`; nil where `$` begins no tag (a parameter, `$1`).
  private static func dollarQuoteEnd(_ bytes: [UInt8], from at: Int) -> Int? {
    var close = at + 1
    while close < bytes.count, isWord(bytes[close]) { close += 1 }
    guard close < bytes.count, bytes[close] == UInt8(ascii: "$"),
      !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at + 1])
    else { return nil }
    let tag = bytes[at...close]
    var next = close + 1
    while next + tag.count <= bytes.count {
      if bytes[next..<(next + tag.count)].elementsEqual(tag) { return next + tag.count }
      next += 1
    }
    return bytes.count
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  private static func starts(_ bytes: [UInt8], _ at: Int, _ text: StaticString) -> Bool {
    at + text.utf8CodeUnitCount <= bytes.count
      && text.withUTF8Buffer { bytes[at..<(at + $0.count)].elementsEqual($0) }
  }
}
