// What comes on an open WebSocket of a client, and what leaves on it.
import CLibwebsockets
import EventLoops

extension ClientWebSocket {
  /// Always 0, which goes on: anything else from this callback leaves libwebsockets 4.1.6 with a full
  /// buffer that it goes on writing behind, for it reads on until the close is answered. (The server's
  /// parser has a check there, the client's has none.)
  func received(_ wsi: OpaquePointer, _ piece: UnsafeRawBufferPointer) -> Int32 {
    guard state == .open else { return 0 }
    lastHeard = client.loop.nowMilliseconds
    let isFirst = lws_is_first_fragment(wsi) != 0
    let isFinal = lws_is_final_fragment(wsi) != 0
    let opcode: WebSocketOpcode = lws_frame_is_binary(wsi) != 0 ? .binary : .text
    let bytesMax = client.configuration.messageBytesMax
    if isFirst, isFinal {
      // The usual small message: no copy.
      var text = UTF8Validator()
      guard opcode == .binary || text.accept(piece) && text.isComplete else {
        return fault(wsi, WebSocketCloseCode.invalidText, "a text message is not UTF-8")
      }
      guard piece.count <= bytesMax else { return tooBig(wsi) }
      handler?.webSocketMessage(self, opcode: opcode, bytes: piece.bytes)
      return 0
    }
    if isFirst {
      assembly.begin(opcode)
      isAssembling = true
    }
    guard isAssembling else {
      return fault(wsi, WebSocketCloseCode.protocolError, "a message without a beginning")
    }
    let step = assembly.append(
      piece, expected: Int(clamping: lws_remaining_packet_payload(wsi)), isFinal: isFinal,
      bytesMax: bytesMax, grow: { _ in true })
    switch step {
    case .more: return 0
    case .tooBig: return tooBig(wsi)
    case .badText:
      return fault(wsi, WebSocketCloseCode.invalidText, "a text message is not UTF-8")
    case .noMemory:
      return fault(wsi, WebSocketCloseCode.tryAgainLater, "no memory for a message")
    case .whole:
      isAssembling = false
      handler?.webSocketMessage(self, opcode: assembly.opcode, bytes: assembly.bytes.bytes)
      // One large message shall not keep its memory for ever.
      if assembly.capacity > WebTransportLimits.clientReceivePieceBytes {
        assembly = MessageAssembly()
      }
      return 0
    }
  }

  private func tooBig(_ wsi: OpaquePointer) -> Int32 {
    fault(
      wsi, WebSocketCloseCode.messageTooBig,
      "a message is over \(client.configuration.messageBytesMax) bytes")
  }

  func ponged() -> Int32 {
    lastHeard = client.loop.nowMilliseconds
    return 0
  }

  // MARK: - Sending

  /// Sends one message, masked as RFC 6455 wants it of clients. `bytes` is copied. At most
  /// `controlMessageBytesMax`, a programmer's affair.
  public func send(_ bytes: RawSpan, opcode: WebSocketOpcode) -> SendOutcome {
    client.loop.preconditionInLoop()
    precondition(
      bytes.byteCount <= WebTransportLimits.controlMessageBytesMax, "a client's message over 1 MiB")
    guard state == .open, let wsi else { return .closed }
    if isBuffered || lws_partial_buffered(wsi) != 0 {
      isBuffered = true
      owesWritable = true
      return .refused
    }
    let outcome = bytes.withUnsafeBytes {
      write(wsi, $0, opcode == .text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY)
    }
    if outcome == .buffered { owesWritable = true }
    return outcome
  }

  /// lws masks a payload where it lies, hence the copy.
  private func write(
    _ wsi: OpaquePointer, _ payload: UnsafeRawBufferPointer, _ mode: lws_write_protocol
  ) -> SendOutcome {
    let room = WebTransportLimits.frameHeadroomBytes
    let written = withUnsafeTemporaryAllocation(
      byteCount: room + payload.count, alignment: 16
    ) { frame in
      UnsafeMutableRawBufferPointer(rebasing: frame[room...]).copyMemory(from: payload)
      return lws_write(
        wsi, frame.baseAddress!.assumingMemoryBound(to: UInt8.self) + room, payload.count, mode)
    }
    guard written >= 0 else {
      fail("the connection broke")
      return .closed
    }
    guard lws_partial_buffered(wsi) != 0 else { return .drained }
    isBuffered = true
    return .buffered
  }

  func writable(_ wsi: OpaquePointer) -> Int32 {
    guard state == .open, isBuffered, lws_partial_buffered(wsi) == 0 else { return 0 }
    isBuffered = false
    guard owesWritable else { return 0 }
    owesWritable = false
    handler?.webSocketWritable(self)
    return 0
  }

  /// With a payload: lws hands out a pong only when it has one.
  func ping() {
    guard let wsi, lws_partial_buffered(wsi) == 0 else { return }
    withUnsafeBytes(of: UInt32(0x6b63_6974)) { _ = write(wsi, $0, LWS_WRITE_PING) }
  }
}
