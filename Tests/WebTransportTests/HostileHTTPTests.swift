import EventLoops
import Glibc
import TestSupport
import Testing

@testable import WebTransport

/// What no client library sends. Every error has a JSON body; the server lives on afterwards.
@Suite(.serialized) struct HostileHTTPTests {
  @Test(arguments: ["POST", "PUT", "PATCH"])
  func aBodyWithoutALengthIs411(method: String) async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send("\(method) /echo HTTP/1.1\r\nHost: t\r\n\r\n")
      let answer = socket.readAnswer()
      #expect(answer?.status == 411)
      #expect(answer?.errorCode == 41_110_000)
      #expect(answer?.headers["connection"] == "close")
      socket.close()
      #expect(try await fixture.isHealthy())
    }
  }

  @Test(arguments: ["POST", "GET", "DELETE"])
  func aChunkedBodyIs411(method: String) async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send(
        "\(method) /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "3\r\nabc\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
      let answer = socket.readAnswer()
      #expect(answer?.errorCode == 41_110_000)
      // What follows the chunks must not be taken for a request.
      socket.shutdownWrites()
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.isHealthy())
    }
  }

  @Test(arguments: ["5, 5", "+5", "5x", "-1", "0x5", "99999999999999999999", "abc", "1 2"])
  func aLengthThatIsNoNumberIs400(length: String) async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: \(length)\r\n\r\nhello")
      #expect(socket.readAnswer()?.errorCode == 40_010_000)
      socket.close()
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func twoLengthsAre400() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send(
        "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
      #expect(socket.readAnswer()?.errorCode == 40_010_000)
    }
  }

  @Test func aLargeBodyIs413AndTheAnswerArrives() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      let body = String(repeating: "x", count: 100_000)
      let answer = socket.request("POST", "/echo", body: body)
      #expect(answer?.status == 413)
      #expect(answer?.errorCode == 41_310_000)
      #expect(socket.readToEnd() == [])
      // So large that it is not read to its end.
      let other = try fixture.socket()
      other.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 900000000\r\n\r\n")
      #expect(other.readAnswer()?.errorCode == 41_310_000)
      other.close()
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func aHeadHasNoBody() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      let answer = socket.request("HEAD", "/hello")
      #expect(answer?.status == 200)
      #expect(answer?.headers["content-length"] == "5")
      // Had a body been sent, it would be read as the start of this answer.
      #expect(socket.request("GET", "/hello")?.text == "hello")
      #expect(socket.request("HEAD", "/nothing")?.status == 404)
      #expect(socket.request("GET", "/hello")?.text == "hello")
    }
  }

  @Test func version10ClosesUnlessAskedNotTo() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send("GET /hello HTTP/1.0\r\n\r\n")
      let answer = socket.readAnswer()
      #expect(answer?.text == "hello")
      #expect(answer?.headers["connection"] == "close")
      #expect(socket.readToEnd() == [])
      let keeper = try fixture.socket()
      for _ in 0..<2 {
        keeper.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(keeper.readAnswer()?.text == "hello")
      }
    }
  }

  @Test func closeIsDoneAsAsked() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      let answer = socket.request("GET", "/hello", headers: "Connection: close\r\n")
      #expect(answer?.headers["connection"] == "close")
      #expect(socket.readToEnd() == [])
    }
  }

  @Test(arguments: [9_000, 20_000, 200_000])
  func headersOverTheLimitAre431(bytes: Int) async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      let value = String(repeating: "h", count: bytes)
      socket.send("GET /hello HTTP/1.1\r\nHost: t\r\nX-Large: \(value)\r\n\r\n")
      let answer = socket.readAnswer()
      #expect(answer?.status == 431)
      #expect(answer?.errorCode == 43_110_000)
      // On a connection that has served a request before, too.
      let other = try fixture.socket()
      #expect(other.request("GET", "/hello")?.status == 200)
      other.send("GET /hello?\(value) HTTP/1.1\r\nHost: t\r\n\r\n")
      #expect(other.readAnswer()?.errorCode == 43_110_000)
      #expect(try await fixture.isHealthy())
    }
  }

  @Test(arguments: [
    "\u{0}\u{1}\u{2}\u{3}garbage\r\n\r\n", "BREW /pot HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /%zz HTTP/1.1\r\nHost: t\r\n\r\n", "GET /%2 HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /hello?a=%g1 HTTP/1.1\r\nHost: t\r\n\r\n", "GET /a%00b HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /%ff%fe HTTP/1.1\r\nHost: t\r\n\r\n", "GET hello HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET http://other/hello HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /a HTTP/1.1\r\nGET /b HTTP/1.1\r\nHost: t\r\n\r\n", "\r\n\r\n\r\n",
    "GET /hello\r\nHost: t\r\n\r\n", "GET /hello HTTP/3\r\nHost: t\r\n\r\n",
    // An end of line in the target, and a header smuggled behind one.
    "GET /hello%0a HTTP/1.1\r\nHost: t\r\n\r\n", "GET /hello?a=b%0D%0A HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /hello?a=%0AX-Forwarded-For:9.9.9.9 HTTP/1.1\r\nHost: t\r\n\r\n",
  ])
  func nonsenseIsAJSONError(text: String) async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send(text)
      let answer = socket.readAnswer()
      #expect(answer?.errorCode == 40_010_000, "\(answer as Any)")
      // And as the second request of a connection.
      let other = try fixture.socket()
      #expect(other.request("GET", "/hello")?.status == 200)
      other.send(text)
      #expect(other.readAnswer()?.errorCode == 40_010_000)
      #expect(other.readToEnd() == [])
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func aConnectIsRefused() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send("CONNECT other:443 HTTP/1.1\r\nHost: t\r\n\r\n")
      #expect(socket.readAnswer()?.errorCode == 50_110_000)
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func pathsAreDecodedOnceAndDoNotClimb() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      #expect(socket.request("GET", "/v2/assets/BTC%2FUSD")?.text == "BTC/USD")
      #expect(socket.request("GET", "/v2/assets/BTC/USD")?.text == "BTC/USD")
      #expect(socket.request("GET", "/v2/assets/%2541")?.text == "%41")
      #expect(socket.request("GET", "/v2/assets/%C3%A9")?.text == "é")
      #expect(socket.request("GET", "/v2/assets/../../hello")?.text == "hello")
      #expect(socket.request("GET", "/v2/assets/%2e%2e/%2e%2e/hello")?.text == "hello")
      #expect(socket.request("GET", "//hello")?.text == "hello")
      #expect(socket.request("GET", "/v2/assets/")?.status == 404)
    }
  }

  @Test func argumentsAreDecoded() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      let target =
        "/query?symbols=AAPL%2CBTC%2FUSD&start=2026-01-01T00%3A00%3A00%2B00%3A00&a=b+c&x&y="
      #expect(
        socket.request("GET", target)?.text
          == "symbols=AAPL,BTC/USD|start=2026-01-01T00:00:00+00:00|a=b c|x=|y=")
      #expect(socket.request("GET", "/query?a=1%26b%3D2&c==")?.text == "a=1&b=2|c==")
      #expect(socket.request("GET", "/query?")?.text == "")
      #expect(socket.request("GET", "/query?a=%ff")?.errorCode == 40_010_000)
    }
  }

  @Test func credentialsAreReadable() async throws {
    try await withServer { fixture in
      let answer = try fixture.socket().request(
        "GET", "/headers",
        headers: "APCA-API-KEY-ID: K\r\nApca-Api-Secret-Key:  S \r\nX-Other: no\r\n")
      #expect(answer?.text == "apca-api-key-id=K|apca-api-secret-key=S|host=test")
    }
  }

  @Test func aSlowHeadIs408() async throws {
    try await withServer({ $0.headTimeoutMilliseconds = 500 }) { fixture in
      let socket = try fixture.socket()
      socket.send("GET /hello HT")
      #expect(socket.readAnswer()?.errorCode == 40_810_000)
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.counters().slowHeads == 1)
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func aSlowBodyIs408() async throws {
    try await withServer({ $0.bodyTimeoutMilliseconds = 500 }) { fixture in
      let socket = try fixture.socket()
      socket.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc")
      #expect(socket.readAnswer()?.errorCode == 40_810_000)
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func anIdleConnectionIsClosed() async throws {
    try await withServer({ $0.keepAliveMilliseconds = 500 }) { fixture in
      let socket = try fixture.socket()
      #expect(socket.request("GET", "/hello")?.text == "hello")
      #expect(socket.readToEnd() == [])
    }
  }

  @Test func aSlowHandlerIsAnsweredForBy503() async throws {
    try await withServer({ $0.answerTimeoutMilliseconds = 300 }) { fixture in
      let socket = try fixture.socket()
      #expect(socket.request("GET", "/sleep/60000")?.errorCode == 50_310_000)
      #expect(socket.readToEnd() == [])
      // The sleep ends by the cancellation of its task.
      #expect(try await fixture.until { $0.pendingRequests == 0 && $0.timedOutRequests == 1 })
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func tooManyPendingRequestsAre503() async throws {
    // They wait for the test and not for a time: on a busy machine the first would be over before
    // the last has come.
    let isReleased = Locked(false)
    try await withServer(
      { $0.pendingRequestsMax = 3 },
      routes: { router, loop in
        router.onAsync(.get, "/held") { _ in
          while !isReleased.withLock({ $0 }) { await loop.sleep(milliseconds: 5) }
          return .text("held")
        }
      }
    ) { fixture in
      let sockets = try (0..<3).map { _ in try fixture.socket() }
      for socket in sockets { socket.send("GET /held HTTP/1.1\r\nHost: t\r\n\r\n") }
      #expect(try await fixture.until { $0.pendingRequests == 3 })
      let extra = try fixture.socket().request("GET", "/held")
      #expect(extra?.errorCode == 50_310_000)
      #expect(extra?.headers["retry-after"] == "1")
      isReleased.withLock { $0 = true }
      for socket in sockets { #expect(socket.readAnswer()?.text == "held") }
    }
  }

  @Test func aClientMayVanishWhileItsAnswerIsPending() async throws {
    try await withServer { fixture in
      for index in 0..<20 {
        let socket = try fixture.socket()
        socket.send("GET /sleep/100 HTTP/1.1\r\nHost: t\r\n\r\n")
        if index % 2 == 0 { socket.reset() } else { socket.close() }
      }
      #expect(try await fixture.until { $0.pendingRequests == 0 && $0.requests >= 10 })
      #expect(try await fixture.isHealthy())
    }
  }

  @Test func largeAnswersArriveWhole() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket(receiveBufferBytes: 8_192)
      for bytes in [200_000, 5_000_000, 10] {
        let answer = socket.request("GET", "/big/\(bytes)")
        #expect(answer?.body.count == bytes)
      }
    }
  }

  @Test func anAnswerThatIsNotReadIsGivenUp() async throws {
    try await withServer({ $0.drainTimeoutMilliseconds = 300 }) { fixture in
      let socket = try fixture.socket(receiveBufferBytes: 4_096)
      socket.send("GET /big/20000000 HTTP/1.1\r\nHost: t\r\n\r\n")
      #expect(try await fixture.until(milliseconds: 25_000) { $0.connections == 0 })
      _ = socket.fd
    }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      var text = ""
      for index in 0..<50 { text += "GET /query?n=\(index) HTTP/1.1\r\nHost: t\r\n\r\n" }
      socket.send(text)
      for index in 0..<50 { #expect(socket.readAnswer()?.text == "n=\(index)") }
      // What follows a body in the same segment is no body of the next request.
      socket.send(
        "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
          + "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"
          + "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
      #expect(socket.readAnswer()?.text == "POST abc")
      #expect(socket.readAnswer()?.text == "POST ")
      #expect(socket.readAnswer()?.text == "hello")
    }
  }

  /// libwebsockets 4.1.6 would never come back from the second request.
  @Test(arguments: [
    "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc",
    "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n",
    "GET /hello HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc",
    "PUT /echo HTTP/1.1\r\nHost: t\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "GET /v2/iex HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  ])
  func aBodyPipelinedBehindARequestIsRefused(second: String) async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      socket.send("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n" + second)
      #expect(socket.readAnswer()?.text == "hello")
      let answer = socket.readAnswer()
      #expect(answer?.errorCode == 40_010_000)
      #expect(answer?.headers["connection"] == "close")
      #expect(socket.readToEnd() == [])
      #expect(try await fixture.isHealthy())
    }
  }

  /// Goal: pending answers cost no CPU, whatever the client has sent behind the request.
  @Test(arguments: [
    "GET /sleep/1000 HTTP/1.1\r\nHost: t\r\n\r\n",
    "POST /sleep/1000 HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx",
  ])
  func pipeliningBehindAPendingRequestDoesNotSpin(request: String) async throws {
    try await withServer { fixture in
      let after = "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n"
      let body = "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
      var sockets: [RawSocket] = []
      for (before, behind, later) in [
        ("", after + body + after, ""), ("", "", after + body), ("", after, after),
      ] {
        let socket = try fixture.socket()
        socket.send(before + request + behind)
        try await Task.sleep(for: .milliseconds(20))
        socket.send(later)
        sockets.append(socket)
      }
      // Behind one that was answered at once, that is from libwebsockets' buffer.
      if request.hasPrefix("GET") {
        let socket = try fixture.socket()
        socket.send(after + request + after + after)
        #expect(socket.readAnswer()?.text == "hello")
        sockets.append(socket)
      }
      // A half-closed client.
      let half = try fixture.socket()
      half.send(request)
      half.shutdownWrites()
      sockets.append(half)
      let count = sockets.count
      #expect(try await fixture.until { $0.pendingRequests == count })
      let before = try await fixture.loop.threadCPUNanoseconds()
      try await Task.sleep(for: .milliseconds(500))
      let spent = try await fixture.loop.threadCPUNanoseconds() - before
      #expect(spent < 20_000_000, "\(spent / 1_000) us of CPU in 500 ms")
      for socket in sockets {
        let answer = socket.readAnswer()
        #expect(answer?.text.hasPrefix("slept") == true)
        #expect(answer?.headers["connection"] == "close")
        #expect(socket.readToEnd() == [])
      }
      #expect(try await fixture.isHealthy())
    }
  }

}
