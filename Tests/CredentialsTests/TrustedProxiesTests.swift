import Testing

@testable import Credentials

@Suite struct TrustedProxiesTests {
  private func client(_ proxies: String, _ remote: String, _ forwarded: String?) -> ClientAddress? {
    TrustedProxies(parsing: proxies)?.client(remote: remote, forwarded: forwarded)
  }

  @Test func onlyATrustedProxyIsBelieved() {
    let spoofed = "198.51.100.7"
    #expect(client("", "192.0.2.1", spoofed) == ClientAddress("192.0.2.1"))
    #expect(client("10.0.0.1", "192.0.2.1", spoofed) == ClientAddress("192.0.2.1"))
    #expect(client("10.0.0.1", "10.0.0.1", spoofed) == ClientAddress(spoofed))
    #expect(client("10.0.0.1", "10.0.0.1", nil) == ClientAddress("10.0.0.1"))
    // However an address is written.
    #expect(client("::ffff:10.0.0.1", "10.0.0.1", spoofed) == ClientAddress(spoofed))
    #expect(client("2001:db8:0::1", "2001:db8::1", spoofed) == ClientAddress(spoofed))
    // An address, not its network.
    #expect(client("2001:db8::1", "2001:db8::2", spoofed) == ClientAddress("2001:db8::2"))
  }

  /// What a client writes into the header itself stands before what the proxies add.
  @Test func theLastAddressThatIsNoProxyCounts() {
    let proxies = "10.0.0.1, 10.0.0.2"
    #expect(
      client(proxies, "10.0.0.1", "198.51.100.7, 192.0.2.1") == ClientAddress("192.0.2.1"))
    #expect(
      client(proxies, "10.0.0.1", "198.51.100.7,\t192.0.2.1 ,10.0.0.2")
        == ClientAddress("192.0.2.1"))
    #expect(client(proxies, "10.0.0.1", "10.0.0.2") == ClientAddress("10.0.0.2"))
    // A client that claims to be a proxy is what the proxy says it is.
    #expect(client(proxies, "10.0.0.1", "10.0.0.2, 192.0.2.1") == ClientAddress("192.0.2.1"))
  }

  @Test func whatIsNoAddressEndsTheList() {
    for text in ["", "unknown", "192.0.2.1:80", "192.0.2.1, unknown", "192.0.2.1,", ",", "\u{0}"] {
      #expect(client("10.0.0.1", "10.0.0.1", text) == ClientAddress("10.0.0.1"), "\(text)")
    }
    #expect(
      client("10.0.0.1,10.0.0.2", "10.0.0.1", "192.0.2.1, x, 10.0.0.2")
        == ClientAddress("10.0.0.2"))
  }

  @Test func aListThatIsNoneIsRefused() {
    #expect(TrustedProxies(parsing: "10.0.0.1,localhost") == nil)
    #expect(TrustedProxies(parsing: "10.0.0.0/8") == nil)
    #expect(TrustedProxies(parsing: " ,10.0.0.1,, ::1") != nil)
    let many = (0...CredentialsLimits.proxiesMax).map { "10.0.1.\($0)" }.joined(separator: ",")
    #expect(TrustedProxies(parsing: many) == nil)
  }
}
