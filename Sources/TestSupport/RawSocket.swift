// A blocking client socket for tests: sends exactly the bytes it is given and reads what comes, with a
// deadline on every read. Not thread-safe; any thread, but never a loop's.
import Glibc

/// What went wrong with a test's socket.
public struct RawSocketError: Error, Hashable, CustomStringConvertible {
  public var description: String

  public init(description: String) { self.description = description }
}

public final class RawSocket {
  public private(set) var fd: Int32
  /// Received and not yet taken by a reading method.
  public var pending: [UInt8] = []
  /// Once TLS is spoken, see `startTLS`.
  var tls: TLSOfRawSocket?

  /// Connects to 127.0.0.1 (or `host`), from another of the machine's addresses where `from` names
  /// one. `receiveBufferBytes` small makes a slow reader show early.
  public init(
    port: UInt16, host: String = "127.0.0.1", from: String? = nil,
    receiveBufferBytes: Int32? = nil
  ) throws {
    fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { throw RawSocketError(description: "socket: errno \(errno)") }
    if let receiveBufferBytes { set(SOL_SOCKET, SO_RCVBUF, receiveBufferBytes) }
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    if let from { _ = named(from, 0, Glibc.bind) }
    guard named(host, port, Glibc.connect) == 0 else {
      let code = errno
      Glibc.close(fd)
      fd = -1
      throw RawSocketError(description: "connect: errno \(code)")
    }
  }

  private func named(
    _ host: String, _ port: UInt16,
    _ call: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        call(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// A connection that was accepted; closed with the object.
  init(connection: Int32) {
    fd = connection
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
  }

  deinit { close() }

  private func set(_ level: Int32, _ name: Int32, _ value: Int32) {
    var value = value
    setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  public func close() {
    tls = nil
    if fd >= 0 { Glibc.close(fd) }
    fd = -1
  }

  /// Ends the connection with a reset instead of a FIN.
  public func reset() {
    var value = linger(l_onoff: 1, l_linger: 0)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// No more bytes from here; reading goes on.
  public func shutdownWrites() { shutdown(fd, Int32(SHUT_WR)) }

  /// Sends all of it. False when the peer has closed.
  @discardableResult
  public func send(_ bytes: [UInt8]) -> Bool {
    if let tls { return tls.send(bytes) }
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(fd, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  @discardableResult
  public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// Waits for bytes and adds them to `pending`. False at the end of the stream or at a reset, and
  /// when nothing came within the time.
  public func receive(milliseconds: Int32 = 5_000) -> Bool {
    guard waitForInput(milliseconds), let bytes = receiveOnce(), !bytes.isEmpty else {
      return false
    }
    pending.append(contentsOf: bytes)
    return true
  }

  /// False when there was none in time. A signal (a child's end) does not shorten the wait.
  private func waitForInput(_ milliseconds: Int32) -> Bool {
    if let tls, tls.hasInput { return true }
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    var left = milliseconds
    while true {
      var poll = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
      let count = Glibc.poll(&poll, 1, left)
      guard count < 0, errno == EINTR else { return count > 0 }
      left = Int32(max(0, (deadline - ContinuousClock.now) / .milliseconds(1)))
    }
  }

  /// Empty at the end of the stream, nil after a reset.
  private func receiveOnce() -> ArraySlice<UInt8>? {
    if let tls { return tls.receive() }
    var room = [UInt8](repeating: 0, count: 64 * 1_024)
    while true {
      let count = recv(fd, &room, room.count, 0)
      if count < 0, errno == EINTR { continue }
      return count < 0 ? nil : room[..<count]
    }
  }

  /// Everything until the peer closes; nil when it does not within the time.
  public func readToEnd(milliseconds: Int32 = 5_000) -> [UInt8]? {
    while true {
      guard waitForInput(milliseconds) else { return nil }
      guard let bytes = receiveOnce(), !bytes.isEmpty else { break }
      pending.append(contentsOf: bytes)
    }
    defer { pending = [] }
    return pending
  }

  /// Exactly `count` bytes, or nil.
  public func read(_ count: Int, milliseconds: Int32 = 5_000) -> [UInt8]? {
    while pending.count < count {
      guard receive(milliseconds: milliseconds) else { return nil }
    }
    defer { pending.removeFirst(count) }
    return Array(pending[..<count])
  }
}
