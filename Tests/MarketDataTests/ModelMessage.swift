import TestSupport

/// Random messages of the stream's kinds as JSON text, with odd but legal ways to write them.
struct ModelMessage {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func space() -> String {
    random.chance(8) ? random.pick([" ", "\n", "\t ", "\r\n"]) : ""
  }

  mutating func digits(_ count: Int) -> String {
    (0..<count).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
  }

  /// A number by JSON's grammar: mostly prices and sizes, sometimes extremes.
  mutating func number() -> String {
    let sign = random.chance(10) ? "-" : ""
    let whole =
      random.chance(30)
      ? "0" : "\(Int.random(in: 1...9, using: &random))" + digits(random.pick([0, 1, 2, 4, 8, 18]))
    let fraction = random.chance(60) ? "." + digits(random.pick([1, 2, 2, 4, 8, 9, 18, 30])) : ""
    let exponent =
      random.chance(10)
      ? random.pick(["e", "E"]) + random.pick(["", "+", "-"]) + digits(random.pick([1, 2])) : ""
    return sign + whole + fraction + exponent
  }

  mutating func two(_ range: ClosedRange<Int>) -> String {
    let value = Int.random(in: range, using: &random)
    return (value < 10 ? "0" : "") + String(value)
  }

  mutating func timestamp() -> String {
    let fraction = random.chance(80) ? "." + digits(Int.random(in: 1...9, using: &random)) : ""
    let date = "\(Int.random(in: 1970...2261, using: &random))-\(two(1...12))-\(two(1...28))"
    return "\(date)T\(two(0...23)):\(two(0...59)):\(two(0...59))\(fraction)Z"
  }

  mutating func string() -> String {
    let pieces = [
      "A", "b", "@", "AAPL", "BTC/USD", "é", "日本", "🎞", " ", "\\\"", "\\\\", "\\/", "\\n", "\\t",
      "\\b", "\\f", "\\r", "\\u0041", "\\u00e9", "\\u65E5", "\\ud83d\\ude00", "\\u0000",
      "a longer piece of plain text",
    ]
    let count = random.chance(5) ? 40 : Int.random(in: 0...4, using: &random)
    return "\"" + (0..<count).map { _ in random.pick(pieces) }.joined() + "\""
  }

  mutating func array(_ count: Int, _ element: (inout ModelMessage) -> String) -> String {
    let elements = (0..<count).map { _ in space() + element(&self) + space() }
    return "[" + elements.joined(separator: ",") + (count == 0 ? space() : "") + "]"
  }

  mutating func object(_ entries: [(String, String)]) -> String {
    let members = entries.map { key, value in
      space() + "\"\(key)\"" + space() + ":" + space() + value + space()
    }
    return "{" + members.joined(separator: ",") + (entries.isEmpty ? space() : "") + "}"
  }

  mutating func side() -> String {
    array(Int.random(in: 0...20, using: &random)) { message in
      let (price, size) = (message.number(), message.number())
      return message.object([("p", price), ("s", size)])
    }
  }

  mutating func anything(nesting: Int = 1) -> String {
    switch Int.random(in: 0..<(nesting < 4 ? 8 : 6), using: &random) {
    case 0: return "null"
    case 1: return random.pick(["true", "false"])
    case 2, 3: return string()
    case 4, 5: return number()
    case 6:
      return array(random.pick([0, 1, 3, 17])) { $0.anything(nesting: nesting + 1) }
    default:
      let keys = (0..<random.pick([0, 1, 3, 17])).map { "k\($0)" } + ["p", "t", "a"]
      return object(keys.map { ($0, anything(nesting: nesting + 1)) })
    }
  }

  mutating func message() -> String {
    var entries = [("E", "\(random.next() >> 30)"), ("N", "\(random.next() >> 20)")]
    if random.chance(50) { entries.append(("P", "\(random.next() >> 20)")) }
    let kind = random.pick(["t", "q", "o", "b", "s", "stale", "gap"])
    entries += [("T", "\"\(kind)\""), ("S", "\"BTC/USD\""), ("t", "\"\(timestamp())\"")]
    switch kind {
    case "t": entries += [("p", number()), ("s", number()), ("i", "\(random.next())")]
    case "q": entries += ["bp", "bs", "ap", "as"].map { ($0, number()) }
    case "o": entries += [("b", side()), ("a", side()), ("r", "true")]
    case "b": entries += ["o", "h", "l", "c", "v", "vw", "n"].map { ($0, number()) }
    case "s": entries += ["sc", "sm", "rc", "rm", "z"].map { ($0, string()) }
    case "stale": entries.append(("since", "\"\(timestamp())\""))
    default: entries += [("c", string()), ("missed", random.pick(["null", "12"]))]
    }
    while random.chance(40) {
      let key = random.pick(["x", "z", "zz", "bx", "unknown", "\\u0070", "since5", "é"])
      entries.append((key, anything()))
    }
    if random.chance(50) { entries.shuffle(using: &random) }
    return space() + object(entries) + space()
  }
}
