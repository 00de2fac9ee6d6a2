import TestSupport
import Testing

@testable import WebTransport

/// Requests over real sockets.
@Suite(.serialized) struct HTTPServerTests {
  @Test func answersAGet() async throws {
    try await withServer { fixture in
      let answer = try fixture.socket().request("GET", "/hello")
      #expect(answer?.status == 200)
      #expect(answer?.text == "hello")
      #expect(answer?.headers["content-type"] == "text/plain; charset=utf-8")
      #expect(answer?.headers["connection"] == nil)
      #expect(answer?.headers["date"]?.hasSuffix(" GMT") == true)
    }
  }

  @Test func oneConnectionCarriesEveryMethodWithABody() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      for round in 0..<3 {
        for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
          let body = String(repeating: "\(round)", count: round * 3_000 + 1)
          #expect(socket.request(method, "/echo", body: body)?.text == "\(method) \(body)")
        }
        #expect(socket.request("DELETE", "/echo")?.text == "DELETE ")
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
          #expect(socket.request(method, "/echo", body: "")?.text == "\(method) ")
        }
      }
      #expect(try await fixture.counters().accepted == 1)
    }
  }

  @Test func answersWithoutASuspensionKeepTheConnection() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      for _ in 0..<3 { #expect(socket.request("GET", "/at-once")?.text == "at once") }
      #expect(try await fixture.counters().pendingRequests == 0)
    }
  }

  @Test func aClientThatWaitsForSuspendedAnswersKeepsTheConnection() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      for _ in 0..<3 {
        let answer = socket.request("GET", "/sleep/20")
        #expect(answer?.text == "slept")
        #expect(answer?.headers["connection"] == nil)
        #expect(socket.request("POST", "/sleep/20", body: "abc")?.text == "slept 3")
        #expect(socket.request("POST", "/sleep/0", body: "")?.text.hasPrefix("slept") == true)
        #expect(socket.request("PUT", "/echo", body: "abc")?.text == "PUT abc")
        #expect(socket.request("GET", "/hello")?.text == "hello")
      }
      #expect(try await fixture.counters().accepted == 1)
      let closing = "GET /sleep/20 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
      socket.send(closing)
      #expect(socket.readAnswer()?.headers["connection"] == "close")
      #expect(socket.readToEnd() == [])
    }
  }

  @Test func unknownPathsAndMethodsAreJSONErrors() async throws {
    try await withServer { fixture in
      let socket = try fixture.socket()
      let missing = socket.request("GET", "/nothing")
      #expect(missing?.status == 404)
      #expect(missing?.errorCode == 40_410_000)
      let wrong = socket.request("DELETE", "/hello")
      #expect(wrong?.status == 405)
      #expect(wrong?.headers["allow"] == "GET, HEAD")
      #expect(wrong?.errorCode == 40_510_000)
      #expect(socket.request("GET", "/hello")?.status == 200)
    }
  }
}
