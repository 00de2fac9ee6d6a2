import Testing

@testable import WebTransport

@Suite struct WebSocketURLTests {
  @Test(arguments: [
    ("ws://127.0.0.1:8080/v2/iex", false, "127.0.0.1", 8_080, "/v2/iex"),
    ("wss://stream.example.com/v2/iex", true, "stream.example.com", 443, "/v2/iex"),
    ("ws://h", false, "h", 80, "/"),
    ("ws://h?x=1", false, "h", 80, "/?x=1"),
    ("ws://[::1]:81/a?b=c", false, "::1", 81, "/a?b=c"),
  ])
  func parts(text: String, isSecure: Bool, host: String, port: Int, target: String) throws {
    let url = try WebSocketURL(text)
    #expect(url.isSecure == isSecure)
    #expect(url.host == host)
    #expect(url.port == UInt16(port))
    #expect(url.target == target)
  }

  @Test func itsDescriptionHidesTheQuery() throws {
    #expect("\(try WebSocketURL("wss://h:444/p?token=secret"))" == "wss://h:444/p")
    #expect("\(try WebSocketURL("ws://[::1]:80/"))" == "ws://[::1]/")
  }

  @Test(arguments: [
    "", "http://h/", "ws://", "ws:///x", "ws://h:0/", "ws://h:65536/", "ws://h:+1/", "ws://h:/",
    "ws://user:password@h/", "ws://h/#x", "ws://h/ x", "ws://h/\r\nX: y", "ws://h\u{e4}/",
    "ws://[::1/", "ws://[::1]x/", "ws://[zz]/", "wss://[::1]/", "ws://a b/", "ws://h,i/",
    "ws://" + String(repeating: "h", count: 111) + "/",
    "ws://h/" + String(repeating: "p", count: 1_500),
  ])
  func refuses(text: String) {
    let error = #expect(throws: WebTransportError.self) { try WebSocketURL(text) }
    #expect(error?.code == .badURL)
    #expect(error?.reason.contains("password") == false)
  }
}
