import TestSupport

/// What a client does and what RFC 6455 wants the server, which echoes every message, to do about it.
struct ConformanceCase: CustomStringConvertible, Sendable {
  /// How the server answers, in this order.
  enum Answer: Equatable, Sendable, CustomStringConvertible {
    case text([UInt8])
    case binary([UInt8])
    case pong([UInt8])

    var description: String {
      switch self {
      case .text(let bytes): "text of \(bytes.count)"
      case .binary(let bytes): "binary of \(bytes.count)"
      case .pong(let bytes): "pong of \(bytes.count)"
      }
    }
  }

  /// What becomes of the connection then.
  enum End: Equatable, Sendable {
    /// It goes on: another message is echoed.
    case open
    /// The server fails it with this code, and closes its end of TCP.
    case failed(UInt16)
    /// The server answers the client's close frame with the same code (nil: none), and hangs up.
    case closed(UInt16?)
  }

  var name: String
  /// Of RFC 6455.
  var section: String
  /// Sent one by one; a whole number of frames or not.
  var pieces: [[UInt8]]
  var answers: [Answer]
  var end: End

  init(
    _ name: String, _ section: String, _ pieces: [[UInt8]], _ answers: [Answer] = [],
    _ end: End = .open
  ) {
    self.name = name
    self.section = section
    self.pieces = pieces
    self.answers = answers
    self.end = end
  }

  var description: String { "\(name) (RFC 6455, \(section))" }
}

/// Frames of a client, masked; `Frame.text("x")` is a whole message.
enum Frame {
  static func text(_ text: String, isFinal: Bool = true) -> [UInt8] {
    RawSocket.frame(1, Array(text.utf8), isFinal: isFinal)
  }
  static func text(_ bytes: [UInt8], isFinal: Bool = true) -> [UInt8] {
    RawSocket.frame(1, bytes, isFinal: isFinal)
  }
  static func binary(_ bytes: [UInt8], isFinal: Bool = true) -> [UInt8] {
    RawSocket.frame(2, bytes, isFinal: isFinal)
  }
  static func more(_ bytes: [UInt8], isFinal: Bool) -> [UInt8] {
    RawSocket.frame(0, bytes, isFinal: isFinal)
  }
  static func close(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] {
    RawSocket.frame(8, [UInt8(code >> 8), UInt8(code & 255)] + reason)
  }
  static func ping(_ bytes: [UInt8] = []) -> [UInt8] { RawSocket.frame(9, bytes) }
  static func pong(_ bytes: [UInt8] = []) -> [UInt8] { RawSocket.frame(10, bytes) }

  /// With `first` as its first byte, whatever it says.
  static func strange(_ first: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
    RawSocket.frame(0, payload, first: first)
  }

  /// A binary frame whose length is written in 2 or 8 bytes, needed or not.
  static func binary(_ payload: [UInt8], lengthBytes: Int) -> [UInt8] {
    var out: [UInt8] = [0x82, lengthBytes == 2 ? 0xfe : 0xff]
    for shift in stride(from: lengthBytes * 8 - 8, through: 0, by: -8) {
      out.append(UInt8(truncatingIfNeeded: payload.count >> shift))
    }
    out += [0, 0, 0, 0]
    return out + payload
  }
}

func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Bytes that are neither text nor all alike.
func noise(_ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 7) }
}
