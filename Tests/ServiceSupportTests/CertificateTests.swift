import EventLoops
import Glibc
import Logging
import TestSupport
import Testing
import WebTransport

@testable import ServiceSupport

/// A process's certificate: from its settings, and again at SIGHUP.
@Suite(.serialized) struct CertificateTests {
  private let certificates: TestCertificates
  private let path: String
  private let key: String

  init() throws {
    certificates = try TestCertificates()
    path = "\(certificates.directory)/used.pem"
    key = "\(certificates.directory)/used.key"
    try install("first")
  }

  /// Another pair in the place of the one before.
  private func install(_ name: String, days: Int = 2) throws {
    let made = try certificates.make(name, days: days)
    try certificates.run("cp \(made.path) \(path) && cp \(made.key) \(key)")
  }

  private func read(
    _ certificate: String?, _ key: String?, _ environment: [String: String] = [:]
  ) throws(ServiceSupportError) -> CertificateFiles? {
    try CertificateFiles.read(
      OptionSource(environment: environment), certificate: certificate, key: key)
  }

  @Test func bothComeFromFlagsOrVariables() throws {
    #expect(try read(nil, nil) == nil)
    #expect(try read(path, key) != nil)
    #expect(try read(path, nil, ["TAPEDECK_TLS_KEY": key]) != nil)
    let variables = ["TAPEDECK_TLS_CERTIFICATE": path, "TAPEDECK_TLS_KEY": key]
    #expect(try read(nil, nil, variables) != nil)
  }

  @Test func oneWithoutTheOtherIsNamed() {
    let one = #expect(throws: ServiceSupportError.self) { try read(path, nil) }
    #expect(one?.message == "--tls-certificate is given without --tls-key (TAPEDECK_TLS_KEY)")
    let other = #expect(throws: ServiceSupportError.self) {
      try read(nil, nil, ["TAPEDECK_TLS_KEY": key])
    }
    #expect(
      other?.message
        == "--tls-key is given without --tls-certificate (TAPEDECK_TLS_CERTIFICATE)")
    #expect(other?.exitCode == ExitCode.usage)
  }

  @Test func aFileThatCannotBeUsedIsNamed() {
    let error = #expect(throws: ServiceSupportError.self) { try read(path, "/nowhere/x.key") }
    #expect(error?.message == "TLS: /nowhere/x.key: No such file or directory")
    #expect(error?.exitCode == ExitCode.usage)
  }

  @Test func anExpiredCertificateIsUsedWithAWarning() throws {
    try install("old", days: -1)
    let files = try #require(try read(path, key))
    #expect(files.warning(files.certificate)?.hasPrefix("\(path): the certificate has exp") == true)
  }

  /// Goal: a good pair is handed on, a bad one is refused with its reason and the old one stays, and the
  /// numbers tell both. Method: real SIGHUPs to a host, one after the other.
  @Test func aHangupLoadsTheFilesAgain() async throws {
    let log = LogRecorder()
    let logger = log.logger(level: .notice)
    let files = try #require(try read(path, key))
    let used = Locked<[Int]>([])
    let text = Locked("")
    let (path, key, certificates) = (path, key, certificates)
    let status = await PlainThread.status {
      ProcessHost.run(name: "test", logger: logger) { host in
        let metrics = PrometheusRegistry()
        CertificateReload.begin(files, on: host, metrics: metrics) { certificate in
          used.withLock { $0.append(certificate.notAfter) }
        }
        func hangUp(_ done: () -> Bool) async {
          kill(getpid(), SIGHUP)
          while !done() { await host.loop.sleep(milliseconds: 1) }
        }
        let next = try certificates.make("next", days: 30)
        try certificates.run("cp \(next.path) \(path)")
        await hangUp { log.lines.count >= 1 }  // with the key of another
        try certificates.run("cp \(next.key) \(key)")
        await hangUp { used.withLock { $0.count } >= 1 }
        try certificates.run("rm \(key)")
        await hangUp { log.lines.count >= 3 }
        let numbers = await metrics.scrape(on: host.loop)
        text.withLock { $0 = numbers }
        host.requestStop("test")
      }
    }
    #expect(status == 0)
    let told = log.lines
    let stays = "error SIGHUP: the certificate stays as it is: TLS: \(key):"
    #expect(told[0] == "\(stays) it is not the key of the first certificate in \(path)")
    #expect(told[1].hasPrefix("notice SIGHUP: new connections get"))
    #expect(told[2] == "\(stays) No such file or directory")
    #expect(used.withLock { $0 }.count == 1)
    let numbers = text.withLock { $0 }
    #expect(numbers.contains("tapedeck_tls_reloads_total{result=\"loaded\"} 1\n"))
    #expect(numbers.contains("tapedeck_tls_reloads_total{result=\"refused\"} 2\n"))
    let expiry = try #require(used.withLock { $0.first })
    #expect(expiry > files.certificate.notAfter + 20 * 86_400)
    #expect(numbers.contains("tapedeck_tls_certificate_not_after_seconds \(expiry)"))
  }
}
