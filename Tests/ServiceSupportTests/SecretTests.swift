import ServiceSupport
import Testing

@Suite struct SecretTests {
  @Test func secretNeverShowsItself() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect("\(secret)" == "***")
    #expect(String(reflecting: secret) == "***")
    #expect(!dumped.contains("hunter2"))
    #expect(secret.reveal() == "hunter2")
  }

  @Test func digestIsThatOfTheStandard() {
    // FIPS 180-2, appendix B.1, and the digest of nothing.
    #expect(
      SHA256Digest(of: "abc").hexadecimal
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256Digest(of: "").hexadecimal
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(SHA256Digest(of: "a").matches(SHA256Digest(of: "a")))
    #expect(!SHA256Digest(of: "a").matches(SHA256Digest(of: "b")))
  }
}
