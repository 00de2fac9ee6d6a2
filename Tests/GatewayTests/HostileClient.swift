import FanOut
import MarketData

/// What one client has seen, taken apart by plain search.
final class HostileClient {
  struct Seen {
    /// `t`, `q`, `gap`, `stale`, or `began` where it subscribed anew.
    let kind: String
    let text: String
    var sequence: SequenceNumber?
    /// Of a gap: nil is "nobody knows".
    var missed: UInt64?
  }

  let handle: ClientHandle
  var isBlocked = false
  var isSlow = true
  /// By key.
  private(set) var seen: [String: [Seen]] = [:]

  init(_ handle: ClientHandle) { self.handle = handle }

  func began(_ key: String) { seen[key, default: []].append(Seen(kind: "began", text: "")) }

  func take(_ frame: String) {
    // No text of these messages holds a brace.
    for part in frame.split(separator: "{").dropFirst() {
      let text = "{" + part.prefix { $0 != "}" } + "}"
      func field(_ name: String) -> String? {
        guard let found = text.firstRange(of: "\"\(name)\":") else { return nil }
        let rest = text[found.upperBound...].drop { $0 == "\"" }
        return String(rest.prefix { $0 != "\"" && $0 != "," && $0 != "}" })
      }
      let kind = field("T") ?? ""
      let isTrade = kind == "t" || field("c") == "trades"
      let key = "stock:\(field("S") ?? ""):\(isTrade ? "price" : "quote")"
      var one = Seen(kind: kind, text: text)
      if let epoch = field("E").flatMap({ UInt64($0) }),
        let number = field("N").flatMap({ UInt64($0) })
      {
        one.sequence = SequenceNumber(epoch: epoch, number: number)
      }
      one.missed = field("missed").flatMap { UInt64($0) }
      seen[key, default: []].append(one)
    }
  }
}
