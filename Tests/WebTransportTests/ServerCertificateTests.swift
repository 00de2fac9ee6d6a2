import Glibc
import TestSupport
import Testing

@testable import WebTransport

/// What is said of files that cannot be used: each error names the file and the reason, in one line.
@Suite struct ServerCertificateTests {
  private let certificates: TestCertificates
  private let good: (path: String, key: String)

  init() throws {
    certificates = try TestCertificates()
    good = try certificates.make("good", for: "DNS:localhost")
  }

  private func reason(_ certificate: String, _ key: String) -> String? {
    do throws(WebTransportError) {
      _ = try ServerCertificate(certificatePath: certificate, keyPath: key)
      return nil
    } catch {
      #expect(error.code == .badCertificate)
      #expect(!error.reason.contains("\n"))
      return error.reason
    }
  }

  private func file(_ name: String, _ text: String) throws -> String {
    let path = "\(certificates.directory)/\(name)"
    try certificates.run("cat > \(path) <<'END'\n\(text)\nEND")
    return path
  }

  @Test func aGoodPairIsTakenAndItsTimesAreTold() throws {
    let loaded = try ServerCertificate(certificatePath: good.path, keyPath: good.key)
    let now = time(nil)
    #expect(abs(loaded.notBefore - now) < 600)
    #expect(loaded.notAfter == loaded.notBefore + 2 * 86_400)
    #expect(loaded.warning(at: now) == nil)
    #expect(loaded.warning(at: loaded.notAfter) == nil)
    #expect(
      loaded.warning(at: loaded.notAfter + 1)
        == "the certificate has expired on \(ServerCertificate.text(loaded.notAfter))")
    #expect(loaded.warning(at: loaded.notBefore - 1)?.contains("is not valid before 20") == true)
    #expect(ServerCertificate.text(1_795_242_180) == "2026-11-21T06:23:00Z")
  }

  @Test func oneFileMayHaveBothAndAChain() throws {
    let both = "\(certificates.directory)/both.pem"
    try certificates.run(
      "cat \(good.key) \(good.path) \(certificates.authority) > \(both)")
    #expect(reason(both, both) == nil)
  }

  @Test func filesThatAreNotThereOrNoFilesAreNamed() throws {
    #expect(reason("/nowhere/a.pem", good.key) == "/nowhere/a.pem: No such file or directory")
    #expect(reason(good.path, "/nowhere/a.key") == "/nowhere/a.key: No such file or directory")
    #expect(reason(certificates.directory, good.key)?.hasSuffix(": it is not a file") == true)
    #expect(reason("/dev/zero", good.key) == "/dev/zero: it is not a file")
    let fifo = "\(certificates.directory)/fifo"
    mkfifo(fifo, 0o600)
    #expect(reason(good.path, fifo) == "\(fifo): it is not a file")
    try certificates.run("truncate -s 2M \(certificates.directory)/large")
    #expect(
      reason("\(certificates.directory)/large", good.key)?
        .hasSuffix("it is larger than 1048576 bytes") == true)
    try certificates.run(": > \(certificates.directory)/empty")
    #expect(reason("\(certificates.directory)/empty", good.key)?.hasSuffix(": it is empty") == true)
    if geteuid() != 0 {
      chmod(good.key, 0)
      #expect(reason(good.path, good.key) == "\(good.key): Permission denied")
    }
  }

  @Test func whatIsInThemIsTold() throws {
    let text = try file("text", "this is no certificate")
    #expect(reason(text, good.key) == "\(text): there is no PEM certificate in it")
    #expect(reason(good.path, text) == "\(text): there is no PEM private key in it")
    #expect(reason(good.key, good.path) == "\(good.key): there is no PEM certificate in it")
    let broken = try file("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
    #expect(reason(broken, good.key)?.hasPrefix("\(broken): a certificate in it cannot") == true)
    let half = "\(certificates.directory)/half"
    try certificates.run("cat \(good.path) \(broken) > \(half)")
    #expect(reason(half, good.key)?.hasPrefix("\(half): a certificate in it cannot") == true)
    let key = try file(
      "brokenkey", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
    #expect(reason(good.path, key) == "\(key): the private key in it cannot be read")
  }

  @Test func theKeyOfAnotherCertificateIsRefused() throws {
    let other = try certificates.make("other", for: "DNS:localhost")
    #expect(
      reason(good.path, other.key)
        == "\(other.key): it is not the key of the first certificate in \(good.path)")
    // The authority before the server's own.
    let wrong = "\(certificates.directory)/wrong-order"
    try certificates.run("cat \(certificates.authority) \(good.path) > \(wrong)")
    #expect(reason(wrong, good.key)?.contains("the first certificate in \(wrong)") == true)
  }

  @Test(arguments: [
    "pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret",
    "ec -aes256 -passout pass:secret",
  ])
  func anEncryptedKeyIsRefusedWithoutAsking(how: String) throws {
    let locked = "\(certificates.directory)/locked"
    try certificates.openssl("\(how) -in \(good.key) -out \(locked)")
    #expect(
      reason(good.path, locked)
        == "\(locked): the key is encrypted; only one without a passphrase can be used")
  }

  @Test func aKeyTooShortForOpenSSLIsRefused() throws {
    let weak = try certificates.make("weak", for: "DNS:localhost", key: "rsa:1024")
    #expect(reason(weak.path, weak.key) == "\(weak.path): OpenSSL refuses it: ee key too small")
  }
}
