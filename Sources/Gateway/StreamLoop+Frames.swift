import EventLoops
package import FanOut
import MarketData
import WebTransport

extension StreamLoop: FrameTransport {
  /// A frame of the distributor goes to its client's socket. A closing connection is answered as a
  /// blocked one: its end comes by `webSocketClosed`, which releases the client and its topics.
  package func send(
    _ client: ClientHandle, _ payload: UnsafeMutableRawBufferPointer, encoding: ClientEncoding
  ) -> FanOut.SendOutcome {
    guard let connection = sessions.connection(of: client) else { return .closed }
    // The distributor keeps the bytes before a payload free; the transport writes its header there.
    let room = FanOutLimits.frameHeadroomBytes
    let frame = UnsafeMutableRawBufferPointer(
      start: payload.baseAddress! - room, count: payload.count + room)
    switch web.send(connection, frame: frame, opcode: encoding == .json ? .text : .binary) {
    case .drained: return mayGrow(connection, payload.count) ? .drained : .taken
    case .buffered:
      sessions.update(connection) { $0.blockedAt = loop.nowMilliseconds }
      return .buffered
    case .refused:
      // Something of the transport's own (a ping, a control message) is still leaving. The frame's
      // messages count as sent, so it must not be lost: it waits in the transport's bounded queue.
      return queue(payload, connection, encoding)
    case .closed: return .buffered
    }
  }

  /// Whether a frame of twice the size may follow: only into an empty socket, which takes it whole, so
  /// that of a client that stops reading no more than a frame of the usual size is kept (see
  /// `GatewayLimits.memoryOfSilentClient`). A small frame is the last of its turn: nobody is asked.
  private func mayGrow(_ connection: ConnectionID, _ bytes: Int) -> Bool {
    guard bytes > GatewayLimits.frameBytesUsual / 2 else { return true }
    return bytes <= GatewayLimits.frameBytesGrownMax / 2 && !web.hasUnacknowledged(connection)
  }

  private func queue(
    _ payload: UnsafeMutableRawBufferPointer, _ connection: ConnectionID,
    _ encoding: ClientEncoding
  ) -> FanOut.SendOutcome {
    let bytes = UnsafeRawBufferPointer(payload).bytes
    switch web.sendControl(connection, bytes, opcode: encoding == .json ? .text : .binary) {
    case .drained: return .drained
    case .buffered, .refused:
      sessions.update(connection) { $0.blockedAt = loop.nowMilliseconds }
      return .buffered
    case .closed: return .buffered
    }
  }
}

/// Derives what a client of the binary stream gets, and books cut to fewer levels.
final class MessagePackDeriver: VariantDeriver {
  private var output = ByteWriter(capacity: 4_096)

  func derive(
    _ variant: MessageVariant, from message: RawSpan, into out: UnsafeMutableRawBufferPointer
  ) -> Int? {
    output.removeAll()
    do {
      switch variant {
      case .json: output.append(message)
      case .messagePack: try MessagePackTranscoder.transcode(message, into: &output)
      case .jsonDepth5: try WireJSON.cutDepth(message, levels: 5, into: &output)
      case .messagePackDepth5:
        try MessagePackTranscoder.transcode(message, levels: 5, into: &output)
      case .jsonDepth1: try WireJSON.cutDepth(message, levels: 1, into: &output)
      case .messagePackDepth1:
        try MessagePackTranscoder.transcode(message, levels: 1, into: &output)
      }
    } catch {
      return nil
    }
    guard output.count <= out.count else { return nil }
    return output.withUnsafeBytes { bytes in
      out.copyMemory(from: bytes)
      return bytes.count
    }
  }
}
