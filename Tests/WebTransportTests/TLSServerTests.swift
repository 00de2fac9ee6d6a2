import CLibwebsockets
import EventLoops
import Glibc
import TestSupport
import Testing

@testable import WebTransport

/// The server's side of TLS: what it speaks, what it does with handshakes that come to nothing, and how its
/// certificate is replaced.
@Suite(.serialized) struct TLSServerTests {
  private let certificates: TestCertificates

  init() throws { certificates = try TestCertificates() }

  private func withTLSServer(
    _ configure: @escaping @Sendable (inout WebServerConfiguration) -> Void = { _ in },
    _ body: (ServerFixture) async throws -> Void
  ) async throws {
    let certificate = try certificates.serve()
    try await SpokenTLS.$certificate.withValue(certificate) {
      try await withServer(configure) { try await body($0) }
    }
  }

  /// From now on every message is sent back.
  private func echo(_ fixture: ServerFixture) async throws {
    let handler = fixture.handler
    try await fixture.onLoop { server in
      handler.onMessage = { id, opcode, bytes in
        _ = server.sendControl(id, bytes.span.bytes, opcode: opcode)
      }
    }
  }

  /// A handshake on a new connection, and the connection.
  private func handshake(
    _ fixture: ServerFixture, versionMax: Int32? = nil
  ) throws -> (RawSocket, RawSocket.Handshake) {
    let socket = try fixture.plainSocket()
    return (socket, try socket.startTLS(versionMax: versionMax))
  }

  // MARK: - What is spoken

  @Test func requestsAndWebSocketsShareOnePort() async throws {
    try await withTLSServer { fixture in
      try await echo(fixture)
      let (socket, handshake) = try handshake(fixture)
      #expect(handshake.version == "TLSv1.3")
      #expect(socket.request("GET", "/hello")?.text == "hello")
      // A keep-alive connection becomes a WebSocket.
      #expect(socket.openWebSocket()?.status == 101)
      let large = String(repeating: "x", count: 100_000)
      socket.sendText(large)
      #expect(socket.readFrame()?.text == large)
      #expect(try await fixture.counters().handshakes == 1)
    }
  }

  /// 0x0303 is TLS 1.2, the least that is spoken; 0x0302 is 1.1.
  @Test func theLeastVersionIs12WithForwardSecrecy() async throws {
    try await withTLSServer { fixture in
      let (socket, handshake) = try handshake(fixture, versionMax: 0x0303)
      #expect(handshake.version == "TLSv1.2")
      #expect(handshake.cipher.hasPrefix("ECDHE-"))
      #expect(handshake.cipher.contains("GCM") || handshake.cipher.contains("CHACHA20"))
      #expect(socket.request("GET", "/hello")?.text == "hello")
      #expect(throws: RawSocketError.self) { try self.handshake(fixture, versionMax: 0x0302) }
      #expect(try await fixture.until { $0.connections == 1 })
    }
  }

  // MARK: - Handshakes that come to nothing

  @Test func aClientThatSpeaksNoTLSIsHungUpOn() async throws {
    try await withTLSServer { fixture in
      let plain = try fixture.plainSocket()
      plain.send("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
      #expect(plain.readToEnd().map { $0.starts(with: Array("HTTP".utf8)) } == false)
      for seed in 0..<20 as Range<UInt64> {
        var random = SplitMix64(seed: seed)
        let garbage = try fixture.plainSocket()
        garbage.send((0..<500).map { _ in UInt8.random(in: 0...255, using: &random) })
        garbage.shutdownWrites()
        #expect(garbage.readToEnd() != nil, "seed \(seed)")
      }
      #expect(try await fixture.isHealthy())
    }
  }

  /// Goal: who begins a handshake and stops in it is given up within the head's time and costs no CPU.
  @Test func aHandshakeThatStallsIsGivenUp() async throws {
    try await withTLSServer({ $0.headTimeoutMilliseconds = 1_500 }) { fixture in
      let hello = try RawSocket.clientHello()
      let sockets = try [0, 1, 5, 100, hello.count - 1, hello.count].map { count in
        let socket = try fixture.plainSocket()
        if count > 0 { socket.send(Array(hello.prefix(count))) }
        return socket
      }
      #expect(try await fixture.until { $0.accepted == UInt64(sockets.count) })
      let before = try await fixture.loop.threadCPUNanoseconds()
      try await Task.sleep(for: .milliseconds(500))
      let spent = try await fixture.loop.threadCPUNanoseconds() - before
      #expect(spent < 50_000_000, "\(spent / 1_000) us of CPU in 500 ms")
      // Others are served meanwhile.
      #expect(try fixture.socket().request("GET", "/hello")?.text == "hello")
      for socket in sockets { #expect(socket.readToEnd(milliseconds: 15_000) != nil) }
      #expect(try await fixture.counters().slowHeads == UInt64(sockets.count))
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func handshakesAbortedHalfWayLeaveNothingBehind() async throws {
    try await withTLSServer { fixture in
      let hello = try RawSocket.clientHello()
      var random = SplitMix64(seed: 11)
      for round in 0..<300 {
        let socket = try fixture.plainSocket()
        socket.send(Array(hello.prefix(Int.random(in: 1...hello.count, using: &random))))
        if round % 20 == 0 { _ = socket.receive(milliseconds: 50) }
        if round % 2 == 0 { socket.reset() } else { socket.close() }
      }
      #expect(try await fixture.until(milliseconds: 15_000) { $0.accepted == 300 })
      #expect(try await fixture.isHealthy())
      #expect(fixture.logLines.isEmpty, "\(fixture.logLines.prefix(3))")
    }
  }

  /// A client that is one too many sees a failed handshake with an alert, not a reset.
  @Test func tooManyConnectionsEndWithAnAlert() async throws {
    try await withTLSServer({ $0.connectionsMax = 2 }) { fixture in
      let first = try fixture.socket()
      let second = try fixture.socket()
      let third = try fixture.plainSocket()
      #expect(third.readToEnd() == [21, 3, 3, 0, 2, 2, 80])
      let error = #expect(throws: RawSocketError.self) { try handshake(fixture) }
      #expect(error?.description.contains("reset") == false)
      #expect(try await fixture.counters().refused == 2)
      #expect(first.request("GET", "/hello")?.text == "hello")
      #expect(second.request("GET", "/hello")?.text == "hello")
    }
  }

  // MARK: - Another certificate

  @Test(arguments: ["ec", "rsa:2048"])
  func newHandshakesGetTheNewCertificateAndConnectionsGoOn(key: String) async throws {
    let next = try certificates.serve("next", key: key)
    try await withTLSServer { fixture in
      try await echo(fixture)
      let (old, before) = try handshake(fixture)
      #expect(old.openWebSocket()?.status == 101)
      try await fixture.onLoop { $0.use(next) }
      // Nothing of the old one is left, whatever kind of key a client likes best.
      for version in [nil, 0x0303] as [Int32?] {
        let (new, after) = try handshake(fixture, versionMax: version)
        #expect(after.fingerprint != before.fingerprint)
        #expect(new.request("GET", "/hello")?.text == "hello")
        if key == "rsa:2048", version != nil { #expect(after.cipher.contains("-RSA-")) }
      }
      old.sendText("still here")
      #expect(old.readFrame()?.text == "still here")
    }
  }

  /// Goal: a server that is used by many while its certificate is replaced drops and refuses nobody.
  @Test func replacingUnderLoadDropsNobody() async throws {
    let other = try certificates.serve("other")
    let first = try certificates.serve("first")
    try await withTLSServer { fixture in
      let isOver = Locked(false)
      let port = fixture.port
      async let served = withThrowingTaskGroup(of: (Int, Set<[UInt8]>).self) { group in
        for _ in 0..<4 {
          group.addTask {
            var count = 0
            var shown: Set<[UInt8]> = []
            while !isOver.withLock({ $0 }) {
              // What follows blocks one of the few threads that tasks have.
              await Task.yield()
              let socket = try RawSocket(port: port)
              shown.insert(try socket.startTLS().fingerprint)
              for _ in 0..<3 where socket.request("GET", "/hello")?.text == "hello" { count += 1 }
            }
            return (count, shown)
          }
        }
        var total = (0, Set<[UInt8]>())
        for try await (count, shown) in group {
          total = (total.0 + count, total.1.union(shown))
        }
        return total
      }
      for round in 0..<40 {
        let begun = try await fixture.counters().handshakes
        try await fixture.onLoop { $0.use(round % 2 == 0 ? other : first) }
        _ = try await fixture.until { $0.handshakes >= begun + 2 }
      }
      isOver.withLock { $0 = true }
      let (count, shown) = try await served
      let counters = try await fixture.counters()
      #expect(count == 3 * Int(counters.handshakes))
      #expect(shown.count >= 2)
      #expect(counters.errorAnswers == 0)
    }
  }
}
