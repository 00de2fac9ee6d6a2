// A non-blocking stream socket: just the system calls, their counts and their outcomes as values.
// hiredis' own context reads at most 16 KiB a call and cannot write from our buffer, so only its
// reader is used.
import EventLoops
import Glibc

struct LinkSocket: ~Copyable {
  enum Outcome: Equatable {
    /// Bytes taken or given.
    case bytes(Int)
    case wouldBlock
    case ended
    case failed(Int32)
  }

  enum Connecting: Equatable {
    case connected
    /// Wait until it is writable, then ask `connectResult`.
    case underWay
    case failed(Int32)
  }

  let descriptor: Int32

  /// Nil with `errno` set when the process has no descriptor left.
  init?(family: Int32) {
    let type =
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
      | Int32(SOCK_CLOEXEC.rawValue)
    descriptor = socket(family, type, 0)
    guard descriptor >= 0 else { return nil }
    if family != AF_UNIX {
      // Everything of a turn leaves in one write; waiting for more could only delay it.
      var on: Int32 = 1
      setsockopt(
        descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  deinit { close(descriptor) }

  func connect(to address: SocketAddress) -> Connecting {
    let code = address.bytes.withUnsafeBytes { bytes in
      Glibc.connect(
        descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
        socklen_t(bytes.count))
    }
    if code == 0 { return .connected }
    return errno == EINPROGRESS || errno == EINTR ? .underWay : .failed(errno)
  }

  /// How a connect that was under way ended.
  func connectResult() -> Connecting {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
      return .failed(errno)
    }
    return code == 0 ? .connected : .failed(code)
  }

  static var lastError: Int32 { errno }

  static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Outcome {
    // MSG_NOSIGNAL: a peer that is gone is an error here, not a SIGPIPE for the process.
    let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    if count >= 0 { return .bytes(count) }
    return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed(errno)
  }

  static func receive(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
  ) -> Outcome {
    let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
    if count > 0 { return .bytes(count) }
    if count == 0 { return .ended }
    return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed(errno)
  }
}
