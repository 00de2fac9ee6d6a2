/// Redis' own patterns for keys (`KEYS`, `SCAN MATCH`): `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, `\` before
/// a byte that means itself. Bytes, not characters, as in Redis. Source: util.c, stringmatchlen.
struct GlobPattern: Hashable, Sendable {
  private let pattern: [UInt8]

  init(_ text: String) { pattern = Array(text.utf8) }

  func matches(_ key: String) -> Bool {
    let text = Array(key.utf8)
    // Where the last star stood, and how far the text was then: on a mismatch the star takes one more
    // byte. Quadratic at worst, not exponential.
    var star: (pattern: Int, text: Int)?
    var p = 0
    var t = 0
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        star = (p, t)
        p += 1
      } else if let next = matchOne(p, text[t]) {
        p = next
        t += 1
      } else if let (starAt, textAt) = star {
        star = (starAt, textAt + 1)
        p = starAt + 1
        t = textAt + 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }

  /// The place behind the part at `p` when it matches `byte`.
  private func matchOne(_ p: Int, _ byte: UInt8) -> Int? {
    guard p < pattern.count else { return nil }
    switch pattern[p] {
    case UInt8(ascii: "?"): return p + 1
    case UInt8(ascii: "["): return matchClass(p + 1, byte)
    case UInt8(ascii: "\\") where p + 1 < pattern.count:
      return pattern[p + 1] == byte ? p + 2 : nil
    default: return pattern[p] == byte ? p + 1 : nil
    }
  }

  private func matchClass(_ start: Int, _ byte: UInt8) -> Int? {
    var p = start
    let negated = p < pattern.count && pattern[p] == UInt8(ascii: "^")
    if negated { p += 1 }
    var found = false
    // As in Redis a class without an end reaches to the end of the pattern.
    while p < pattern.count, pattern[p] != UInt8(ascii: "]") {
      if pattern[p] == UInt8(ascii: "\\"), p + 1 < pattern.count {
        found = found || pattern[p + 1] == byte
        p += 2
      } else if p + 2 < pattern.count, pattern[p + 1] == UInt8(ascii: "-") {
        let (a, b) = (pattern[p], pattern[p + 2])
        found = found || (min(a, b)...max(a, b)).contains(byte)
        p += 3
      } else {
        found = found || pattern[p] == byte
        p += 1
      }
    }
    guard found != negated else { return nil }
    return min(p + 1, pattern.count)
  }
}
