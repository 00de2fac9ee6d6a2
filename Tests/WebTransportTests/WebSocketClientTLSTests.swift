import EventLoops
import TestSupport
import Testing

@testable import WebTransport

/// wss://: who is believed, and what is said of who is not.
@Suite(.serialized) struct WebSocketClientTLSTests {
  private func withTLSServer(
    _ certificate: (path: String, key: String), _ body: (ServerFixture) async throws -> Void
  ) async throws {
    let certificate = try ServerCertificate(
      certificatePath: certificate.path, keyPath: certificate.key)
    try await withServer({ $0.certificate = certificate }) { try await body($0) }
  }

  /// What becomes of a connection to a server with this certificate.
  private func end(
    _ certificate: (path: String, key: String), trust: String, host: String = "127.0.0.1"
  ) async throws -> WebSocketEnd? {
    var end: WebSocketEnd?
    try await withTLSServer(certificate) { server in
      try await withClient({ $0.trust = .file(path: trust) }) { fixture in
        try await fixture.connect("wss://\(host):\(server.port)/v2/iex")
        end = try await fixture.ended()
      }
      #expect(server.handler.events.isEmpty)
    }
    return end
  }

  @Test(arguments: ["localhost", "127.0.0.1"])
  func aServerOfTheTrustedAuthorityIsBelieved(host: String) async throws {
    let certificates = try TestCertificates()
    let good = try certificates.make("good", for: "DNS:localhost,IP:127.0.0.1")
    let authority = certificates.authority
    try await withTLSServer(good) { server in
      let handler = server.handler
      try await server.onLoop { web in
        handler.onMessage = { id, opcode, bytes in
          _ = web.sendControl(id, bytes.span.bytes, opcode: opcode)
        }
      }
      try await withClient({ $0.trust = .file(path: authority) }) { fixture in
        fixture.handler.keepsMessages = false
        try await fixture.connect("wss://\(host):\(server.port)/v2/iex")
        #expect(try await fixture.until { $0.events == [.opened] })
        // More than one TLS record, both ways.
        try await fixture.onLoop { socket in
          let bytes = [UInt8](repeating: 3, count: 100_000)
          _ = socket.send(bytes.span.bytes, opcode: .binary)
        }
        #expect(try await fixture.until { $0.received.bytes == 100_000 })
        try await fixture.onLoop { $0.close() }
        #expect(try await fixture.ended()?.code == 1_000)
      }
    }
  }

  @Test func manySmallFramesOverTLSDoNotStall() async throws {
    let certificates = try TestCertificates()
    let good = try certificates.make("good", for: "DNS:localhost")
    let authority = certificates.authority
    try await withTLSServer(good) { server in
      let handler = server.handler
      try await server.onLoop { web in
        let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 + 100, alignment: 16)
        frame.initializeMemory(as: UInt8.self, repeating: 65)
        let left = Left(20_000, frame)
        let pour: (ConnectionID) -> Void = { id in
          while left.count > 0 {
            let outcome = web.send(id, frame: left.frame, opcode: .binary)
            if outcome != .refused { left.count -= 1 }
            guard outcome == .drained else { return }
          }
        }
        handler.onOpened = pour
        handler.onWritable = pour
      }
      try await withClient({ $0.trust = .file(path: authority) }) { fixture in
        fixture.handler.keepsMessages = false
        try await fixture.connect("wss://localhost:\(server.port)/v2/iex")
        #expect(try await fixture.until(milliseconds: 20_000) { $0.received.messages == 20_000 })
      }
    }
  }

  private final class Left {
    var count: Int
    let frame: UnsafeMutableRawBufferPointer
    init(_ count: Int, _ frame: UnsafeMutableRawBufferPointer) {
      self.count = count
      self.frame = frame
    }
    deinit { frame.deallocate() }
  }

  @Test func aServerOfAnotherAuthorityIsRefused() async throws {
    let certificates = try TestCertificates()
    let others = try TestCertificates()
    let good = try certificates.make("good", for: "IP:127.0.0.1")
    let end = try #require(try await end(good, trust: others.authority))
    #expect(end.stage == .tls)
    #expect(end.description.contains("certificate is refused: unable to get local issuer"))
  }

  @Test func aServerThatSignedItselfIsRefused() async throws {
    let certificates = try TestCertificates()
    let others = try TestCertificates()
    let end = try #require(
      try await end(
        (certificates.authority, "\(certificates.directory)/authority.key"),
        trust: others.authority))
    #expect(end.stage == .tls)
    #expect(end.description.contains("certificate is refused: self-signed certificate"))
  }

  @Test(arguments: [("localhost", "hostname mismatch"), ("127.0.0.1", "IP address mismatch")])
  func aCertificateForAnotherHostIsRefused(host: String, reason: String) async throws {
    let certificates = try TestCertificates()
    let other = try certificates.make("other", for: "DNS:other.example,IP:127.0.0.2")
    let end = try #require(try await end(other, trust: certificates.authority, host: host))
    #expect(end.stage == .tls)
    #expect(end.description.lowercased().contains(reason.lowercased()))
  }

  @Test func anExpiredCertificateIsRefused() async throws {
    let certificates = try TestCertificates()
    let old = try certificates.make("old", for: "IP:127.0.0.1", days: -1)
    let end = try #require(try await end(old, trust: certificates.authority))
    #expect(end.description.contains("certificate has expired"))
  }

  @Test func aPeerThatSpeaksNoTLSIsToldSo() async throws {
    let certificates = try TestCertificates()
    let authority = certificates.authority
    let listener = try RawListener()
    try await withClient({ $0.trust = .file(path: authority) }) { fixture in
      try await fixture.connect("wss://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.accept())
      #expect(peer.receive())
      peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
      let end = try #require(try await fixture.ended())
      #expect(end.stage == .tls)
      #expect(end.description.contains("TLS handshake failed"))
    }
  }

  @Test func aPeerThatNeverAnswersTheTLSHandshakeIsGivenUp() async throws {
    let certificates = try TestCertificates()
    let authority = certificates.authority
    let listener = try RawListener()
    try await withClient({
      $0.trust = .file(path: authority)
      $0.handshakeMilliseconds = 100
    }) { fixture in
      try await fixture.connect("wss://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.accept())
      let end = try #require(try await fixture.ended())
      #expect(end.stage == .tls)
      #expect(end.description.contains("no TLS within 100 ms"))
      _ = peer
    }
  }

  @Test func withoutCertificatesThereIsNoTLS() async throws {
    try await withClient { fixture in
      try await fixture.connect("wss://127.0.0.1:9/")
      #expect(try await fixture.ended()?.description.contains("no certificates") == true)
    }
    let error = await #expect(throws: WebTransportError.self) {
      try await withClient({ $0.trust = .file(path: "/nowhere/ca.pem") }) { _ in }
    }
    #expect(error?.reason == "/nowhere/ca.pem: No such file or directory")
    let empty = await #expect(throws: WebTransportError.self) {
      try await withClient({ $0.trust = .file(path: "/etc/passwd") }) { _ in }
    }
    #expect(empty?.reason == "/etc/passwd: there is no certificate in it")
  }

  @Test func theMachinesOwnAuthoritiesCanBeUsed() async throws {
    try await withClient({ $0.trust = .system }) { _ in }
  }
}
