/// Where a Redis is and how one logs in:
/// `redis://[[user]:password@]host[:port][/db]` or `unix://[[user]:password@]/path[?db=n]`.
/// User, password, host and path may be percent-encoded; an IPv6 host stands in brackets. `secret@`
/// without a colon is refused: programs disagree whether it is a user or a password.
public struct RedisURL: Hashable, Sendable, CustomStringConvertible {
  public enum Address: Hashable, Sendable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  public let address: Address
  public let user: String?
  public let password: Secret?
  public let database: Int

  public static let defaultPort: UInt16 = 6_379
  /// sizeof(sockaddr_un.sun_path) is 108, with the zero at the end.
  public static let unixPathBytesMax = 107

  public init(
    address: Address, user: String? = nil, password: Secret? = nil, database: Int = 0
  ) {
    self.address = address
    self.user = user
    self.password = password
    self.database = database
  }

  /// Errors name the part that is wrong and never quote what could be a password.
  public init(_ text: String) throws(RedisError) {
    guard let mark = text.firstRange(of: "://") else {
      throw .invalidURL("no scheme; expected redis://host:port/db or unix:///path")
    }
    let scheme = text[..<mark.lowerBound].lowercased()
    var rest = text[mark.upperBound...]
    guard !rest.contains("#") else { throw .invalidURL("a fragment (#) has no meaning here") }
    switch scheme {
    case "redis":
      let login = try RedisURL.takeLogin(&rest, upTo: "/")
      guard !rest.contains("?") else { throw .invalidURL("redis:// takes no query; use /db") }
      let slash = rest.firstIndex(of: "/") ?? rest.endIndex
      let (host, port) = try RedisURL.hostAndPort(rest[..<slash])
      let path = rest[slash...].dropFirst()
      address = .tcp(host: host, port: port)
      (user, password) = login
      database = try RedisURL.database(path, at: "the path after the port")
    case "unix":
      let login = try RedisURL.takeLogin(&rest, upTo: "/")
      let (path, query) = RedisURL.cut(rest, at: "?")
      let decoded = try RedisURL.decode(path, part: "socket path")
      guard decoded.hasPrefix("/"), decoded.utf8.count > 1 else {
        throw .invalidURL("the socket path must be absolute: unix:///path")
      }
      guard decoded.utf8.count <= RedisURL.unixPathBytesMax, !decoded.utf8.contains(0) else {
        throw .invalidURL("the socket path is over \(RedisURL.unixPathBytesMax) bytes or holds a 0")
      }
      address = .unix(path: decoded)
      (user, password) = login
      guard query.isEmpty || query.hasPrefix("db=") else {
        throw .invalidURL("the only query is ?db=n")
      }
      database = try RedisURL.database(query.dropFirst(3), at: "?db=")
    default: throw .invalidURL("the scheme is neither redis nor unix")
    }
  }

  /// As given, but with `***` for a password.
  public var description: String {
    var login = ""
    if user != nil || password != nil {
      login = (user ?? "") + (password.map { ":\($0)" } ?? "") + "@"
    }
    switch address {
    case .tcp(let host, let port):
      let shown = host.contains(":") ? "[\(host)]" : host
      return "redis://\(login)\(shown):\(port)/\(database)"
    case .unix(let path): return "unix://\(login)\(path)" + (database == 0 ? "" : "?db=\(database)")
    }
  }

  // MARK: - Parts

  private static func takeLogin(
    _ rest: inout Substring, upTo end: Character
  ) throws(RedisError) -> (String?, Secret?) {
    let authority = rest.prefix { $0 != end }
    guard let at = authority.lastIndex(of: "@") else { return (nil, nil) }
    let login = authority[..<at]
    rest = rest[rest.index(after: at)...]
    guard let colon = login.firstIndex(of: ":") else {
      throw .invalidURL("no colon before the @; write user:password@ or :password@")
    }
    let user = try decode(login[..<colon], part: "user")
    let password = try decode(login[login.index(after: colon)...], part: "password")
    guard !password.isEmpty else { throw .invalidURL("the password is empty") }
    return (user.isEmpty ? nil : user, Secret(password))
  }

  private static func hostAndPort(_ text: Substring) throws(RedisError) -> (String, UInt16) {
    var host = text
    var portText: Substring?
    if text.first == "[" {
      guard let bracket = text.firstIndex(of: "]") else { throw .invalidURL("host: no ] after [") }
      host = text[text.index(after: text.startIndex)..<bracket]
      let after = text[text.index(after: bracket)...]
      guard after.isEmpty || after.first == ":" else { throw .invalidURL("host: text after ]") }
      if !after.isEmpty { portText = after.dropFirst() }
    } else if let colon = text.lastIndex(of: ":") {
      host = text[..<colon]
      portText = text[text.index(after: colon)...]
    }
    let name = try decode(host, part: "host")
    guard !name.isEmpty else { throw .invalidURL("the host is empty") }
    guard let portText else { return (name, defaultPort) }
    guard portText.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(portText),
      port > 0
    else { throw .invalidURL("the port is not a number from 1 to 65535") }
    return (name, port)
  }

  private static func database(_ text: Substring, at place: String) throws(RedisError) -> Int {
    guard !text.isEmpty else { return 0 }
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text), number < 65_536
    else { throw .invalidURL("\(place) is not a database number") }
    return number
  }

  private static func cut(_ text: Substring, at mark: Character) -> (Substring, Substring) {
    guard let index = text.firstIndex(of: mark) else { return (text, "") }
    return (text[..<index], text[text.index(after: index)...])
  }

  private static func decode(_ text: Substring, part: String) throws(RedisError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexDigit),
        let low = rest.popFirst().flatMap(hexDigit)
      else { throw .invalidURL("\(part): a % without two hexadecimal digits") }
      bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw .invalidURL("\(part): not UTF-8")
    }
    return decoded
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
