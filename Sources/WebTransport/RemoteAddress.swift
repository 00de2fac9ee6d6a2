import Glibc

/// A client's address and port, in 24 bytes.
public struct RemoteAddress: Hashable, Sendable, CustomStringConvertible {
  /// The IPv6 address; an IPv4 one as ::ffff:a.b.c.d.
  let high: UInt64
  let low: UInt64
  public let port: UInt16

  static let unknown = RemoteAddress(high: 0, low: 0, port: 0)

  init(high: UInt64, low: UInt64, port: UInt16) {
    self.high = high
    self.low = low
    self.port = port
  }

  init(_ storage: sockaddr_storage) {
    self = withUnsafeBytes(of: storage) { bytes in
      let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
      switch Int32(storage.ss_family) {
      case AF_INET:
        let address = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        return RemoteAddress(high: 0, low: 0xffff_0000_0000 | UInt64(address), port: port)
      case AF_INET6:
        return RemoteAddress(
          high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
          low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
          port: port)
      default: return .unknown
      }
    }
  }

  /// The address alone, to count by.
  var host: RemoteAddress { RemoteAddress(high: high, low: low, port: 0) }

  /// 127.0.0.0/8 or ::1: the peer is on this machine.
  public var isLoopback: Bool {
    high == 0 && (low >> 24 == 0xffff_7f || low == 1)
  }

  /// The address as text, without the port.
  public var text: String {
    if high == 0, low >> 32 == 0xffff {
      return (0..<4).map { String(UInt8(truncatingIfNeeded: low >> UInt64(24 - 8 * $0))) }
        .joined(separator: ".")
    }
    var address = in6_addr()
    withUnsafeMutableBytes(of: &address) { bytes in
      bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
      bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      guard inet_ntop(AF_INET6, &address, text.baseAddress, socklen_t(text.count)) != nil else {
        return "unknown"
      }
      return String(cString: text.baseAddress!)
    }
  }

  public var description: String { "\(text):\(port)" }
}
