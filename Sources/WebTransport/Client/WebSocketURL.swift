// Where a WebSocket client connects to: ws:// and wss:// URLs, read strictly (RFC 6455, 3). Pure.
//
// What libwebsockets would cut off without a word (its buffers are fixed) is refused here: a host name
// that was cut would be checked against the certificate in its cut form.

/// `ws://host[:port]/path?query` or `wss://...`.
public struct WebSocketURL: Hashable, Sendable, CustomStringConvertible {
  public let isSecure: Bool
  /// A name, an IPv4 literal, or an IPv6 literal without its brackets.
  public let host: String
  public let port: UInt16
  /// The path with its query, `/` at least.
  public let target: String

  public init(_ text: String) throws(WebTransportError) {
    guard text.utf8.count <= WebTransportLimits.clientURLBytesMax else {
      throw Self.error("longer than \(WebTransportLimits.clientURLBytesMax) bytes")
    }
    let rest: Substring
    if text.hasPrefix("ws://") {
      (isSecure, rest) = (false, text.dropFirst(5))
    } else if text.hasPrefix("wss://") {
      (isSecure, rest) = (true, text.dropFirst(6))
    } else {
      throw Self.error("it begins with neither ws:// nor wss://")
    }
    guard text.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) else {
      throw Self.error("a blank or a character that is not ASCII must be %-encoded")
    }
    guard !text.contains("#") else { throw Self.error("a WebSocket URL has no fragment") }
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let authority = rest[..<end]
    // Not told what it is: it may hold a password.
    guard !authority.contains("@") else {
      throw Self.error("credentials do not belong into a URL")
    }
    let place = try Self.place(authority)
    host = place.host
    port = place.port ?? (isSecure ? 443 : 80)
    let path = rest[end...]
    target = path.hasPrefix("/") ? String(path) : "/" + path
    guard !isSecure || !host.contains(":") else {
      throw Self.error("TLS needs a host name or an IPv4 address")
    }
  }

  private static func place(
    _ authority: Substring
  ) throws(WebTransportError) -> (host: String, port: UInt16?) {
    let host: Substring
    var port: Substring?
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else {
        throw error("an IPv6 address ends in ]")
      }
      host = authority[authority.index(after: authority.startIndex)..<close]
      let behind = authority[authority.index(after: close)...]
      guard behind.isEmpty || behind.hasPrefix(":"),
        host.utf8.allSatisfy({
          isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
        })
      else { throw error("the IPv6 address is malformed") }
      if !behind.isEmpty { port = behind.dropFirst() }
    } else {
      let colon = authority.firstIndex(of: ":") ?? authority.endIndex
      host = authority[..<colon]
      if colon < authority.endIndex { port = authority[authority.index(after: colon)...] }
      guard host.utf8.allSatisfy(isNameByte) else { throw error("the host name is malformed") }
    }
    guard 1...WebTransportLimits.clientHostBytesMax ~= host.utf8.count else {
      throw error("a host has 1 to \(WebTransportLimits.clientHostBytesMax) bytes")
    }
    guard let port else { return (String(host), nil) }
    guard port.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      let number = UInt16(port), number > 0
    else { throw error("the port is no number from 1 to 65535") }
    return (String(host), number)
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func error(_ reason: String) -> WebTransportError {
    WebTransportError(code: .badURL, reason: "a WebSocket URL cannot be used: \(reason)")
  }

  /// `host:port`, the port left out where it is the scheme's own; an IPv6 literal in brackets.
  public var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// Without the query, which may hold a token: safe to show.
  public var description: String {
    "\(isSecure ? "wss" : "ws")://\(authority)\(target.prefix { $0 != "?" })"
  }
}
