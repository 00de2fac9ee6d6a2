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

  @Test func theFirstMessageMayBeSentAtTheOpening() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { server in
        handler.onOpened = { id in
          let hello = Array("[{\"T\":\"success\",\"msg\":\"connected\"}]".utf8)
          #expect(server.sendControl(id, hello.span.bytes, opcode: .text) == .drained)
        }
      }
      for _ in 0..<3 {
        let socket = try fixture.socket()
        #expect(socket.openWebSocket()?.status == 101)
        #expect(socket.readFrame()?.text == "[{\"T\":\"success\",\"msg\":\"connected\"}]")
      }
    }
  }

  @Test func aConnectionMayBeClosedAtItsOpening() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { server in
        handler.onOpened = { id in server.close(id, code: 4_006, reason: "limit") }
      }
      let socket = try fixture.socket()
      #expect(socket.openWebSocket()?.status == 101)
      #expect(socket.readFrame()?.closeCode == 4_006)
      socket.sendFrame(8, [0x0f, 0xa6])
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(handler.events == [.opened(7, ""), .closed(4_006, "limit")])
    }
  }

  @Test func aHandlerMayCloseOtherConnections() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      let sockets = try (0..<5).map { _ in try fixture.socket() }
      try await fixture.onLoop { server in
        let all = IDs()
        handler.onOpened = { id in all.list.append(id) }
        handler.onMessage = { sender, _, _ in
          for id in all.list where id != sender { server.close(id, code: 4_000) }
        }
      }
      for socket in sockets { #expect(socket.openWebSocket()?.status == 101) }
      sockets[2].sendText("close the others")
      for (index, socket) in sockets.enumerated() where index != 2 {
        #expect(socket.readFrame()?.closeCode == 4_000)
        socket.close()
      }
      #expect(try await fixture.until { $0.webSockets == 1 })
      sockets[2].sendText("still here")
      #expect(try await fixture.until { $0.messagesReceived == 2 })
    }
  }

  private final class IDs { var list: [ConnectionID] = [] }
}
