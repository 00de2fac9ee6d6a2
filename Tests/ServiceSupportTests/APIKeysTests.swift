import ServiceSupport
import Testing

@Suite struct APIKeysTests {
  @Test func onlyTheRightSecretOpensAKey() throws {
    let keys = try APIKeys([("demo", Secret("demo")), ("bot", Secret("geheim"))])
    #expect(keys.match(id: "demo", secret: "demo") == 0)
    #expect(keys.match(id: "bot", secret: "geheim") == 1)
    #expect(keys.match(id: "bot", secret: "demo") == nil)
    #expect(keys.match(id: "nobody", secret: "demo") == nil)
    #expect(keys.match(id: "", secret: "") == nil)
    // The secret of the decoy that unknown ids are compared with opens nothing.
    #expect(keys.match(id: "nobody", secret: "") == nil)
  }

  @Test func keysDoNotShowTheirSecrets() throws {
    let keys = try APIKeys(parsing: "demo:hunter2")
    var dumped = "\(keys)"
    dump(keys, to: &dumped)
    #expect(!dumped.contains("hunter2"))
  }

  @Test func countAndLengthAreBounded() throws {
    let long = String(repeating: "x", count: ServiceSupportLimits.keyIDBytesMax + 1)
    #expect(throws: ServiceSupportError.self) { try APIKeys([(long, Secret("s"))]) }
    let secret = String(repeating: "x", count: ServiceSupportLimits.secretBytesMax + 1)
    #expect(throws: ServiceSupportError.self) { try APIKeys([("k", Secret(secret))]) }
    let many = (0...ServiceSupportLimits.keysMax).map { ("k\($0)", Secret("s")) }
    #expect(throws: ServiceSupportError.self) { try APIKeys(many.map { (id: $0.0, secret: $0.1) }) }
  }
}
