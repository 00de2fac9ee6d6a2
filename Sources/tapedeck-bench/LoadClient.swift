// One plain WebSocket client of the load benchmark, on a bare socket: it reads frames as cheaply as
// it can and counts the messages in them, so that the load generator does not become the measure.
import Glibc

/// State of one connection. It never traps on what a server sends: a wrong byte ends it with a reason.
struct LoadClient {
  enum Stage {
    case handshake, welcome, authentication, acknowledgement, data, ended
  }

  let fd: Int32
  let messagePack: Bool
  private(set) var stage = Stage.handshake
  private(set) var endReason = ""
  /// The code of the server's close frame.
  private(set) var closeCode: UInt16?
  /// What the server said when it began to stop (JSON alone).
  private(set) var reconnectMilliseconds: Int?
  private(set) var messages: UInt64 = 0
  private(set) var frames: UInt64 = 0
  private(set) var bytes: UInt64 = 0
  /// Where the age of each message goes, in microseconds; nil when they are only counted.
  var ages: LoadAges?
  private var pending: [UInt8] = []
  private let subscription: [UInt8]

  init(fd: Int32, messagePack: Bool, path: String, host: String, subscription: [UInt8]) {
    self.fd = fd
    self.messagePack = messagePack
    self.subscription = subscription
    var request = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nUpgrade: websocket\r\n"
    request += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    if messagePack { request += "Content-Type: application/msgpack\r\n" }
    request += "\r\n"
    LoadClient.sendAll(fd, Array(request.utf8))
  }

  /// Takes what `read` gave.
  mutating func receive(_ chunk: UnsafeRawBufferPointer) {
    if pending.isEmpty {
      let used = consume(chunk)
      if used < chunk.count { pending.append(contentsOf: chunk[used...]) }
    } else {
      pending.append(contentsOf: chunk)
      let whole = pending
      let used = whole.withUnsafeBytes { consume($0) }
      pending.removeFirst(used)
    }
  }

  mutating func end(_ reason: String) {
    guard stage != .ended else { return }
    stage = .ended
    endReason = reason
  }

  /// Handles all whole units and gives how many bytes they were.
  private mutating func consume(_ data: UnsafeRawBufferPointer) -> Int {
    var offset = 0
    if stage == .handshake {
      guard let end = LoadClient.find("\r\n\r\n", in: data, from: 0) else { return 0 }
      guard LoadClient.find(" 101 ", in: data, from: 0).map({ $0 < end }) ?? false else {
        self.end("no 101: \(String(decoding: data.prefix(80), as: UTF8.self))")
        return data.count
      }
      stage = .welcome
      offset = end + 4
    }
    while stage != .ended, let frame = LoadClient.frame(data, from: offset) {
      offset = frame.end
      take(frame.opcode, UnsafeRawBufferPointer(rebasing: data[frame.start..<frame.end]))
    }
    return offset
  }

  private static func frame(
    _ data: UnsafeRawBufferPointer, from offset: Int
  ) -> (opcode: UInt8, start: Int, end: Int)? {
    guard data.count >= offset + 2 else { return nil }
    var start = offset + 2
    var length = Int(data[offset + 1] & 0x7F)
    if length == 126 {
      guard data.count >= start + 2 else { return nil }
      length = Int(data[start]) << 8 | Int(data[start + 1])
      start += 2
    } else if length == 127 {
      guard data.count >= start + 8 else { return nil }
      length = (0..<8).reduce(0) { $0 << 8 | Int(data[start + $1]) }
      start += 8
    }
    guard length >= 0, data.count - start >= length else { return nil }
    return (data[offset] & 0x0F, start, start + length)
  }

  private mutating func take(_ opcode: UInt8, _ payload: UnsafeRawBufferPointer) {
    switch opcode {
    case 0x8:
      if payload.count >= 2 { closeCode = UInt16(payload[0]) << 8 | UInt16(payload[1]) }
      return end("closed by the server")
    case 0x9:
      return send(0xA, Array(payload))
    case 0xA: return
    default: break
    }
    switch stage {
    case .welcome:
      stage = .authentication
      sendText(#"{"action":"auth","key":"demo","secret":"demo"}"#)
    case .authentication:
      guard LoadClient.find("authenticated", in: payload, from: 0) != nil else {
        return end("not authenticated")
      }
      stage = .acknowledgement
      send(messagePack ? 0x2 : 0x1, subscription)
    case .acknowledgement: stage = .data
    case .data:
      if !messagePack, payload.count < 64 { noteGoodbye(payload) }
      frames += 1
      bytes += UInt64(payload.count)
      messages += messagePack ? LoadClient.packedCount(payload) : LoadClient.textCount(payload)
      ages?.take(payload, messagePack: messagePack)
    case .handshake, .ended: break
    }
  }

  /// `[{"T":"shutdown","reconnect_ms":1250}]`
  private mutating func noteGoodbye(_ payload: UnsafeRawBufferPointer) {
    let key: StaticString = #"[{"T":"shutdown","reconnect_ms":"#
    guard LoadClient.find(key, in: payload, from: 0) == 0 else { return }
    let digits = payload[key.utf8CodeUnitCount...].prefix { (48...57).contains($0) }
    reconnectMilliseconds = Int(String(decoding: digits, as: UTF8.self))
  }

  /// Elements of the array that a frame is.
  private static func packedCount(_ payload: UnsafeRawBufferPointer) -> UInt64 {
    guard let first = payload.first else { return 0 }
    switch first {
    case 0x90...0x9F: return UInt64(first & 0x0F)
    case 0xDC where payload.count >= 3: return UInt64(payload[1]) << 8 | UInt64(payload[2])
    default: return 0
    }
  }

  private static func textCount(_ payload: UnsafeRawBufferPointer) -> UInt64 {
    var count: UInt64 = 0
    var offset = 0
    while let found = find(#"{"E":"#, in: payload, from: offset) {
      count += 1
      offset = found + 5
    }
    return count
  }

  static func find(
    _ text: StaticString, in data: UnsafeRawBufferPointer, from offset: Int
  ) -> Int? {
    guard let base = data.baseAddress else { return nil }
    let length = text.utf8CodeUnitCount
    var place = offset
    while place + length <= data.count {
      let rest = data.count - place
      guard let hit = memchr(base + place, Int32(text.utf8Start[0]), rest) else { return nil }
      place = UnsafeRawPointer(hit) - base
      guard place + length <= data.count else { return nil }
      if memcmp(base + place, text.utf8Start, length) == 0 { return place }
      place += 1
    }
    return nil
  }

  /// Text, or the same map in MessagePack, where the handshake asked for it.
  private func sendText(_ json: String) {
    send(messagePack ? 0x2 : 0x1, messagePack ? LoadMessage.authentication : Array(json.utf8))
  }

  private func send(_ opcode: UInt8, _ payload: [UInt8]) {
    var frame: [UInt8] = [0x80 | opcode]
    if payload.count < 126 {
      frame.append(0x80 | UInt8(payload.count))
    } else {
      precondition(payload.count < 65_536)
      frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    }
    frame += [0, 0, 0, 0]  // a mask of zeros: masked as required, the payload as it is
    LoadClient.sendAll(fd, frame + payload)
  }

  private static func sendAll(_ fd: Int32, _ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(fd, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      guard count > 0 else { return }
      sent += count
    }
  }
}
