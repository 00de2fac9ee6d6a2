// Reads the frames of a client (RFC 6455, 5.2) as they come off the socket, before libwebsockets sees
// them, and finds every breach of the protocol at its first byte: masking, RSV bits, opcodes, the order
// of fragments, control frames, lengths, close codes, UTF-8, the bound of a message. libwebsockets
// 4.1.6 takes unmasked frames, lengths that are not minimal and close frames that are none, drops pings
// and loses close codes; behind this machine it only ever gets what is right.
//
// Pings and close frames are found here and answered by `WebServer`. In the bytes a ping is made a pong,
// which libwebsockets hands on and does not answer.
//
// A pure state machine, one per connection (48 bytes); any cut of the input gives the same findings.

struct FrameChecker {
  enum Finding: Equatable {
    /// Every byte is as it should be.
    case none
    /// A whole ping; its payload is in `control`.
    case ping
    /// A close frame; its payload, valid, is in `control`. Nothing after it is looked at.
    case close
    /// A breach. Nothing after it is looked at.
    case fault(Fault)
  }

  /// A breach, with the code to close with and words for a log.
  struct Fault: Equatable {
    var code: UInt16
    var words: String

    init(_ code: UInt16, _ words: String) {
      self.code = code
      self.words = words
    }

    static func breach(_ words: String) -> Fault { Fault(WebSocketCloseCode.protocolError, words) }
    static let badText = Fault(WebSocketCloseCode.invalidText, "not UTF-8")
  }

  private enum Stage: UInt8 {
    case first, second, length, mask, payload
    /// A close frame has been found.
    case closed
    /// A breach has been found.
    case broken
  }

  private var stage = Stage.first
  /// Bytes of the header's field that are still to come.
  private var missing: UInt8 = 0
  private var opcode: UInt8 = 0
  private var isFinal = false
  /// A message has begun and not ended; `isText` says of what kind it is.
  private var isWithinMessage = false
  private var isText = false
  private var text = UTF8Validator()
  /// The mask, so turned that its lowest byte is the next one to use.
  private var mask: UInt32 = 0
  /// Of the frame: what the header says, then the payload that is still to come.
  private var remaining: UInt64 = 0
  /// Of the message, with the frame under way.
  private var messageBytes: UInt64 = 0
  /// Whole messages so far.
  private(set) var messages: UInt32 = 0
  /// The payload of a ping or close frame.
  private(set) var control: [UInt8] = []

  /// Where the frame under way began in the bytes looked at, 0 when before them. What precedes it is
  /// whole.
  private(set) var frameStart = 0

  /// A close frame or a breach has been found: what comes is not looked at.
  var isOver: Bool { stage == .closed || stage == .broken }
  /// ... and it was a close frame.
  var hasClosed: Bool { stage == .closed }

  /// Looks at `bytes` from `offset` to the end or to the next finding; gives where it stopped.
  mutating func accept(
    _ bytes: UnsafeMutableRawBufferPointer, from offset: Int, messageBytesMax: Int
  ) -> (next: Int, finding: Finding) {
    if offset == 0 { frameStart = 0 }
    var index = offset
    while index < bytes.count {
      var finding = Finding.none
      switch stage {
      case .closed, .broken: return (bytes.count, .none)
      case .first:
        frameStart = index
        finding = begin(bytes[index])
        // FIN and opcode 10.
        if opcode == 9, finding == .none { bytes[index] = 0x8a }
        index += 1
      case .second:
        finding = lengthBegins(bytes[index], messageBytesMax)
        index += 1
      case .length:
        finding = lengthContinues(bytes[index], messageBytesMax)
        index += 1
      case .mask:
        mask = mask >> 8 | UInt32(bytes[index]) << 24
        missing -= 1
        if missing == 0 { finding = payloadBegins() }
        index += 1
      case .payload:
        let count = Int(min(remaining, UInt64(bytes.count - index)))
        finding = take(UnsafeRawBufferPointer(rebasing: bytes[index..<index + count]))
        index += count
      }
      switch finding {
      case .none: break
      case .ping: return (index, finding)
      case .close:
        stage = .closed
        return (index, finding)
      case .fault:
        stage = .broken
        return (index, finding)
      }
    }
    return (index, .none)
  }

  // MARK: - The header

  private mutating func begin(_ byte: UInt8) -> Finding {
    isFinal = byte & 0x80 != 0
    opcode = byte & 0x0f
    guard byte & 0x70 == 0 else { return .fault(.breach("RSV bits without an extension")) }
    switch opcode {
    case 0:
      guard isWithinMessage else {
        return .fault(.breach("a continuation of nothing"))
      }
    case 1, 2:
      guard !isWithinMessage else { return .fault(.breach("a message within a message")) }
      isWithinMessage = true
      isText = opcode == 1
      text = UTF8Validator()
      messageBytes = 0
    case 8, 9, 10:
      guard isFinal else { return .fault(.breach("a control frame in fragments")) }
      control.removeAll(keepingCapacity: true)
    default: return .fault(.breach("a reserved opcode"))
    }
    stage = .second
    return .none
  }

  private mutating func lengthBegins(_ byte: UInt8, _ messageBytesMax: Int) -> Finding {
    guard byte & 0x80 != 0 else { return .fault(.breach("a frame without a mask")) }
    let short = byte & 0x7f
    guard opcode < 8 || short < 126 else {
      return .fault(.breach("a control frame over 125 bytes"))
    }
    remaining = 0
    missing = short == 127 ? 8 : short == 126 ? 2 : 0
    guard missing == 0 else {
      stage = .length
      // Kept until the end of the field: it tells its width.
      mask = UInt32(missing)
      return .none
    }
    remaining = UInt64(short)
    return lengthEnds(messageBytesMax)
  }

  private mutating func lengthContinues(_ byte: UInt8, _ messageBytesMax: Int) -> Finding {
    guard missing < 8 || byte & 0x80 == 0 else {
      return .fault(.breach("a length over 63 bits"))
    }
    remaining = remaining << 8 | UInt64(byte)
    missing -= 1
    guard missing == 0 else { return .none }
    guard remaining > (mask == 2 ? 125 : 65_535) else {
      return .fault(.breach("a length in more bytes than it needs"))
    }
    return lengthEnds(messageBytesMax)
  }

  private mutating func lengthEnds(_ messageBytesMax: Int) -> Finding {
    if opcode < 8 {
      guard remaining <= UInt64(messageBytesMax) - messageBytes else {
        return .fault(
          Fault(WebSocketCloseCode.messageTooBig, "a message over \(messageBytesMax) bytes"))
      }
      messageBytes += remaining
    }
    stage = .mask
    missing = 4
    return .none
  }

  // MARK: - The payload

  private mutating func payloadBegins() -> Finding {
    stage = .payload
    return remaining == 0 ? frameEnds() : .none
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer) -> Finding {
    if opcode >= 8 {
      for byte in bytes { control.append(byte ^ nextMaskByte()) }
    } else if isText {
      guard text.accept(bytes, mask: &mask) else { return .fault(.badText) }
    }
    remaining -= UInt64(bytes.count)
    return remaining == 0 ? frameEnds() : .none
  }

  private mutating func nextMaskByte() -> UInt8 {
    let byte = UInt8(truncatingIfNeeded: mask)
    mask = mask >> 8 | mask << 24
    return byte
  }

  private mutating func frameEnds() -> Finding {
    stage = .first
    switch opcode {
    case 8: return closeEnds()
    case 9: return .ping
    case 10: return .none
    default:
      guard isFinal else { return .none }
      isWithinMessage = false
      guard !isText || text.isComplete else { return .fault(.badText) }
      messages &+= 1
      return .none
    }
  }

  private func closeEnds() -> Finding {
    guard !control.isEmpty else { return .close }
    guard control.count > 1 else { return .fault(.breach("a close code of one byte")) }
    guard WebSocketCloseCode.isValid(UInt16(control[0]) << 8 | UInt16(control[1])) else {
      return .fault(.breach("a close code that must not be sent"))
    }
    var reason = UTF8Validator()
    let isText = control.withUnsafeBytes {
      reason.accept(UnsafeRawBufferPointer(rebasing: $0[2...]))
    }
    return isText && reason.isComplete ? .close : .fault(.badText)
  }
}
