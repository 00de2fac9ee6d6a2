import EventLoops
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import WebTransport

/// Frames no client library sends, slow readers and broken connections.
@Suite(.serialized) struct HostileWebSocketTests: WebSocketSteps {
  @Test func theOfficialSDKsFragmentsAreOneMessage() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      // A whole payload without FIN, a ping in between, an empty final frame.
      socket.sendFrame(2, Array("abc".utf8), isFinal: false)
      socket.sendFrame(9, Array("p".utf8))
      socket.sendFrame(0, [])
      #expect(socket.readFrame() == RawFrame(opcode: 10, payload: Array("p".utf8)))
      // 100,000 bytes cut every 32,768, as it cuts 6,000 symbols.
      let large = [UInt8](repeating: UInt8(ascii: "s"), count: 100_000)
      var rest = large[...]
      var opcode: UInt8 = 2
      while !rest.isEmpty {
        socket.sendFrame(opcode, Array(rest.prefix(32_768)), isFinal: false)
        rest = rest.dropFirst(32_768)
        opcode = 0
      }
      socket.sendFrame(0, [])
      socket.sendText("after")
      #expect(try await fixture.until { $0.messagesReceived == 3 })
      #expect(
        messages(fixture) == [
          .message(.binary, 3, "abc"),
          .message(.binary, 100_000, String(repeating: "s", count: 40)),
          .message(.text, 5, "after"),
        ])
    }
  }

  @Test func anEmptyMessageIsAMessage() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.sendText("")
      socket.sendFrame(1, [], isFinal: false)
      socket.sendFrame(0, [], isFinal: false)
      socket.sendFrame(0, [])
      #expect(try await fixture.until { $0.messagesReceived == 2 })
      #expect(messages(fixture) == [.message(.text, 0, ""), .message(.text, 0, "")])
    }
  }

  @Test func aCharacterMayBeCutByFragments() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      let text = Array("aé€😀".utf8)
      for cut in 0...text.count {
        socket.sendFrame(1, Array(text[..<cut]), isFinal: false)
        socket.sendFrame(0, Array(text[cut...]))
      }
      #expect(try await fixture.until { $0.messagesReceived == UInt64(text.count + 1) })
      #expect(Set(messages(fixture).map { "\($0)" }).count == 1)
      #expect(messages(fixture).first == .message(.text, text.count, "aé€😀"))
    }
  }

  @Test(arguments: [
    [0xff], [0xc3], [0xed, 0xa0, 0x80], [0x61, 0xc0, 0xaf], [0xf4, 0x90, 0x80, 0x80],
  ])
  func textThatIsNotUTF8Is1007(bytes: [UInt8]) async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.sendFrame(1, bytes)
      try await expectClose(1_007, socket, fixture)
      #expect(messages(fixture).isEmpty)
    }
  }

  @Test func badTextIsNoticedBeforeItsEnd() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.sendFrame(1, [0x61, 0xff], isFinal: false)
      try await expectClose(1_007, socket, fixture)
    }
  }

  @Test func aMessageOverTheLimitIs1009() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      // The largest one is taken.
      let largest = [UInt8](repeating: 1, count: 1_024 * 1_024)
      socket.sendFrame(2, largest)
      #expect(try await fixture.until { $0.messageBytesReceived == 1_024 * 1_024 })
      // The announcement alone is enough.
      socket.send(Array(RawSocket.frame(2, largest + [1]).prefix(2_000)))
      let frame = socket.readFrame()
      #expect(frame?.closeCode == 1_009)
    }
  }

  @Test func fragmentsOverTheLimitAre1009() async throws {
    try await withServer({ $0.messageBytesMax = 10_000 }) { fixture in
      let socket = try open(fixture)
      socket.sendFrame(2, [UInt8](repeating: 1, count: 6_000), isFinal: false)
      socket.sendFrame(0, [UInt8](repeating: 1, count: 4_001), isFinal: false)
      try await expectClose(1_009, socket, fixture)
    }
  }

  @Test(arguments: [
    (0x83 as UInt8, 1_002 as UInt16), (0x8b, 1_002), (0xc1, 1_002), (0xa2, 1_002), (0x91, 1_002),
    (0x80, 1_002), (0x09, 1_002),
  ])
  func strangeFirstBytesAre1002(first: UInt8, code: UInt16) async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.send(RawSocket.frame(0, [1], first: first))
      #expect(socket.readFrame()?.closeCode == code)
      socket.close()
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(messages(fixture).isEmpty)
    }
  }

  @Test func aNewMessageWithinAMessageIs1002() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.sendFrame(1, [0x61], isFinal: false)
      socket.sendText("b")
      #expect(socket.readFrame()?.closeCode == 1_002)
    }
  }

  @Test func anOversizedControlFrameIs1002() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.sendFrame(9, [UInt8](repeating: 1, count: 126))
      #expect(socket.readFrame()?.closeCode == 1_002)
      socket.close()
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(fixture.handler.events.last == .closed(1_002, "a control frame over 125 bytes"))
    }
  }

  @Test func aLengthOver63BitsIs1002() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.send([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
      #expect(socket.readFrame()?.closeCode == 1_002)
      socket.close()
      #expect(try await fixture.until { $0.connections == 0 })
    }
  }

  @Test(arguments: [1_000 as UInt16, 1_001, 3_000, 4_999])
  func closeCodesAreEchoed(code: UInt16) async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.sendFrame(8, [UInt8(code >> 8), UInt8(code & 255)] + Array("bye".utf8))
      #expect(socket.readFrame()?.closeCode == code)
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(fixture.handler.events.last == .closed(code, "bye"))
    }
  }

  @Test func aCloseWithoutACodeIsNone() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      socket.sendFrame(8, [])
      #expect(socket.readFrame()?.opcode == 8)
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(fixture.handler.events.last == .closed(1_005, ""))
    }
  }

  @Test func aResetIsAbnormal() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      #expect(try await fixture.until { $0.webSockets == 1 })
      socket.reset()
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(fixture.handler.events.last == .closed(1_006, ""))
    }
  }

  @Test func thisSideClosesCleanly() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { server in
        handler.onMessage = { id, _, _ in
          server.close(id, code: 4_001, reason: "enough")
          #expect(server.sendControl(id, [1].span.bytes, opcode: .binary) == .closed)
          server.close(id, code: 4_002, reason: "twice")
        }
      }
      let socket = try open(fixture)
      socket.sendText("close")
      let frame = socket.readFrame()
      #expect(frame?.closeCode == 4_001)
      #expect(frame.map { String(decoding: $0.payload.dropFirst(2), as: UTF8.self) } == "enough")
      socket.sendFrame(8, [0x0f, 0xa1])
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.until { $0.connections == 0 })
      #expect(handler.events.last == .closed(4_001, "enough"))
    }
  }

}
