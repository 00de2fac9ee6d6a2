// Where a database is and how one logs in, from a connection string of libpq's two forms:
// `postgresql://user:pw@h1:p1,h2:p2/db?sslmode=..`, `postgresql:///db?host=/socket/dir&user=u`, or
// `host=.. dbname=..`. libpq's own parser reads it (PQconninfoParse, which connects to nothing).
//
// We walk the hosts ourselves, one at a time with a timer each, and look names up off the loop:
// libpq's own walk calls getaddrinfo, which blocks.
import CLibpq

public struct PostgresLocation: Sendable, Hashable, CustomStringConvertible {
  public struct Host: Sendable, Hashable, CustomStringConvertible {
    /// A name, an address, or the directory of a Unix socket, which begins with `/`.
    public let host: String
    /// A numeric address that needs no look-up; empty without one.
    public let address: String
    public let port: UInt16

    public var isSocket: Bool { host.hasPrefix("/") || host.hasPrefix("@") }
    public var description: String {
      isSocket
        ? "\(host)/.s.PGSQL.\(port)" : host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }

  /// In the order in which they are tried; at least one.
  public let hosts: [Host]
  public let database: String?
  public let user: String?
  public let password: Secret?
  /// `read-write` unless the string says `any` or `primary`.
  public let sessionAttributes: String
  /// What the string says beyond the above, handed to libpq as it is: `sslmode`, `options`...
  let parameters: [String: String]

  public static let defaultPort: UInt16 = 5_432

  /// Errors name the part that is wrong and never quote what could be a password.
  public init(_ text: String) throws(PostgresError) {
    var found = try PostgresLocation.parse(text)
    password = found.removeValue(forKey: "password").map { Secret($0) }
    database = found.removeValue(forKey: "dbname")
    user = found.removeValue(forKey: "user")
    let attributes = found.removeValue(forKey: "target_session_attrs") ?? "read-write"
    guard ["any", "read-write", "primary"].contains(attributes) else {
      throw PostgresError(
        .location, reason: "target_session_attrs is none of read-write, primary, any")
    }
    sessionAttributes = attributes
    hosts = try PostgresLocation.hosts(
      found.removeValue(forKey: "host"), found.removeValue(forKey: "hostaddr"),
      found.removeValue(forKey: "port"))
    // Ours is per host and in milliseconds.
    found["connect_timeout"] = nil
    parameters = found
  }

  public var description: String {
    let login = user.map { "\($0)@" } ?? ""
    let list = hosts.map(\.description).joined(separator: ",")
    return "postgresql://\(login)\(list)/\(database ?? "")"
  }

  // MARK: - Parts

  /// The parameters that the string gives.
  private static func parse(_ text: String) throws(PostgresError) -> [String: String] {
    guard !text.utf8.contains(0) else {
      throw PostgresError(.location, reason: "it holds a zero byte")
    }
    var message: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(text, &message) else {
      // libpq's message may quote the string; its kind is enough.
      PQfreemem(message)
      throw PostgresError(
        .location, reason: "neither postgresql://user:password@host:port/database nor key=value")
    }
    defer { PQconninfoFree(options) }
    var found: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { found[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return found
  }

  /// Comma-separated lists of equal length; one port may stand for all.
  private static func hosts(
    _ names: String?, _ addresses: String?, _ ports: String?
  ) throws(PostgresError) -> [Host] {
    let names = names.map(list)
    let addresses = addresses.map(list)
    let ports = list(ports ?? "")
    let count = names?.count ?? addresses?.count ?? 1
    guard addresses == nil || addresses?.count == count else {
      throw PostgresError(.location, reason: "as many hostaddr as host are needed")
    }
    guard count <= PostgresLimits.hostsMax else {
      throw PostgresError(.location, reason: "over \(PostgresLimits.hostsMax) hosts")
    }
    guard ports.count == 1 || ports.count == count else {
      throw PostgresError(.location, reason: "one port, or as many as hosts, are needed")
    }
    var hosts: [Host] = []
    for index in 0..<count {
      let portText = ports[ports.count == 1 ? 0 : index]
      guard let port = portText.isEmpty ? defaultPort : UInt16(portText), port > 0 else {
        throw PostgresError(.location, reason: "the port is not a number from 1 to 65535")
      }
      let address = addresses?[index] ?? ""
      let name = names?[index] ?? ""
      hosts.append(
        Host(
          host: !name.isEmpty ? name : !address.isEmpty ? address : socketDirectory,
          address: address, port: port))
    }
    return hosts
  }

  /// Debian's place of the socket, which its libpq takes too when no host is given.
  private static let socketDirectory = "/var/run/postgresql"

  private static func list(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }
}
