import Glibc

/// Where a client comes from, as far as failures are counted by it: an IPv4 address, or the /64 of an
/// IPv6 address, which is what one subscriber has at the least.
public struct ClientAddress: Sendable, Hashable {
  private let high: UInt64
  private let low: UInt64

  /// From a numeric address without a port. Text that is none counts as one common address, and so
  /// does everybody behind a proxy that the text comes from.
  public init(_ text: String) {
    guard let exact = ExactAddress(text) else {
      self.init(high: 0, low: 0)
      return
    }
    self.init(exact)
  }

  init(_ exact: ExactAddress) {
    self.init(high: exact.high, low: exact.isIPv4 ? exact.low : 0)
  }

  private init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// A numeric address, all of it; an IPv4 one as ::ffff:a.b.c.d.
struct ExactAddress: Sendable, Hashable {
  fileprivate let high: UInt64
  fileprivate let low: UInt64

  private static let mapped = UInt64(0xffff) << 32

  /// Nil for text that is no numeric address.
  init?(_ text: String) {
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      (high, low) = (0, ExactAddress.mapped | UInt64(UInt32(bigEndian: four.s_addr)))
    } else if inet_pton(AF_INET6, text, &six) == 1 {
      (high, low) = withUnsafeBytes(of: &six) { bytes in
        (
          UInt64(bigEndian: bytes.load(as: UInt64.self)),
          UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self))
        )
      }
    } else {
      return nil
    }
  }

  var isIPv4: Bool { high == 0 && low >> 32 == ExactAddress.mapped >> 32 }
}
