import EventLoops
import Glibc
import TestSupport
import Testing

@testable import WebTransport

/// The client against servers that misbehave: it ends, once, with a reason, and leaves nothing behind.
@Suite(.serialized) struct HostileServerTests {
  /// What becomes of a connection whose peer does `script`.
  private func end(
    _ configure: @escaping @Sendable (inout WebSocketClientConfiguration) -> Void = { _ in },
    _ script: (RawSocket) -> Void
  ) async throws -> WebSocketEnd? {
    let listener = try RawListener()
    var end: WebSocketEnd?
    try await withClient(configure) { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.accept())
      script(peer)
      end = try await fixture.ended()
      #expect(
        fixture.handler.events.count { if case .ended = $0 { true } else { false } } == 1)
    }
    return end
  }

  @Test func nobodyListens() async throws {
    let port = try RawListener().port
    try await withClient { fixture in
      try await fixture.connect("ws://127.0.0.1:\(port)/")
      let end = try #require(try await fixture.ended())
      #expect(end.stage == .connect)
      #expect(end.description == "ws://127.0.0.1:\(port)/: 127.0.0.1: Connection refused")
    }
  }

  /// How it failed: libwebsockets left a uv_poll_t open, and the loop could not end.
  @Test func anAddressWithoutARouteIsToldAndLeavesNothingOpen() async throws {
    try await withClient { fixture in
      // The broadcast address: connect() refuses it at once.
      try await fixture.connect("ws://255.255.255.255:9/")
      let end = try #require(try await fixture.ended())
      #expect(end.stage == .connect)
      #expect(end.description.contains("255.255.255.255: "))
      #expect(try await fixture.openAttempts() == 0)
    }
  }

  /// How it failed: libwebsockets wrote all that came behind its buffer.
  @Test func aPeerThatSendsOnAfterAMessageOverTheBoundDoesNoHarm() async throws {
    let end = try #require(
      try await end({
        $0.messageBytesMax = 20_000
        $0.closeMilliseconds = 300
      }) { peer in
        peer.answerUpgrade()
        peer.sendFrame(2, [UInt8](repeating: 1, count: 8_000_000), isMasked: false)
      })
    #expect(end.code == 1_009)
  }

  @Test func aConnectionThatIsNotAcceptedIsGivenUp() async throws {
    let listener = try RawListener(backlog: 0)
    let filling = try (0..<2).map { _ in
      let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = listener.port.bigEndian
      inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
      let length = socklen_t(MemoryLayout<sockaddr_in>.size)
      _ = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(fd, $0, length) }
      }
      guard fd >= 0 else { throw RawSocketError(description: "socket") }
      return fd
    }
    defer { for fd in filling { close(fd) } }
    try await withClient({ $0.connectMilliseconds = 100 }) { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let end = try #require(try await fixture.ended())
      #expect(end.stage == .connect)
      #expect(end.description.contains("no connection within 100 ms"))
    }
  }

  @Test func noAnswerToTheUpgrade() async throws {
    let end = try #require(
      try await end({ $0.handshakeMilliseconds = 100 }) { _ = $0.readRequestHead() })
    #expect(end.stage == .upgrade)
    #expect(end.description.contains("no answer to the upgrade within 100 ms"))
  }

  @Test(arguments: [403, 302, 200, 500])
  func anotherStatusThan101IsTold(status: Int) async throws {
    let end = try #require(
      try await end { peer in
        _ = peer.readRequestHead()
        peer.send(
          "HTTP/1.1 \(status) X\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n{}")
      })
    #expect(end.stage == .upgrade)
    #expect(end.status == UInt16(status))
    #expect(end.description.contains("status \(status)"))
  }

  @Test(arguments: [
    "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 101 X\r\n\r\n",
    "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
    "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
    "HTTP/1.1 101 X\r\nX: " + String(repeating: "y", count: 100_000) + "\r\n\r\n",
    "\u{0}\u{1}\u{2}\u{3}\r\n\r\n\r\n\r\n", "HTTP/1.1",
  ])
  func garbageInsteadOfAnAnswer(answer: String) async throws {
    let end = try #require(
      try await end({ $0.handshakeMilliseconds = 1_000 }) { peer in
        _ = peer.readRequestHead()
        peer.send(answer)
        peer.shutdownWrites()
      })
    #expect(end.stage == .upgrade)
    #expect(end.code == 1_006)
  }

  @Test func theEndInTheMiddleOfAFrame() async throws {
    let end = try #require(
      try await end { peer in
        peer.answerUpgrade(behind: Array(RawSocket.frame(1, [1, 2, 3, 4], isMasked: false)[..<4]))
        peer.close()
      })
    #expect(end.stage == .open)
    #expect(end.code == 1_006)
    #expect(end.description.contains("broke"))
  }

  @Test(arguments: [
    RawSocket.frame(3, [1], isMasked: false),  // a reserved opcode
    RawSocket.frame(1, [65], isMasked: false, first: 0xc1),  // compressed, which was not offered
    RawSocket.frame(0, [65], isMasked: false),  // a continuation of nothing
    RawSocket.frame(9, [UInt8](repeating: 0, count: 126), isMasked: false),  // a long ping
    [0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],  // a negative length
  ])
  func framesThatRFC6455Forbids(frame: [UInt8]) async throws {
    let end = try #require(try await end { $0.answerUpgrade(behind: frame) })
    #expect(end.stage == .open)
  }

  @Test func aMessageOverTheBoundEndsWith1009() async throws {
    var told: RawFrame?
    let end = try #require(
      try await end({ $0.messageBytesMax = 100_000 }) { peer in
        peer.answerUpgrade()
        peer.sendFrame(2, [UInt8](repeating: 1, count: 60_000), isFinal: false, isMasked: false)
        peer.sendFrame(0, [UInt8](repeating: 1, count: 60_000), isMasked: false)
        told = peer.readMaskedFrame()
      })
    #expect(end.code == 1_009)
    #expect(end.description.contains("over 100000 bytes"))
    #expect(told?.closeCode == 1_009)
  }

  @Test func aFrameThatAnnouncesAPetabyteIsRefusedAtItsBeginning() async throws {
    let end = try #require(
      try await end { peer in
        peer.answerUpgrade(
          behind: [0x82, 0x7f, 0, 4, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 1, count: 20_000))
      })
    #expect(end.code == 1_009)
  }

  @Test func textThatIsNotUTF8EndsWith1007() async throws {
    let end = try #require(
      try await end { $0.answerUpgrade(behind: RawSocket.frame(1, [0xff], isMasked: false)) })
    #expect(end.code == 1_007)
  }

  @Test func thePeersCloseIsToldWithItsReason() async throws {
    var answer: RawFrame?
    let end = try #require(
      try await end { peer in
        peer.answerUpgrade(
          behind: RawSocket.frame(8, [0x03, 0xe9] + Array("b\u{7}ye".utf8), isMasked: false))
        answer = peer.readMaskedFrame()
        peer.close()
      })
    #expect(end.code == 1_001)
    #expect(end.description.hasSuffix("the server closed with 1001: b?ye"))
    #expect(answer?.closeCode == 1_001)
  }

  @Test func aCloseThatIsNotAnsweredEndsAnyway() async throws {
    let listener = try RawListener()
    try await withClient({ $0.closeMilliseconds = 100 }) { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.acceptWebSocket())
      #expect(try await fixture.until { $0.events == [.opened] })
      try await fixture.onLoop { $0.close(code: 1_000, reason: "done") }
      #expect(try await fixture.ended()?.code == 1_000)
      #expect(peer.readMaskedAnswer()?.closeCode == 1_000)
    }
  }

  @Test func anUnlimitedStreamOfPingsIsAnsweredWithoutGrowth() async throws {
    let listener = try RawListener()
    try await withClient { fixture in
      try await fixture.connect("ws://127.0.0.1:\(listener.port)/")
      let peer = try #require(listener.acceptWebSocket())
      let pings = (0..<1_000).flatMap { _ in RawSocket.frame(9, [1, 2], isMasked: false) }
      for _ in 0..<20 { peer.send(pings) }
      peer.sendFrame(1, Array("alive".utf8), isMasked: false)
      #expect(try await fixture.until { $0.received.messages == 1 })
    }
  }
}
