import TestSupport
import Testing

@testable import WebTransport

/// What several suites do with a raw WebSocket.
protocol WebSocketSteps {}

extension WebSocketSteps {
  func open(_ fixture: ServerFixture, receiveBufferBytes: Int32? = nil) throws -> RawSocket {
    let socket = try fixture.socket(receiveBufferBytes: receiveBufferBytes)
    #expect(socket.openWebSocket()?.status == 101)
    return socket
  }

  /// The server closes with `code` and is done with the connection.
  func expectClose(
    _ code: UInt16, _ socket: RawSocket, _ fixture: ServerFixture
  ) async throws {
    let frame = socket.readFrame()
    #expect(frame?.opcode == 8)
    #expect(frame?.closeCode == code)
    socket.sendFrame(8, [UInt8(code >> 8), UInt8(code & 255)])
    #expect(socket.readToEnd() == [])
    socket.close()
    #expect(try await fixture.until { $0.connections == 0 && $0.assemblyBytes <= 1 << 20 })
    guard case .closed(let told, _) = fixture.handler.events.last else {
      Issue.record("the handler was not told")
      return
    }
    #expect(told == code)
  }

  func messages(_ fixture: ServerFixture) -> [RecordingHandler.Event] {
    fixture.handler.events.filter { if case .message = $0 { true } else { false } }
  }

  /// Sends until the kernel takes no more.
  func sendUntilBuffered(_ server: WebServer, _ id: ConnectionID) {
    let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 + 250_000, alignment: 16)
    defer { frame.deallocate() }
    frame.initializeMemory(as: UInt8.self, repeating: 0x62)
    while server.send(id, frame: frame, opcode: .binary) == .drained {}
  }
}
