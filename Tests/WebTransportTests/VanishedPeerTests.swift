import EventLoops
import TestSupport
import Testing

@testable import WebTransport

/// Peers that are gone without a FIN, and peers that acknowledge but do not answer.
@Suite(.serialized) struct VanishedPeerTests: WebSocketSteps {
  /// What the defaults add up to: the last word from a peer, its silence, the farewell, two sweeps.
  @Test func theDefaultsNoticeWithinAMinute() {
    let configuration = WebServerConfiguration(host: "127.0.0.1", port: 0)
    let silence = configuration.silenceMaxMilliseconds
    #expect(
      silence + configuration.farewellMilliseconds + 2 * WebTransportLimits.sweepMilliseconds
        < 60_000)
    #expect(
      configuration.pingAfterMilliseconds + configuration.unacknowledgedMaxMilliseconds < 60_000)
    // A ping may be lost with its answer.
    #expect(configuration.pingAfterMilliseconds * 2 < silence)
  }

  @Test func unacknowledgedPingsEndTheConnection() async throws {
    try await withServer({
      $0.pingAfterMilliseconds = 200
      $0.unacknowledgedMaxMilliseconds = 500
    }) { fixture in
      let socket = try fixture.socket()
      #expect(socket.openWebSocket()?.status == 101)
      socket.vanish()
      #expect(try await fixture.until(milliseconds: 20_000) { $0.connections == 0 })
      #expect(fixture.handler.events.last == .closed(1_006, ""))
      #expect(try await fixture.counters().silentCloses == 0)
      _ = socket.fd
    }
  }

  @Test func silenceEndsTheConnectionWhenTheKernelDoesNot() async throws {
    try await withServer({
      $0.pingAfterMilliseconds = 200
      $0.silenceMaxMilliseconds = 1_000
      $0.farewellMilliseconds = 500
    }) { fixture in
      let socket = try fixture.socket()
      #expect(socket.openWebSocket()?.status == 101)
      socket.vanish()
      #expect(try await fixture.until(milliseconds: 20_000) { $0.connections == 0 })
      #expect(try await fixture.counters().silentCloses == 1)
      _ = socket.fd
    }
  }

  /// Its kernel acknowledges, its program is stopped: unsent data waits behind a closed window.
  @Test func aClosedWindowEndsTheConnection() async throws {
    try await withServer({ $0.unacknowledgedMaxMilliseconds = 500 }) { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { [unowned handler] server in
        handler.onMessage = { [unowned server] id, _, _ in sendUntilBuffered(server, id) }
      }
      let socket = try fixture.socket(receiveBufferBytes: 4_096)
      #expect(socket.openWebSocket()?.status == 101)
      socket.sendText("go")
      #expect(try await fixture.until { $0.framesBuffered > 0 })
      #expect(try await fixture.until(milliseconds: 20_000) { $0.connections == 0 })
      #expect(fixture.handler.events.last == .closed(1_006, ""))
      _ = socket.fd
    }
  }

  /// Whatever is heard is a sign of life: the SDKs ping by themselves.
  @Test func pingsOfTheClientsOwnKeepItAlive() async throws {
    try await withServer({
      $0.pingAfterMilliseconds = 60_000
      $0.silenceMaxMilliseconds = 1_500
    }) { fixture in
      let socket = try fixture.socket()
      #expect(socket.openWebSocket()?.status == 101)
      for _ in 0..<25 {
        socket.sendFrame(9, [])
        #expect(socket.readFrame()?.opcode == 10)
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(try await fixture.counters().silentCloses == 0)
      #expect(try await fixture.until(milliseconds: 20_000) { $0.silentCloses == 1 })
    }
  }
}
