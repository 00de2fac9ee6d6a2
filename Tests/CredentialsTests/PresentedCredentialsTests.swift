import ServiceSupport
import Testing

@testable import Credentials

@Suite struct PresentedCredentialsTests {
  private func read(_ headers: [String: String]) -> CredentialPresence {
    PresentedCredentials.read { headers[$0] }
  }

  private func key(_ id: String, _ secret: String) -> CredentialPresence {
    .present(.key(id: id, secret: PresentedSecret(secret)))
  }

  private static let session = String(repeating: "a", count: 21) + "_"
  private static let secret = String(repeating: "b", count: 42) + "-"
  private var bearer: CredentialPresence {
    .present(.session(id: Self.session, secret: PresentedSecret(Self.secret)))
  }

  @Test func theThreeWaysOverHTTP() {
    #expect(read([:]) == .absent)
    #expect(
      read(["apca-api-key-id": "demo", "apca-api-secret-key": "de mo:"]) == key("demo", "de mo:"))
    // demo:demo, then demo:a:b (a secret may hold a colon).
    #expect(read(["authorization": "Basic ZGVtbzpkZW1v"]) == key("demo", "demo"))
    #expect(read(["authorization": "bAsIc   ZGVtbzphOmI="]) == key("demo", "a:b"))
    #expect(read(["authorization": "Bearer \(Self.session).\(Self.secret)"]) == bearer)
  }

  @Test func thePairGoesBeforeAuthorizationAndIsWholeOrMalformed() {
    let basic = "Basic ZGVtbzpkZW1v"
    let both = ["apca-api-key-id": "a", "apca-api-secret-key": "b", "authorization": basic]
    #expect(read(both) == key("a", "b"))
    #expect(read(["apca-api-key-id": "a"]) == .malformed)
    #expect(read(["apca-api-secret-key": "b", "authorization": basic]) == .malformed)
  }

  @Test(arguments: [
    "", " ", "Basic", "Basic ", "Basic !", "Basic ZGVtbzpkZW1", "Basic ZGVtbw==", "Basic =ZGV",
    "Basic ZGVtbzpkZW1v extra", "Digest ZGVtbzpkZW1v", "Bearer", "Bearer .", "Bearer a.b",
    // Trailing bits that are not zero, a byte that is no UTF-8, an empty secret, an empty id.
    "Basic ZGVtbzpkZW1vMR==", "Basic ZGVtbzr/", "Basic ZGVtbzo=", "Basic OmRlbW8=",
    "Bearer \(session)\(secret)", "Bearer \(session).\(secret).", "Bearer \(session).\(secret)x",
    "Bearer \(session).\(String(repeating: "+", count: 43))",
  ])
  func whatCanBeNobodysIsMalformed(_ value: String) {
    #expect(read(["authorization": value]) == .malformed)
  }

  @Test func lengthsAndLettersAreBounded() {
    let long = String(repeating: "k", count: 65)
    #expect(PresentedCredentials.key(id: long, secret: "s") == nil)
    #expect(PresentedCredentials.key(id: String(long.dropLast()), secret: "s") != nil)
    for id in ["", "a b", "a:b", "a{b}", "a.b", "a\n", "ä", "a*", "../a"] {
      #expect(PresentedCredentials.key(id: id, secret: "s") == nil, "\(id)")
    }
    #expect(PresentedCredentials.key(id: "k", secret: String(repeating: "s", count: 513)) == nil)
    let huge = "Basic " + String(repeating: "QUFB", count: 400)
    #expect(read(["authorization": huge]) == .malformed)
  }

  @Test func theStreamsOAuthKeyCarriesABearerToken() {
    let token = "\(Self.session).\(Self.secret)"
    #expect(
      PresentedCredentials.read(streamKey: "oauth", secret: token)
        == .session(id: Self.session, secret: PresentedSecret(Self.secret)))
    #expect(PresentedCredentials.read(streamKey: "oauth", secret: "token") == nil)
    #expect(
      PresentedCredentials.read(streamKey: "demo", secret: token)
        == .key(id: "demo", secret: PresentedSecret(token)))
  }

  @Test func secretsDoNotShow() throws {
    let presented = try #require(PresentedCredentials.key(id: "demo", secret: "hunter2"))
    var text = "\(presented) \(String(reflecting: presented))"
    dump(presented, to: &text)
    dump(CredentialPresence.present(presented), to: &text)
    #expect(!text.contains("hunter2"))
    let opened = OpenedSession(id: "i", bearer: Secret("i.hunter2"), idleSeconds: 1)
    text = "\(opened) \(String(reflecting: opened))"
    dump(opened, to: &text)
    #expect(!text.contains("hunter2"))
  }

  @Test func base64IsAsTheRFCShows() {
    let samples = [
      ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
      ("foobar", "Zm9vYmFy"),
    ]
    for (plain, coded) in samples {
      let padded = coded + String(repeating: "=", count: (4 - coded.count % 4) % 4)
      #expect(Base64.encodeURL(Array(plain.utf8)) == coded)
      #expect(Base64.urlCount(bytes: plain.utf8.count) == coded.count)
      #expect(Base64.decode(padded) == Array(plain.utf8))
    }
    #expect(Base64.encodeURL([0xfb, 0xff]) == "-_8")
    #expect(RandomText.make(bytes: 32).count == 43)
    #expect(RandomText.make(bytes: 32) != RandomText.make(bytes: 32))
  }

  @Test func anAddressIsItsHostAndForIPv6ItsNetwork() {
    #expect(ClientAddress("192.0.2.1") == ClientAddress("::ffff:192.0.2.1"))
    #expect(ClientAddress("192.0.2.1") != ClientAddress("192.0.2.2"))
    #expect(ClientAddress("2001:db8::1") == ClientAddress("2001:db8::ffff:1"))
    #expect(ClientAddress("2001:db8::1") != ClientAddress("2001:db8:0:1::1"))
    #expect(ClientAddress("::1") != ClientAddress("192.0.2.1"))
    #expect(ClientAddress("") == ClientAddress("unknown"))
  }
}
