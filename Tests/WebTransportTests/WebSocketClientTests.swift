import EventLoops
import TestSupport
import Testing

@testable import WebTransport

/// The client against the server of the same target and against scripted peers.
@Suite(.serialized) struct WebSocketClientTests {
  @Test func speaksWithOurOwnServer() async throws {
    try await withServer { server in
      let handler = server.handler
      try await server.onLoop { web in
        handler.onMessage = { id, opcode, bytes in
          _ = web.sendControl(id, bytes.span.bytes, opcode: opcode)
        }
      }
      try await withClient { fixture in
        try await fixture.connect(
          "ws://127.0.0.1:\(server.port)/v2/iex",
          headers: [("Content-Type", "application/msgpack"), ("Origin", "here")])
        #expect(try await fixture.until { $0.events == [.opened] })
        try await fixture.onLoop { socket in
          #expect(socket.send("hello".utf8.span.bytes, opcode: .text) == .drained)
          #expect(socket.send(([1, 2, 3] as [UInt8]).span.bytes, opcode: .binary) == .drained)
        }
        let echoed: [RecordingClient.Event] = [
          .opened, .message(.text, 5, "hello"), .message(.binary, 3, "\u{1}\u{2}\u{3}"),
        ]
        #expect(try await fixture.until { $0.events.count == 3 })
        #expect(fixture.handler.events == echoed)
        try await fixture.onLoop { $0.close(code: 4_001, reason: "enough") }
        let end = try #require(try await fixture.ended())
        #expect(end.code == 4_001)
        #expect(end.stage == .open)
        #expect(end.description == "ws://127.0.0.1:\(server.port)/v2/iex: enough")
        #expect(try await server.until { $0.connections == 0 })
        #expect(handler.events.first == .opened(7, "application/msgpack"))
        #expect(handler.events.last == .closed(4_001, "enough"))
      }
    }
  }

  @Test func theFirstFrameMayComeInTheSegmentOfTheAnswer() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.accept())
      peer.answerUpgrade(
        behind: RawSocket.frame(1, Array("hello".utf8), isMasked: false)
          + RawSocket.frame(1, Array("again".utf8), isMasked: false))
      #expect(try await fixture.until { $0.received.messages == 2 })
      #expect(
        fixture.handler.events == [
          .opened, .message(.text, 5, "hello"), .message(.text, 5, "again"),
        ])
    }
  }

  @Test func anAnswerMayComeByteByByte() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.accept())
      let head = try #require(peer.readRequestHead())
      let answer = RawSocket.upgradeAnswer(to: head)
      let frame = RawSocket.frame(2, [9, 8, 7], isMasked: false)
      for byte in Array(answer.utf8) + frame {
        peer.send([byte])
        try await Task.sleep(for: .microseconds(200))
      }
      #expect(try await fixture.until { $0.received.messages == 1 })
    }
  }

  @Test func theRequestIsAsRFC6455Wants() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      try await fixture.connect(
        "ws://127.0.0.1:\(listener.port)/v2/iex?a=b", headers: [("X-Own", "1")])
      let peer = try #require(listener.accept())
      let head = try #require(peer.answerUpgrade())
      let lines = head.split(separator: "\r\n").map(String.init)
      #expect(lines.first == "GET /v2/iex?a=b HTTP/1.1")
      #expect(lines.contains("Host: 127.0.0.1:\(listener.port)"))
      #expect(lines.contains("Upgrade: websocket"))
      #expect(lines.contains("Sec-WebSocket-Version: 13"))
      #expect(lines.contains("X-Own: 1"))
      #expect(!head.lowercased().contains("extensions"))
      #expect(try await fixture.until { $0.events == [.opened] })
      try await fixture.onLoop { _ = $0.send("x".utf8.span.bytes, opcode: .text) }
      #expect(peer.readMaskedAnswer() == RawFrame(opcode: 1, payload: Array("x".utf8)))
    }
  }

  @Test func fragmentsAreAssembledWithPingsBetweenThem() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.acceptWebSocket())
      peer.sendFrame(1, Array("he".utf8), isFinal: false, isMasked: false)
      peer.sendFrame(9, Array("are you there".utf8), isMasked: false)
      peer.sendFrame(0, Array("llo".utf8), isFinal: false, isMasked: false)
      peer.sendFrame(0, [], isMasked: false)
      #expect(try await fixture.until { $0.received.messages == 1 })
      #expect(fixture.handler.events.last == .message(.text, 5, "hello"))
      #expect(peer.readMaskedAnswer() == RawFrame(opcode: 10, payload: Array("are you there".utf8)))
      // Larger than a receive piece, in one frame and in several.
      let large = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000)
      peer.sendFrame(2, large, isMasked: false)
      peer.sendFrame(2, large, isFinal: false, isMasked: false)
      peer.sendFrame(0, large, isMasked: false)
      #expect(try await fixture.until { $0.received.bytes == 5 + 300_000 })
    }
  }

  @Test func aBurstOfThirtyThousandFramesDoesNotStall() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      fixture.handler.keepsMessages = false
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.acceptWebSocket())
      let one = RawSocket.frame(1, Array("[{\"T\":\"t\"}]".utf8), isMasked: false)
      var burst: [UInt8] = []
      for _ in 0..<3_000 { burst += one }
      for _ in 0..<10 { peer.send(burst) }
      #expect(try await fixture.until(milliseconds: 20_000) { $0.received.messages == 30_000 })
    }
  }

  @Test func aSilentPeerThatAnswersPingsIsAliveAndOneThatDoesNotIsDead() async throws {
    let listener = try RawListener()
    try await withClient({
      $0.pingMilliseconds = 20
      $0.silenceMaxMilliseconds = 1_000
    }) { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.acceptWebSocket())
      // Well over the silence: each ping is answered.
      for _ in 0..<75 {
        let ping = try #require(peer.readMaskedFrame())
        #expect(ping.opcode == 9)
        peer.sendFrame(10, ping.payload, isMasked: false)
      }
      #expect(fixture.handler.events == [.opened])
      let end = try #require(try await fixture.ended())
      #expect(end.code == 1_006)
      #expect(end.description.contains("nothing was heard"))
    }
  }

  @Test func sendingToAPeerThatDoesNotReadIsRefusedThenGoesOn() async throws {
    let listener = try RawListener()
    try await withClient({ $0.silenceMaxMilliseconds = 60_000 }) { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.acceptWebSocket())
      #expect(try await fixture.until { $0.events == [.opened] })
      let sent = try await fixture.onLoop { socket in
        let large = [UInt8](repeating: 7, count: 1_000_000)
        var sent = 0
        var outcome = SendOutcome.drained
        while outcome == .drained, sent < 100 {
          outcome = socket.send(large.span.bytes, opcode: .binary)
          sent += 1
        }
        #expect(outcome == .buffered)
        #expect(socket.send(large.span.bytes, opcode: .binary) == .refused)
        return sent
      }
      for _ in 0..<sent {
        #expect(peer.readMaskedAnswer()?.payload.count == 1_000_000)
      }
      #expect(try await fixture.until { $0.events.contains(.writable) })
      try await fixture.onLoop {
        #expect($0.send(([1] as [UInt8]).span.bytes, opcode: .binary) == .drained)
      }
    }
  }

  @Test func closingBeforeItIsOpenIsToldOnce() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      try await fixture.onLoop {
        $0.close()
        $0.close()
      }
      #expect(try await fixture.ended()?.description.contains("given up") == true)
      #expect(fixture.handler.events.count == 1)
    }
  }

  @Test func aNameIsLookedUp() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      // It may have an IPv6 address first, where nobody listens.
      try await fixture.connect("ws://localhost:\(listener.port)/")
      let peer = try #require(listener.acceptWebSocket())
      #expect(try await fixture.until { $0.events == [.opened] })
      peer.close()
    }
  }

  @Test func oneClientMakesConnectionAfterConnection() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      for round in 1...50 {
        try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
        let peer = try #require(listener.acceptWebSocket())
        peer.sendFrame(1, Array("x".utf8), isMasked: false)
        #expect(try await fixture.until { $0.received.messages == round })
        if round.isMultiple(of: 2) { peer.reset() } else { peer.close() }
        #expect(
          try await fixture.until { log in
            log.events.count { if case .ended = $0 { true } else { false } } == round
          })
      }
      var left = -1
      for _ in 0..<200 where left != 0 {
        left = try await fixture.openAttempts()
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(left == 0)
    }
  }
}
