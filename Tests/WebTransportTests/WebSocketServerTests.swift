import TestSupport
import Testing

@testable import WebTransport

/// WebSockets over real sockets.
@Suite(.serialized) struct WebSocketServerTests {
  @Test func opensReceivesSendsAndCloses() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { server in
        handler.onMessage = { id, opcode, bytes in
          _ = server.sendControl(id, bytes.span.bytes, opcode: opcode)
        }
      }
      let socket = try fixture.socket()
      let opened = socket.openWebSocket(headers: "Content-Type: application/msgpack\r\n")
      #expect(opened?.status == 101)
      socket.sendText("hello")
      #expect(
        socket.readFrame() == RawFrame(isFinal: true, opcode: 1, payload: Array("hello".utf8)))
      socket.sendFrame(2, [1, 2, 3])
      #expect(socket.readFrame() == RawFrame(isFinal: true, opcode: 2, payload: [1, 2, 3]))
      socket.sendFrame(8, [0x03, 0xe8])
      #expect(socket.readFrame()?.closeCode == 1_000)
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(
        handler.events == [
          .opened(7, "application/msgpack"), .message(.text, 5, "hello"),
          .message(.binary, 3, "\u{1}\u{2}\u{3}"), .closed(1_000, ""),
        ])
    }
  }
}
