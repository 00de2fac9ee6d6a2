import EventLoops
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import WebTransport

/// Clients that read slowly, are silent or come in thousands.
@Suite(.serialized) struct SlowWebSocketTests: WebSocketSteps {
  @Test func thirtyThousandSmallFramesInLargeWritesDoNotStall() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { _ in handler.keepsMessages = false }
      let socket = try open(fixture)
      let one = RawSocket.frame(1, Array("{\"action\":\"x\"}".utf8))
      var burst: [UInt8] = []
      for _ in 0..<30_000 {
        burst += one
        if burst.count >= 48 * 1_024 {
          socket.send(burst)
          burst = []
        }
      }
      socket.send(burst)
      #expect(try await fixture.until(milliseconds: 20_000) { $0.messagesReceived == 30_000 })
      #expect(handler.received.bytes == 30_000 * 14)
    }
  }

  @Test func aSlowReaderIsBufferedThenWritable() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { server in
        handler.onMessage = { id, _, bytes in
          guard bytes == Array("go".utf8) else { return }
          // More than the kernel takes; each frame is a different letter.
          let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 + 200_000, alignment: 16)
          defer { frame.deallocate() }
          var letter = UInt8(ascii: "a")
          var outcome = SendOutcome.drained
          while outcome == .drained, letter <= UInt8(ascii: "z") {
            for index in 16..<frame.count { frame[index] = letter }
            outcome = server.send(id, frame: frame, opcode: .text)
            letter += 1
          }
          #expect(outcome == .buffered)
          #expect(server.isWritable(id) == false)
          #expect(server.send(id, frame: frame, opcode: .text) == .refused)
          // Control messages wait in order, also a large one.
          #expect(server.sendControl(id, Array("ack1".utf8).span.bytes, opcode: .text) == .buffered)
          #expect(server.sendControl(id, Array("ack2".utf8).span.bytes, opcode: .text) == .buffered)
          #expect(server.counters.controlsQueued == 2)
        }
        handler.onWritable = { id in
          #expect(server.isWritable(id))
          _ = server.sendControl(id, Array("end".utf8).span.bytes, opcode: .text)
        }
      }
      let socket = try open(fixture, receiveBufferBytes: 4_096)
      socket.sendText("go")
      #expect(try await fixture.until { $0.framesBuffered == 1 })
      var texts: [String] = []
      while let frame = socket.readFrame() {
        if frame.payload.count == 200_000 {
          #expect(Set(frame.payload).count == 1)
        } else {
          texts.append(frame.text)
        }
        if frame.text == "end" { break }
      }
      #expect(texts == ["ack1", "ack2", "end"])
      #expect(handler.events.filter { $0 == .writable }.count == 1)
    }
  }

  @Test func aLargeControlMessageWaitsToo() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { server in
        handler.onMessage = { id, _, _ in
          sendUntilBuffered(server, id)
          let ack = [UInt8](repeating: 0x63, count: 900_000)
          #expect(server.sendControl(id, ack.span.bytes, opcode: .binary) == .buffered)
        }
      }
      let socket = try open(fixture, receiveBufferBytes: 4_096)
      socket.sendText("go")
      var sizes: [Int] = []
      while sizes.last != 900_000, let frame = socket.readFrame() {
        sizes.append(frame.payload.count)
      }
      #expect(sizes.last == 900_000)
    }
  }

  @Test func tooManyUnreadControlMessagesAre1008() async throws {
    try await withServer({ $0.farewellMilliseconds = 500 }) { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { server in
        handler.onMessage = { id, _, _ in
          sendUntilBuffered(server, id)
          let ack = [UInt8](repeating: 0x63, count: 1_000)
          var queued = 0
          while server.sendControl(id, ack.span.bytes, opcode: .binary) == .buffered { queued += 1 }
          // The first, and 64 KiB behind it.
          #expect(queued == 66)
        }
      }
      let socket = try open(fixture, receiveBufferBytes: 4_096)
      socket.sendText("go")
      // The close frame cannot overtake what is stuck; it ends all the same.
      #expect(try await fixture.until(milliseconds: 20_000) { $0.connections == 0 })
      #expect(handler.events.last == .closed(1_008, "too many messages are unread"))
      _ = socket.fd
    }
  }

  /// Goal: a client that reads again is told why it was closed. Method: a close behind a frame that is
  /// stuck, with one control message queued, with many of every length, and behind a large one.
  @Test(arguments: [[5], [1, 126, 40_000, 0, 7], [70_000, 5], [900_000]])
  func theLastWordsArriveBehindAFrameThatWasStuck(_ counts: [Int]) async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { server in
        handler.onMessage = { id, _, _ in
          sendUntilBuffered(server, id)
          for count in counts {
            let message = [UInt8](repeating: 0x63, count: count)
            guard server.sendControl(id, message.span.bytes, opcode: .text) == .buffered else {
              break
            }
          }
          server.close(id, code: 1_013, reason: "slow client")
          handler.onMessage = nil
        }
      }
      let socket = try open(fixture, receiveBufferBytes: 4_096)
      socket.sendText("go")
      #expect(try await fixture.until { $0.framesBuffered == 1 })
      var words: [RawFrame] = []
      while let frame = socket.readFrame() {
        if frame.payload.count != 250_000 { words.append(frame) }
        if frame.opcode == 8 { break }
      }
      let last = words.popLast()
      let close = try #require(last)
      #expect(
        close.closeCode == 1_013 && close.payload.dropFirst(2) == Array("slow client".utf8)[...])
      // An acknowledgement over the queue's bound is left out, for it may be a MiB.
      #expect(words.map(\.payload.count) == counts.filter { $0 <= 65_536 })
      #expect(words.allSatisfy { $0.opcode == 1 && $0.isFinal })
      socket.close()
      #expect(try await fixture.until { $0.connections == 0 })
    }
  }

  @Test func aSilentClientIsPingedThenClosed() async throws {
    try await withServer({
      $0.pingAfterMilliseconds = 500
      $0.silenceMaxMilliseconds = 3_500
    }) { fixture in
      let answering = try open(fixture)
      let silent = try open(fixture)
      let start = fixture.loop.nowMilliseconds
      var pings = 0
      while try await fixture.counters().silentCloses == 0,
        fixture.loop.nowMilliseconds < start + 9_000
      {
        if let frame = answering.readFrame(milliseconds: 200), frame.opcode == 9 {
          pings += 1
          answering.sendFrame(10, frame.payload)
        }
      }
      #expect(pings >= 2)
      #expect(silent.readFrame()?.opcode == 9)
      #expect(try await fixture.counters().webSockets <= 2)
      #expect(try await fixture.until(milliseconds: 15_000) { $0.webSockets == 1 })
    }
  }

  @Test func framesInTheHandshakesSegmentDoNotHurt() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      var bytes = Array(
        ("GET /v2/iex HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(RawSocket.handshakeKey)\r\n\r\n")
          .utf8)
      bytes += RawSocket.frame(1, Array("early".utf8))
      socket.send(bytes)
      #expect(socket.readAnswer()?.status == 101)
      // Lost or delivered, but nothing is left over.
      socket.close()
      #expect(try await fixture.until { $0.connections == 0 && $0.webSockets == 0 })
    }
  }

  @Test func twoThousandConnectionsLeaveNothingBehind() async throws {
    try await withServer { fixture in
      let handler = fixture.handler
      try await fixture.onLoop { _ in handler.keepsMessages = false }
      for _ in 0..<10 {
        var sockets: [RawSocket] = []
        for _ in 0..<200 { sockets.append(try fixture.socket()) }
        for socket in sockets { #expect(socket.openWebSocket()?.status == 101) }
        #expect(try await fixture.until { $0.webSockets == 200 })
        #expect(handler.currentlyOpen.withLock { $0 } == 200)
        for (index, socket) in sockets.enumerated() {
          switch index % 3 {
          case 0: socket.close()
          case 1: socket.reset()
          default:
            socket.sendFrame(8, [0x03, 0xe8])
            socket.close()
          }
        }
        #expect(try await fixture.until(milliseconds: 10_000) { $0.connections == 0 })
      }
      let counters = try await fixture.counters()
      #expect(counters.accepted == 2_000)
      #expect(counters.webSocketsOpened == 2_000)
      #expect(counters.webSockets == 0)
      #expect(counters.assemblyBytes == 0)
      #expect(handler.currentlyOpen.withLock { $0 } == 0)
    }
  }

  @Test func theSocketHoldsLittleForASlowClient() async throws {
    try await withServer { fixture in
      let socket = try open(fixture)
      let fd = try await fixture.onLoop { server -> [Int32] in
        server.openDescriptors().map { fd in
          var value: Int32 = 0
          var length = socklen_t(4)
          getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &length)
          return value
        }
      }
      // Linux tells twice what was asked for.
      #expect(fd == [2 * 64 * 1_024])
      _ = socket.fd
    }
  }

  @Test func closingTheServerTellsEveryClient() async throws {
    let fixture = try await ServerFixture()
    let socket = try open(fixture)
    let idle = try fixture.socket()
    #expect(idle.request("GET", "/hello")?.status == 200)
    let pending = try fixture.socket()
    pending.send("GET /sleep/100 HTTP/1.1\r\nHost: t\r\n\r\n")
    #expect(try await fixture.until { $0.pendingRequests == 1 })
    await fixture.end()
    #expect(socket.readFrame()?.closeCode == 1_001)
    #expect(idle.readToEnd() == [])
    #expect(pending.readAnswer()?.text == "slept")
    #expect(fixture.handler.events.last == .closed(1_001, "the server is shutting down"))
  }
}
