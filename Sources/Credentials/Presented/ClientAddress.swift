import Glibc

/// Where a client comes from, as far as failures are counted by it: an IPv4 address, or the /64 of an
/// IPv6 address, which is what one subscriber has at the least.
public struct ClientAddress: Sendable, Hashable {
  private let high: UInt64
  private let low: UInt64

  /// From a numeric address without a port. Text that is none counts as one common address, and so
  /// does everybody behind a proxy that the text comes from.
  public init(_ text: String) {
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      self.init(mapped: four.s_addr)
    } else if inet_pton(AF_INET6, text, &six) == 1 {
      let (high, low) = withUnsafeBytes(of: &six) { bytes in
        (bytes.load(as: UInt64.self), bytes.load(fromByteOffset: 8, as: UInt64.self))
      }
      let isMapped = high == 0 && UInt32(truncatingIfNeeded: low) == UInt32(0xffff).bigEndian
      if isMapped {
        self.init(mapped: UInt32(truncatingIfNeeded: low >> 32))
      } else {
        self.init(high: high, low: 0)
      }
    } else {
      self.init(high: 0, low: 0)
    }
  }

  private init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The four bytes as they lie in memory.
  private init(mapped address: UInt32) {
    self.init(high: 0, low: UInt64(address) << 32 | UInt64(UInt32(0xffff).bigEndian))
  }
}
