// A listening socket for tests of clients: hands out each connection as a RawSocket that a test scripts,
// byte for byte. Blocking, with a deadline. Any thread, but never a loop's.
import Glibc

public final class RawListener: Sendable {
  /// On 127.0.0.1, chosen by the kernel.
  public let port: UInt16
  private let fd: Int32

  public init(backlog: Int32 = 16) throws {
    fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { throw RawSocketError(description: "socket: errno \(errno)") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let fd = fd
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, length) == 0 && listen(fd, backlog) == 0 ? getsockname(fd, $0, &length) : -1
      }
    }
    guard code == 0 else {
      Glibc.close(fd)
      throw RawSocketError(description: "listen: errno \(errno)")
    }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { Glibc.close(fd) }

  /// The next connection; nil when none came within the time.
  public func accept(milliseconds: Int32 = 5_000) -> RawSocket? {
    var poll = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    guard Glibc.poll(&poll, 1, milliseconds) > 0 else { return nil }
    let connection = Glibc.accept(fd, nil, nil)
    return connection < 0 ? nil : RawSocket(connection: connection)
  }

  /// The next connection, upgraded to a WebSocket.
  public func acceptWebSocket(milliseconds: Int32 = 5_000) -> RawSocket? {
    guard let socket = accept(milliseconds: milliseconds), socket.answerUpgrade() != nil else {
      return nil
    }
    return socket
  }
}

extension RawSocket {
  /// The head of a request, without its last empty line; nil when none comes.
  public func readRequestHead(milliseconds: Int32 = 5_000) -> String? {
    let end: [UInt8] = [13, 10, 13, 10]
    while true {
      if let place = pending.firstRange(of: end) {
        defer { pending.removeFirst(place.upperBound) }
        return String(decoding: pending[..<place.lowerBound], as: UTF8.self)
      }
      guard receive(milliseconds: milliseconds) else { return nil }
    }
  }

  /// Reads a client's upgrade and answers 101, with `behind` in the same write. The request's head; nil
  /// when none came.
  @discardableResult
  public func answerUpgrade(behind: [UInt8] = []) -> String? {
    guard let head = readRequestHead() else { return nil }
    send(Array(RawSocket.upgradeAnswer(to: head).utf8) + behind)
    return head
  }

  /// What a server answers to an upgrade with this head.
  public static func upgradeAnswer(to head: String) -> String {
    let line = head.split(separator: "\r\n").first {
      $0.lowercased().hasPrefix("sec-websocket-key:")
    }
    let key = line?.split(separator: ":", maxSplits: 1).last?.drop { $0 == " " } ?? ""
    let accept = SHA1.digest(Array("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Accept: \(base64(accept))\r\n\r\n"
  }

  /// A frame from a client, unmasked.
  public func readMaskedFrame(milliseconds: Int32 = 5_000) -> RawFrame? {
    guard let head = read(2, milliseconds: milliseconds), head[1] & 0x80 != 0 else { return nil }
    var count = Int(head[1] & 0x7f)
    if count == 126 || count == 127 {
      guard let more = read(count == 126 ? 2 : 8, milliseconds: milliseconds) else { return nil }
      count = more.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let mask = read(4, milliseconds: milliseconds),
      var payload = read(count, milliseconds: milliseconds)
    else { return nil }
    for index in payload.indices { payload[index] ^= mask[index & 3] }
    return RawFrame(isFinal: head[0] & 0x80 != 0, opcode: head[0] & 0x0f, payload: payload)
  }

  /// The next that is no ping: of a client's own, one comes each second.
  public func readMaskedAnswer() -> RawFrame? {
    while let frame = readMaskedFrame() { if frame.opcode != 9 { return frame } }
    return nil
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var out: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = Array(bytes[start..<min(start + 3, bytes.count)])
      let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
      for place in 0..<4 {
        out.append(
          place <= group.count
            ? letters[Int(bits >> (18 - 6 * UInt32(place)) & 63)] : UInt8(ascii: "="))
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}

/// For the answer to a WebSocket handshake, which is all that it is good for.
enum SHA1 {
  static func digest(_ message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    var bytes = message + [0x80]
    while bytes.count % 64 != 56 { bytes.append(0) }
    let bits = UInt64(message.count) * 8
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
    }
    for start in stride(from: 0, to: bytes.count, by: 64) {
      var words = (0..<16).map { word in
        (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[start + word * 4 + $1]) }
      }
      for index in 16..<80 {
        words.append(
          rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
      }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for index in 0..<80 {
        let (f, k): (UInt32, UInt32) =
          switch index {
          case 0..<20: ((b & c) | (~b & d), 0x5a82_7999)
          case 20..<40: (b ^ c ^ d, 0x6ed9_eba1)
          case 40..<60: ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc)
          default: (b ^ c ^ d, 0xca62_c1d6)
          }
        let next = rotate(a, 5) &+ f &+ e &+ k &+ words[index]
        (e, d, c, b, a) = (d, c, rotate(b, 30), a, next)
      }
      for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
    }
    return state.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
  }

  private static func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 {
    value << by | value >> (32 - by)
  }
}
