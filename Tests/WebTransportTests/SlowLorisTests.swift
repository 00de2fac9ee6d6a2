import Glibc
import TestSupport
import Testing

@testable import WebTransport

/// Heads, bodies and messages that come a byte at a time, and many that never end.
@Suite(.serialized) struct SlowLorisTests {
  /// Sends a byte each 50 ms for as long as the server listens.
  private func drip(_ socket: RawSocket, milliseconds: Int32) async throws -> RawAnswer? {
    let deadline = Deadline(milliseconds: milliseconds)
    while !deadline.hasPassed {
      if socket.receive(milliseconds: 50) { break }
      socket.send("x")
    }
    return socket.readAnswer()
  }

  @Test func aHeadByteByByteIs408() async throws {
    try await withServer({ $0.headTimeoutMilliseconds = 500 }) { fixture in
      let socket = try fixture.socket()
      socket.send("GET /hello HTTP/1.1\r\nHost: t\r\nX: ")
      #expect(try await drip(socket, milliseconds: 15_000)?.errorCode == 40_810_000)
      #expect(try await fixture.counters().slowHeads == 1)
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func aSecondHeadByteByByteIs408Too() async throws {
    try await withServer({ $0.headTimeoutMilliseconds = 500 }) { fixture in
      let socket = try fixture.socket()
      #expect(socket.request("GET", "/hello")?.status == 200)
      // Waiting for a request is not being slow with one.
      try await Task.sleep(for: .milliseconds(1_700))
      #expect(socket.request("GET", "/hello")?.status == 200)
      socket.send("GET /hello HTTP/1.1\r\nHost: t\r\nX: ")
      #expect(try await drip(socket, milliseconds: 15_000)?.errorCode == 40_810_000)
      #expect(try await fixture.counters().slowHeads == 1)
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func aBodyByteByByteIs408() async throws {
    try await withServer({ $0.bodyTimeoutMilliseconds = 500 }) { fixture in
      let socket = try fixture.socket()
      socket.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10000\r\n\r\n")
      #expect(try await drip(socket, milliseconds: 15_000)?.errorCode == 40_810_000)
      #expect(try await fixture.isHealthy())
    }
  }

  /// Goal: unfinished messages of all clients together are bounded. Method: 70 clients send a megabyte
  /// each and never the end of it; what is over the 64 MiB is closed with 1013.
  @Test func manyUnfinishedMessagesAreBounded() async throws {
    try await withEchoServer { fixture in
      let sockets = try (0..<70).map { _ in try fixture.socket() }
      let piece = RawSocket.frame(2, [UInt8](repeating: 7, count: 1_000_000), isFinal: false)
      for socket in sockets {
        #expect(socket.openWebSocket()?.status == 101)
        socket.send(piece)
      }
      #expect(try await fixture.until(milliseconds: 20_000) { $0.faultCloses >= 4 })
      let counters = try await fixture.counters()
      #expect(counters.assemblyBytes <= WebTransportLimits.assemblyBytesMax)
      let refused = sockets.filter { $0.receive(milliseconds: 0) }
      #expect(!refused.isEmpty)
      for socket in refused { #expect(socket.readFrame()?.closeCode == 1_013) }
      // The others may end theirs, and small messages go through all the while.
      let kept = try #require(sockets.first { socket in !refused.contains { $0 === socket } })
      kept.sendFrame(0, [])
      #expect(kept.readFrame()?.payload.count == 1_000_000)
      for socket in sockets { socket.close() }
      #expect(try await fixture.until { $0.connections == 0 && $0.assemblyBytes <= 1 << 20 })
    }
  }
}
