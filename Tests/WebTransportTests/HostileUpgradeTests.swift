import Glibc
import TestSupport
import Testing

@testable import WebTransport

/// Too many connections, and handshakes that are none.
@Suite(.serialized) struct HostileUpgradeTests {
  @Test func tooManyConnectionsAre503() async throws {
    try await withServer({ $0.connectionsMax = 2 }) { fixture in
      let held = try (0..<2).map { _ in try fixture.socket() }
      for socket in held { #expect(socket.request("GET", "/hello")?.status == 200) }
      let extra = try fixture.socket()
      #expect(extra.readAnswer()?.errorCode == 50_310_000)
      #expect(extra.readToEnd() == [])
      #expect(try await fixture.counters().refused == 1)
      for socket in held { socket.close() }
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func oneAddressMayHaveABound() async throws {
    try await withServer({ $0.connectionsPerAddressMax = 2 }) { fixture in
      let held = try (0..<2).map { _ in try fixture.socket() }
      for socket in held { #expect(socket.request("GET", "/hello")?.status == 200) }
      #expect(try fixture.socket().readAnswer()?.errorCode == 42_910_000)
      held[0].close()
      #expect(try await fixture.until { $0.connections == 1 })
      #expect(try fixture.socket().request("GET", "/hello")?.status == 200)
    }
  }

  @Test(arguments: [
    ("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n", 400),
    ("Upgrade: \u{7f}garbage\r\nConnection: Upgrade\r\n", 400),
    ("Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n", 400),
    ("Upgrade: websocket\r\nConnection: Upgrade\r\n", 426),
    ("Upgrade: websocket\r\nConnection: keep-alive\r\n", 400),
    ("Upgrade: websocket\r\n", 400),
    ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", 400),
    (
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: short\r\n", 400
    ),
    (
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 426
    ),
    (
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400
    ),
  ])
  func aBadUpgradeIsAJSONError(headers: String, status: Int) async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send("GET /v2/iex HTTP/1.1\r\nHost: t\r\n\(headers)\r\n")
      let answer = socket.readAnswer()
      #expect(answer?.status == status)
      #expect(answer?.errorCode == status * 100_000 + 10_000)
      if status == 426 { #expect(answer?.headers["sec-websocket-version"] == "13") }
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func theHandlerMayRejectAHandshake() async throws {
    try await withServer { fixture in
      #expect(try fixture.socket().openWebSocket("/v2/none")?.errorCode == 40_410_000)
      #expect(try fixture.socket().openWebSocket("/denied")?.errorCode == 40_110_000)
      let post = try fixture.socket()
      post.send(
        "POST /v2/iex HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(RawSocket.handshakeKey)\r\n\r\n")
      #expect(post.readAnswer()?.errorCode == 40_510_000)
    }
  }
}
