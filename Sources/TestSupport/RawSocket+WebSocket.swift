// WebSocket frames by hand: any opcode, any bits, masked or not.

/// A frame as it came from the server.
public struct RawFrame: Equatable, Sendable {
  public var isFinal: Bool
  public var opcode: UInt8
  public var payload: [UInt8]

  public init(isFinal: Bool = true, opcode: UInt8, payload: [UInt8]) {
    self.isFinal = isFinal
    self.opcode = opcode
    self.payload = payload
  }

  public var text: String { String(decoding: payload, as: UTF8.self) }
  /// Of a close frame.
  public var closeCode: UInt16? {
    opcode == 8 && payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil
  }
}

extension RawSocket {
  public static let handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

  /// The handshake; the answer is 101 when it went well.
  public func openWebSocket(_ path: String = "/v2/iex", headers: String = "") -> RawAnswer? {
    send(
      "GET \(path) HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(RawSocket.handshakeKey)\r\n"
        + headers + "\r\n")
    return readAnswer()
  }

  /// The bytes of one frame. `first` is the whole first byte when it is to be a strange one.
  public static func frame(
    _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isMasked: Bool = true,
    first: UInt8? = nil
  ) -> [UInt8] {
    var out: [UInt8] = [first ?? ((isFinal ? 0x80 : 0) | opcode)]
    let maskBit: UInt8 = isMasked ? 0x80 : 0
    switch payload.count {
    case 0..<126: out.append(maskBit | UInt8(payload.count))
    case 126..<65_536:
      out += [maskBit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default:
      out.append(maskBit | 127)
      for shift in stride(from: 56, through: 0, by: -8) {
        out.append(UInt8(truncatingIfNeeded: payload.count >> shift))
      }
    }
    guard isMasked else { return out + payload }
    let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
    out += mask
    out.reserveCapacity(out.count + payload.count)
    for (index, byte) in payload.enumerated() { out.append(byte ^ mask[index & 3]) }
    return out
  }

  @discardableResult
  public func sendFrame(
    _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isMasked: Bool = true
  ) -> Bool {
    send(RawSocket.frame(opcode, payload, isFinal: isFinal, isMasked: isMasked))
  }

  @discardableResult
  public func sendText(_ text: String) -> Bool { sendFrame(1, Array(text.utf8)) }

  /// The next frame; nil when the connection ends or nothing comes.
  public func readFrame(milliseconds: Int32 = 5_000) -> RawFrame? {
    guard let head = read(2, milliseconds: milliseconds) else { return nil }
    var count = Int(head[1] & 0x7f)
    if count == 126 || count == 127 {
      guard let more = read(count == 126 ? 2 : 8, milliseconds: milliseconds) else { return nil }
      count = more.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let payload = read(count, milliseconds: milliseconds) else { return nil }
    return RawFrame(isFinal: head[0] & 0x80 != 0, opcode: head[0] & 0x0f, payload: payload)
  }
}
