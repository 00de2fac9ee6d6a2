import Testing

@testable import WebTransport

@Suite struct LoopbackTests {
  @Test func onlyThisMachineIsLoopback() {
    func four(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) -> RemoteAddress {
      RemoteAddress(high: 0, low: 0xffff << 32 | a << 24 | b << 16 | c << 8 | d, port: 9)
    }
    #expect(four(127, 0, 0, 1).isLoopback && four(127, 255, 3, 4).isLoopback)
    #expect(RemoteAddress(high: 0, low: 1, port: 9).isLoopback)
    for other in [
      four(126, 0, 0, 1), four(128, 0, 0, 1), four(10, 0, 0, 127), four(0, 0, 0, 0),
      RemoteAddress(high: 1, low: 1, port: 9), RemoteAddress(high: 0, low: 2, port: 9),
      // ::127.0.0.1, which is no IPv4 address.
      RemoteAddress(high: 0, low: 0x7f00_0001, port: 9), .unknown,
    ] {
      #expect(!other.isLoopback, "\(other)")
    }
  }
}
