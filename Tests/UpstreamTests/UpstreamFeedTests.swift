import EventLoops
import Feeds
import Glibc
import TestSupport
import Testing
import WebTransport

@testable import Upstream

/// The feed against a scripted server.
@Suite(.serialized) struct UpstreamFeedTests {
  @Test func eventsComeInOrderAndTheEndMakesThemStale() async throws {
    try await withUpstream({ $0.credentials = UpstreamCredentials(key: "K", secret: "S") }) {
      fixture in
      let peer = try #require(fixture.listener.acceptWebSocket())
      peer.say("[{\"T\":\"success\",\"msg\":\"connected\"}]")
      #expect(peer.hear() == "{\"action\":\"auth\",\"key\":\"K\",\"secret\":\"S\"}")
      peer.say("[{\"T\":\"success\",\"msg\":\"authenticated\"}]")
      #expect(
        peer.hear()
          == "{\"action\":\"subscribe\",\"trades\":[\"AAPL\",\"MSFT\"],\"quotes\":[\"AAPL\",\"MSFT\"]}"
      )
      // Data may overtake the acknowledgement, which may come in fragments.
      peer.trade("AAPL", 1)
      peer.sendFrame(1, Array("[{\"T\":\"subscr".utf8), isFinal: false, isMasked: false)
      peer.sendFrame(0, Array("iption\",\"trades\":[]}]".utf8), isFinal: false, isMasked: false)
      peer.sendFrame(0, [], isMasked: false)
      #expect(try await fixture.until { $0.ups == 1 })
      peer.trade("MSFT", 2)
      peer.trade("AAPL", 3)
      #expect(try await fixture.until { $0.events.count == 3 })
      peer.close()
      #expect(try await fixture.until { $0.downs.count == 1 })
      let log = fixture.now
      #expect(
        log.events == [
          "t AAPL 1", "t MSFT 2", "t AAPL 3", "stale AAPL", "stale MSFT", "loss AAPL", "loss MSFT",
        ])
      #expect(log.positions == log.positions.sorted())
      #expect(Set(log.positions).count == log.positions.count)
    }
  }

  @Test func itReconnectsAndResubscribes() async throws {
    try await withUpstream { fixture in
      for round in 1...5 {
        let peer = try #require(fixture.listener.acceptWebSocket())
        try peer.serve()
        #expect(try await fixture.until { $0.ups == round })
        peer.reset()
      }
      #expect(try await fixture.until { $0.downs.count == 5 })
      // Nothing was held, so nothing is stale.
      #expect(fixture.now.events.isEmpty)
    }
  }

  @Test func numbersTellWhatIsMissingEvenOverAReconnect() async throws {
    try await withUpstream { fixture in
      let first = try #require(fixture.listener.acceptWebSocket())
      try first.serve()
      first.trade("AAPL", 1, "\"E\":7,\"N\":10,\"P\":0,")
      first.trade("AAPL", 2, "\"E\":7,\"N\":20,\"P\":10,")
      first.trade("AAPL", 3, "\"E\":7,\"N\":40,\"P\":30,")
      #expect(try await fixture.until { $0.events.count == 4 })
      first.close()
      let second = try #require(fixture.listener.acceptWebSocket())
      try second.serve()
      // Nothing was missed for AAPL; a restart of the feed's numbers names the old epoch.
      second.trade("AAPL", 4, "\"E\":7,\"N\":50,\"P\":40,")
      second.trade("AAPL", 5, "\"E\":8,\"N\":3,\"P\":50,\"Q\":7,")
      second.trade("AAPL", 6, "\"E\":8,\"N\":9,\"P\":8,")
      #expect(try await fixture.until { $0.events.count == 9 })
      let log = fixture.now
      #expect(
        log.events == [
          "t AAPL 1", "t AAPL 2", "loss AAPL", "t AAPL 3", "stale AAPL", "t AAPL 4", "t AAPL 5",
          "loss AAPL", "t AAPL 6",
        ])
      #expect(log.positions == log.positions.sorted())
    }
  }

  @Test func anUpstreamsGapAndStaleGoOn() async throws {
    try await withUpstream { fixture in
      let peer = try #require(fixture.listener.acceptWebSocket())
      try peer.serve()
      peer.trade("AAPL", 1, "\"E\":7,\"N\":10,\"P\":0,")
      peer.trade("MSFT", 1, "\"E\":7,\"N\":11,\"P\":0,")
      peer.say("[{\"T\":\"gap\",\"S\":\"AAPL\",\"c\":\"trades\",\"missed\":2}]")
      // The trade behind the gap does not follow the last one, and that is the same loss.
      peer.trade("AAPL", 2, "\"E\":7,\"N\":20,\"P\":15,")
      peer.say("[{\"T\":\"gap\",\"S\":\"NEVER\",\"c\":\"trades\",\"missed\":null}]")
      peer.say("[{\"T\":\"gap\",\"S\":\"*\",\"c\":\"trades\",\"missed\":null}]")
      peer.say(
        "[{\"T\":\"stale\",\"S\":\"AAPL\",\"c\":\"trades\",\"since\":\"2026-11-21T06:23:00Z\"}]")
      #expect(try await fixture.until { $0.events.count == 7 })
      #expect(
        fixture.now.events == [
          "t AAPL 1", "t MSFT 1", "loss AAPL", "t AAPL 2", "loss AAPL", "loss MSFT", "stale AAPL",
        ])
    }
  }

  @Test func aSilentMarketIsNoFaultWhilePingsAreAnswered() async throws {
    try await withUpstream({
      $0.client.pingMilliseconds = 20
      $0.client.silenceMaxMilliseconds = 1_000
    }) { fixture in
      let peer = try #require(fixture.listener.acceptWebSocket())
      try peer.serve()
      peer.trade("AAPL", 1)
      for _ in 0..<75 {
        let ping = try #require(peer.readMaskedFrame())
        peer.sendFrame(10, ping.payload, isMasked: false)
      }
      #expect(fixture.now.events == ["t AAPL 1"])
      // And a dead one is one.
      #expect(try await fixture.until { $0.downs.count == 1 })
      #expect(fixture.now.downs[0].contains("nothing was heard"))
      #expect(fixture.now.events == ["t AAPL 1", "stale AAPL", "loss AAPL"])
    }
  }

  @Test func theDataTimeoutIsForAMarketThatShouldNotBeSilent() async throws {
    try await withUpstream({
      $0.client.pingMilliseconds = 10
      $0.dataTimeoutMilliseconds = 1_000
    }) { fixture in
      let peer = try #require(fixture.listener.acceptWebSocket())
      try peer.serve()
      // Without a suspension: this task might wait for a thread longer than that.
      for size in 1...6 {
        peer.trade("AAPL", size)
        usleep(250_000)
      }
      #expect(fixture.now.downs.isEmpty)
      while peer.hear() != nil {}
      peer.close()
      #expect(try await fixture.until { $0.downs.count == 1 })
      #expect(fixture.now.downs[0].contains("no market data for"))
      #expect(fixture.now.downs[0].contains("though pings are answered"))
    }
  }

  @Test func aWrongKeyIsToldOnceAndTriedSeldom() async throws {
    try await withUpstream({ $0.credentials = UpstreamCredentials(key: "K", secret: "TOPSECRET") })
    {
      fixture in
      let peer = try #require(fixture.listener.acceptWebSocket())
      peer.say("[{\"T\":\"success\",\"msg\":\"connected\"}]")
      _ = peer.hear()
      peer.say("[{\"T\":\"error\",\"code\":402,\"msg\":\"auth failed\"}]")
      #expect(try await fixture.until { $0.downs.count == 1 })
      let log = fixture.now
      #expect(log.waits == [77_777])
      #expect(
        log.downs[0].hasSuffix(
          "the server refuses with 402 \"auth failed\": the key or its secret is wrong"))
      #expect(!log.downs[0].contains("TOPSECRET"))
      #expect(fixture.listener.accept(milliseconds: 200) == nil)
    }
  }

  /// A script of a server, and words of the reason that it leads to.
  struct Script: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var words: String
    var isSlow = false
    var run: @Sendable (RawSocket) throws -> Void
  }

  static let scripts: [Script] = [
    Script(testDescription: "never answers the upgrade", words: "no answer to the upgrade") {
      _ = $0.readRequestHead()
    },
    Script(testDescription: "refuses the upgrade", words: "status 403", isSlow: true) {
      _ = $0.readRequestHead()
      $0.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    },
    Script(testDescription: "is overloaded", words: "status 503") {
      _ = $0.readRequestHead()
      $0.send("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n")
    },
    Script(testDescription: "never says connected", words: "no \"connected\" within 200 ms") {
      $0.answerUpgrade()
      _ = $0.hear()
    },
    Script(testDescription: "never acknowledges", words: "no acknowledgement") {
      $0.answerUpgrade()
      $0.say("[{\"T\":\"success\",\"msg\":\"connected\"}]")
      while $0.hear() != nil {}
    },
    Script(testDescription: "acknowledges before it is asked", words: "before anything was asked") {
      $0.answerUpgrade()
      $0.say("[{\"T\":\"subscription\",\"trades\":[\"AAPL\"]}]")
    },
    Script(testDescription: "sends data first", words: "before the credentials were accepted") {
      $0.answerUpgrade()
      $0.trade("AAPL", 1)
    },
    Script(testDescription: "sends garbage", words: "a frame is malformed") {
      $0.answerUpgrade()
      $0.say("<html>")
    },
    Script(testDescription: "sends an object, not an array", words: "a frame is malformed") {
      $0.answerUpgrade()
      $0.say("{\"T\":\"success\",\"msg\":\"connected\"}")
    },
    Script(testDescription: "speaks MessagePack", words: "binary messages", isSlow: true) {
      $0.answerUpgrade()
      $0.sendFrame(2, [0x91, 0x80], isMasked: false)
    },
    Script(testDescription: "closes in the middle of a frame", words: "broke without a close frame")
    {
      $0.answerUpgrade(behind: Array(RawSocket.frame(1, [1, 2, 3, 4], isMasked: false)[..<4]))
      $0.close()
    },
    Script(testDescription: "sends more than is taken", words: "a message is over 100000 bytes") {
      $0.answerUpgrade()
      $0.sendFrame(1, [UInt8](repeating: 0x20, count: 2_000_000), isMasked: false)
    },
    Script(testDescription: "says goodbye", words: "the server closed with 1001: bye") {
      $0.answerUpgrade()
      $0.sendFrame(8, [0x03, 0xe9] + Array("bye".utf8), isMasked: false)
    },
  ]

  @Test(arguments: scripts)
  func aServerThatMisbehavesIsLeftWithAReason(script: Script) async throws {
    try await withUpstream({
      $0.stepMilliseconds = 200
      $0.client.handshakeMilliseconds = 200
      $0.client.messageBytesMax = 100_000
    }) { fixture in
      // An attempt may have been given up before this task came to it, which is no answer to the
      // script: the next one is scripted then.
      var found: Int?
      for _ in 0..<50 where found == nil {
        let ends = fixture.now.downs.count
        guard let peer = fixture.listener.accept() else { break }
        try? script.run(peer)
        // This attempt ends, or one that comes without a script.
        _ = try await fixture.until(milliseconds: 20_000) { $0.downs.count > ends }
        found = fixture.now.downs.firstIndex { $0.contains(script.words) }
      }
      let log = fixture.now
      let index = try #require(found, "\(log.downs)")
      #expect(log.downs[index].hasPrefix("ws://127.0.0.1:"))
      #expect((log.waits[index] == 77_777) == script.isSlow)
      #expect(log.ups == 0)
      // It comes again, and then all is well. On a busy machine an attempt may have been given up
      // before it is answered here.
      guard !script.isSlow else { return }
      for _ in 0..<50 where fixture.now.ups == 0 {
        guard let next = fixture.listener.acceptWebSocket(), next.serveIfAsked() else { continue }
        _ = try await fixture.until(milliseconds: 1_000) { $0.ups == 1 }
      }
      #expect(fixture.now.ups == 1)
    }
  }

  @Test func aMalformedFrameLaterIsSkipped() async throws {
    try await withUpstream { fixture in
      let peer = try #require(fixture.listener.acceptWebSocket())
      try peer.serve()
      peer.say("[{\"T\":\"t\",\"S\":\"AAPL\"")
      peer.say("[{\"T\":\"t\",\"S\":\"aapl\",\"p\":1}]")
      peer.trade("AAPL", 1)
      #expect(try await fixture.until { $0.events == ["t AAPL 1"] })
      #expect(try await fixture.counters().malformedFrames == 1)
      #expect(fixture.now.notes.count == 1)
    }
  }

  @Test func frameOfOneMebibyteIsTaken() async throws {
    try await withUpstream { fixture in
      let peer = try #require(fixture.listener.acceptWebSocket())
      try peer.serve()
      let one =
        "{\"T\":\"t\",\"S\":\"AAPL\",\"t\":\"2026-11-21T06:23:00Z\",\"p\":1.5,\"s\":1}"
      let count = 1_200_000 / (one.utf8.count + 1)
      peer.say("[" + [String](repeating: one, count: count).joined(separator: ",") + "]")
      #expect(try await fixture.until { $0.events.count == count })
    }
  }
}
