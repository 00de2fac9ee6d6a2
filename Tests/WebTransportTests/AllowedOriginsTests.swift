import TestSupport
import Testing

@testable import WebTransport

struct AllowedOriginsTests {
  @Test(arguments: [
    ("https://app.example.com", true), ("HTTPS://App.Example.COM", true),
    ("https://app.example.com:443", true), ("https://app.example.com:8443", false),
    ("http://app.example.com", false), ("https://example.com", false),
    ("https://app.example.com.evil.com", false),
    ("https://evil.com/https://app.example.com", false),
    ("https://app.example.com/", false), ("https://user@app.example.com", false),
    ("http://localhost:3000", true), ("http://localhost", false), ("http://localhost:03000", false),
    ("http://localhost:3000,https://app.example.com", false),
    ("http://localhost:3000 https://app.example.com", false), ("http://[::1]:9", true),
    ("http://[::1]", false), ("null", false), ("NULL", false), ("", false), ("*", false),
    ("://", false), ("https://", false), ("app.example.com", false), ("file://", false),
    ("https://\u{212a}.example.com", false), ("http://localhost:", false),
    ("http://localhost:99999", false), ("http://[::1", false), ("http://]:3000", false),
  ])
  func equalToTheLetterButForCaseAndTheUsualPort(origin: String, expected: Bool) throws {
    let allowed = try #require(
      AllowedOrigins(
        parsing:
          "https://app.example.com, http://localhost:3000,HTTP://[::1]:9,http://k.example.com"))
    #expect(allowed.allows(origin) == expected)
    #expect(allowed.allows(nil))
    #expect(AllowedOrigins.any.allows(origin))
  }

  @Test func nullIsAllowedWhereItIsListed() throws {
    let allowed = try #require(AllowedOrigins(parsing: "null"))
    #expect(allowed.allows("null") && !allowed.allows("Null") && !allowed.allows("https://a.b"))
    #expect(AllowedOrigins(parsing: "*") == .any)
  }

  @Test(arguments: [
    "", ",", "https://a.b,", "a.b", "https://a.b/path", "https://a.b?x", "https://*.a.b",
    "*,https://a.b",
    "https://a b", "https://a.b:0", "https://a.b:x", "https://a.b\r\nX: y", "1http://a",
  ])
  func whatIsNoListIsRefused(text: String) {
    #expect(AllowedOrigins(parsing: text) == nil)
  }

  @Test func garbageNeverTraps() {
    for seed in UInt64(1)...2_000 {
      var random = SplitMix64(seed: seed)
      let pieces = [
        "http", "://", ":", "[", "]", "a", ".", "80", ",", " ", "\u{0}", "é", "null", "/",
      ]
      let text = (0..<Int.random(in: 0...8, using: &random)).map { _ in
        pieces.randomElement(using: &random)!
      }.joined()
      let list = AllowedOrigins(parsing: text)
      // What one list says of itself is so.
      if let list, list != .any, !text.contains(",") {
        #expect(list.allows(text.split(separator: " ").joined()), "seed \(seed): \(text)")
      }
    }
  }
}

@Suite(.serialized) struct OriginTests {
  private func status(_ fixture: ServerFixture, _ headers: String) throws -> Int? {
    let answer = try fixture.socket().openWebSocket(headers: headers)
    if answer?.status != 101 { #expect(answer?.errorCode == 40_310_000) }
    return answer?.status
  }

  @Test func pagesOfOthersAreRefusedWith403() async throws {
    let allowed = try #require(AllowedOrigins(parsing: "https://app.example.com"))
    try await withServer({ $0.allowedOrigins = allowed }) { fixture in
      #expect(try status(fixture, "") == 101)
      #expect(try status(fixture, "Origin: https://app.example.com\r\n") == 101)
      #expect(try status(fixture, "origin:   HTTPS://APP.example.com:443  \r\n") == 101)
      #expect(try status(fixture, "Origin: https://evil.com\r\n") == 403)
      #expect(try status(fixture, "Origin: null\r\n") == 403)
      // Several, in either order.
      let good = "Origin: https://app.example.com\r\n"
      let bad = "Origin: https://evil.com\r\n"
      #expect(try status(fixture, good + bad) == 403)
      #expect(try status(fixture, bad + good) == 403)
      #expect(try status(fixture, good + good) == 403)
      #expect(try await fixture.counters().refusedOrigins == 5)
      // It is about WebSockets alone.
      let answer = try fixture.socket().request("GET", "/hello", headers: bad)
      #expect(answer?.status == 200)
      #expect(try await fixture.until { $0.webSockets == 0 })
    }
  }

  @Test func withoutAListEveryPageMayCome() async throws {
    try await withServer { fixture in
      let answer = try status(fixture, "Origin: https://evil.com\r\n")
      #expect(answer == 101)
    }
  }
}
