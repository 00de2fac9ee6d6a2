import Glibc

/// Certificates of a test's own, made by the openssl program, in a directory that goes with the object.
public final class TestCertificates: Sendable {
  public let directory: String
  /// Signs itself; also the authority to trust.
  public var authority: String { "\(directory)/authority.pem" }

  public init() throws {
    var template = Array("/tmp/tapedeck-tls-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw RawSocketError(description: "mkdtemp") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority "
        + "-keyout \(directory)/authority.key -out \(authority)")
  }

  deinit { try? run("rm -rf \(directory)") }

  /// A certificate for `names` (`DNS:localhost,IP:127.0.0.1`) that the authority has signed, with another
  /// serial number each time. `key` is `ec` or as in `rsa:2048`.
  public func make(
    _ name: String, for names: String = "DNS:localhost,IP:127.0.0.1", days: Int = 2,
    key: String = "ec"
  ) throws -> (path: String, key: String) {
    let place = "\(directory)/\(name)"
    let kind = key == "ec" ? "ec -pkeyopt ec_paramgen_curve:P-256" : key
    try openssl(
      "req -newkey \(kind) -nodes -subj /CN=\(name) -keyout \(place).key -out \(place).csr")
    try run("echo subjectAltName=\(names) > \(place).ext")
    try openssl(
      "x509 -req -in \(place).csr -CA \(authority) -CAkey \(directory)/authority.key "
        + "-CAcreateserial -days \(days) -extfile \(place).ext -out \(place).pem")
    return ("\(place).pem", "\(place).key")
  }

  public func openssl(_ arguments: String) throws { try run("openssl \(arguments) 2>/dev/null") }

  /// By the shell.
  public func run(_ command: String) throws {
    guard let pipe = popen(command, "r") else { throw RawSocketError(description: "popen") }
    guard pclose(pipe) == 0 else { throw RawSocketError(description: "failed: \(command)") }
  }
}
