// The listening socket is our own: libwebsockets sets no SO_REUSEPORT in Debian's build, and crashes
// when a port is taken.
import CLibwebsockets
import Glibc

/// A socket that listens. The caller closes the descriptor.
enum ListeningSocket {
  static func open(host: String, port: UInt16) throws(WebTransportError) -> (Int32, UInt16) {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found else {
      throw WebTransportError(code: .badAddress, reason: "\(host) is not an IPv4 or IPv6 address")
    }
    defer { freeaddrinfo(found) }
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let fd = socket(address.pointee.ai_family, type, 0)
    guard fd >= 0 else { throw failure("socket", host, port) }
    do {
      try prepare(fd, address.pointee, host, port)
    } catch {
      close(fd)
      throw error
    }
    var bound = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutablePointer(to: &bound) {
      _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
    }
    return (fd, RemoteAddress(bound).port)
  }

  private static func prepare(
    _ fd: Int32, _ address: addrinfo, _ host: String, _ port: UInt16
  ) throws(WebTransportError) {
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1)
    // Several loops and processes share a port; the kernel spreads connections over them.
    set(fd, SOL_SOCKET, SO_REUSEPORT, 1)
    if address.ai_family == AF_INET6 { set(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    guard bind(fd, address.ai_addr, address.ai_addrlen) == 0 else {
      throw failure("bind", host, port)
    }
    guard listen(fd, WebTransportLimits.listenBacklog) == 0 else {
      throw failure("listen", host, port)
    }
  }

  /// What a client's socket needs (design, decision 2: the kernel must not serve old prices).
  /// A peer that vanished acknowledges nothing, not even a ping: after `unacknowledgedMilliseconds` the
  /// kernel gives the connection up (tcp(7), TCP_USER_TIMEOUT), also one that takes nothing in for
  /// as long. Without it a send is repeated for a quarter of an hour.
  static func configureClient(_ fd: Int32, unacknowledgedMilliseconds: UInt64) {
    set(fd, SOL_SOCKET, SO_SNDBUF, WebTransportLimits.sendBufferBytes)
    let tcp = Int32(IPPROTO_TCP)
    set(fd, tcp, TCP_NOTSENT_LOWAT, WebTransportLimits.notSentLowWaterBytes)
    set(fd, tcp, TCP_NODELAY, 1)
    set(fd, tcp, TCP_USER_TIMEOUT, Int32(clamping: unacknowledgedMilliseconds))
  }

  private static func set(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
    var value = value
    setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func failure(_ call: String, _ host: String, _ port: UInt16) -> WebTransportError {
    WebTransportError(
      code: .listenFailed, reason: "\(call) \(host):\(port): \(String(cString: strerror(errno)))")
  }
}
