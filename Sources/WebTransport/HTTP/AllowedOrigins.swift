// Which web pages may open a WebSocket here (RFC 6455, 10.2): browsers send their page's origin with
// every handshake, and no other protection of theirs covers WebSockets. Programs that are no browsers
// send none, or what they like: this keeps nobody out who writes his own client. Pure.

public struct AllowedOrigins: Hashable, Sendable {
  /// Normal forms; nil allows every origin.
  private let origins: Set<String>?

  public static let any = AllowedOrigins(origins: nil)

  private init(origins: Set<String>?) { self.origins = origins }

  /// `https://app.example.com,http://localhost:3000`, at most `originsMax` of them; `null` is what pages
  /// without an origin send (RFC 6454, 7.3); `*` alone allows all. Nil when it is anything else.
  public init?(parsing text: String) {
    guard text != "*" else {
      self = .any
      return
    }
    var origins: Set<String> = []
    for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard origins.count < WebTransportLimits.originsMax,
        let origin = AllowedOrigins.normal(String(AllowedOrigins.trimmed(entry)))
      else { return nil }
      origins.insert(origin)
    }
    self.init(origins: origins)
  }

  /// What a list must be, for an error.
  public static let rule =
    "*, or origins with commas between them: https://app.example.com, http://localhost:3000, null"

  /// Whether a handshake with this Origin header may go on. Without one, it comes from no browser.
  func allows(_ header: String?) -> Bool {
    guard let origins, let header else { return true }
    guard let origin = AllowedOrigins.normal(header) else { return false }
    return origins.contains(origin)
  }

  /// Scheme and host in lower case, without the scheme's own port; `null` as it is. Nil for what is no
  /// origin, a list of several too. Everything else must be equal to the letter.
  private static func normal(_ text: String) -> String? {
    if text == "null" { return text }
    guard let colon = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<colon.lowerBound].lowercased()
    let rest = text[colon.upperBound...].lowercased()
    guard let first = scheme.utf8.first, isLetter(first),
      scheme.utf8.allSatisfy({ isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) })
    else { return nil }
    guard let (host, port) = parts(rest) else { return nil }
    let usual: UInt16? = ["http": 80, "https": 443, "ws": 80, "wss": 443][scheme]
    guard let port, port != usual else { return "\(scheme)://\(host)" }
    return "\(scheme)://\(host):\(port)"
  }

  private static func parts(_ text: String) -> (host: Substring, port: UInt16?)? {
    var host = text[...]
    var port: UInt16?
    // The colon behind the brackets of an IPv6 address, or the only one.
    let tail = text.lastIndex(of: "]") ?? text.startIndex
    if let colon = text[tail...].firstIndex(of: ":") {
      let digits = text[text.index(after: colon)...]
      guard digits.utf8.allSatisfy(isDigit), digits.first != "0", let number = UInt16(digits) else {
        return nil
      }
      host = text[..<colon]
      port = number
    }
    if host.hasPrefix("[") {
      guard host.hasSuffix("]"), host.utf8.count > 2,
        host.dropFirst().dropLast().utf8.allSatisfy({ isDigit($0) || isLetter($0) || $0 == 0x3a })
      else { return nil }
      return (host, port)
    }
    guard !host.isEmpty,
      host.utf8.allSatisfy({ isLetter($0) || isDigit($0) || "-._".utf8.contains($0) })
    else { return nil }
    return (host, port)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return text
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
