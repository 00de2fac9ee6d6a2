// Sending. A frame goes straight to the socket when lws keeps nothing of an earlier one: waiting for
// "writable" first costs three epoll_ctl a message. What the socket does not take lws keeps, without a
// bound of its own, so nothing more is handed over until that has left.
import CLibwebsockets
import EventLoops

extension WebServer {
  /// Sends one frame, a whole message. `frame` begins with `frameHeadroomBytes` bytes that lws writes
  /// its header into; the payload is the rest and is left as it was. Kept by nobody after the call.
  public func send(
    _ id: ConnectionID, frame: UnsafeMutableRawBufferPointer, opcode: WebSocketOpcode
  ) -> SendOutcome {
    assert(loop.inLoop)
    guard let record = slab.find(id), record.pointee.kind == .webSocket,
      !record.pointee.isClosing, let wsi = record.pointee.wsi
    else { return .closed }
    if record.pointee.isBuffered || lws_partial_buffered(wsi) != 0 {
      record.pointee.isBuffered = true
      record.pointee.owesWritable = true
      return .refused
    }
    return write(record, id, wsi, frame, opcode)
  }

  /// Where a connection comes from; nil when it is gone.
  public func remoteAddress(of id: ConnectionID) -> RemoteAddress? {
    slab.find(id)?.pointee.address
  }

  /// Whether `send` would take a frame now.
  public func isWritable(_ id: ConnectionID) -> Bool {
    guard let record = slab.find(id), record.pointee.kind == .webSocket,
      !record.pointee.isClosing, let wsi = record.pointee.wsi
    else { return false }
    return !record.pointee.isBuffered && lws_partial_buffered(wsi) == 0
  }

  /// Sends a message that must not be dropped: behind a frame under way it is queued, in a bounded
  /// queue. When that is full the client is closed with 1008. Up to `controlMessageBytesMax`.
  public func sendControl(
    _ id: ConnectionID, _ bytes: RawSpan, opcode: WebSocketOpcode
  ) -> SendOutcome {
    assert(loop.inLoop)
    guard let record = slab.find(id), record.pointee.kind == .webSocket,
      !record.pointee.isClosing, let wsi = record.pointee.wsi
    else { return .closed }
    precondition(
      bytes.byteCount <= WebTransportLimits.controlMessageBytesMax, "a control message over 1 MiB")
    if record.pointee.isBuffered || lws_partial_buffered(wsi) != 0 {
      record.pointee.isBuffered = true
      let queue = record.pointee.controls ?? ControlQueue()
      record.pointee.controls = queue
      guard bytes.withUnsafeBytes({ queue.append($0, opcode: opcode) }) else {
        counters.faultCloses += 1
        close(id, code: WebSocketCloseCode.policy, reason: "too many messages are unread")
        return .closed
      }
      counters.controlsQueued += 1
      return .buffered
    }
    let room = WebTransportLimits.frameHeadroomBytes
    let frame = scratch(room + bytes.byteCount)
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(rebasing: frame[room...]).copyMemory(from: $0)
    }
    return write(record, id, wsi, frame, opcode)
  }

  private func scratch(_ count: Int) -> UnsafeMutableRawBufferPointer {
    if scratch.count < count {
      scratch.deallocate()
      scratch = .allocate(byteCount: max(count, 4_096), alignment: 16)
    }
    return UnsafeMutableRawBufferPointer(rebasing: scratch[..<count])
  }

  private func write(
    _ record: UnsafeMutablePointer<ConnectionRecord>, _ id: ConnectionID, _ wsi: OpaquePointer,
    _ frame: UnsafeMutableRawBufferPointer, _ opcode: WebSocketOpcode
  ) -> SendOutcome {
    let count = frame.count - WebTransportLimits.frameHeadroomBytes
    precondition(count >= 0, "a frame without headroom")
    let payload = frame.baseAddress! + WebTransportLimits.frameHeadroomBytes
    let mode = opcode == .text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY
    guard lws_write(wsi, payload, count, mode) >= 0 else {
      // The socket is broken; lws knows, and tells of the end when it is told to close.
      record.pointee.isClosing = true
      scheduleClose(id)
      return .closed
    }
    counters.framesSent += 1
    counters.frameBytesSent += UInt64(count)
    guard lws_partial_buffered(wsi) != 0 else { return .drained }
    counters.framesBuffered += 1
    record.pointee.isBuffered = true
    record.pointee.owesWritable = true
    return .buffered
  }

  /// lws has nothing left to send; also called after pongs.
  func writable(_ id: ConnectionID, _ wsi: OpaquePointer) -> Int32 {
    guard let record = slab.find(id), !record.pointee.isClosing, record.pointee.isBuffered,
      lws_partial_buffered(wsi) == 0
    else { return 0 }
    record.pointee.isBuffered = false
    if let queue = record.pointee.controls {
      while !queue.isEmpty {
        var outcome = SendOutcome.drained
        let owed = record.pointee.owesWritable
        queue.takeFirst { outcome = write(record, id, wsi, $0, $1) }
        record.pointee.owesWritable = owed
        guard outcome == .drained else { return outcome == .closed ? -1 : 0 }
      }
      record.pointee.controls = nil
    }
    guard record.pointee.owesWritable else { return 0 }
    record.pointee.owesWritable = false
    webSockets?.webSocketWritable(id)
    return 0
  }

  /// When a connection closes behind a frame that is still leaving, libwebsockets flushes what it keeps
  /// for 5 s and hangs up, without a close frame. So the queued control messages, of which the last
  /// says why, and the close frame are put behind that frame as they are. As raw bytes: a second frame
  /// that libwebsockets builds behind a partial one would miss its header (`inside_frame`).
  func sendLastWords(
    _ record: UnsafeMutablePointer<ConnectionRecord>, _ wsi: OpaquePointer, _ code: UInt16,
    _ reason: [UInt8]
  ) {
    let queue = record.pointee.controls
    record.pointee.controls = nil
    guard lws_partial_buffered(wsi) != 0 else { return }
    var words: [UInt8] = []
    words.reserveCapacity(256)
    while let queue, !queue.isEmpty {
      // Of more than a queue may hold (one acknowledgement alone may) only what comes after it.
      let isSkipped = queue.bytes > WebTransportLimits.controlQueueBytesMax
      queue.takeFirst { message, opcode in
        guard !isSkipped else { return }
        let payload = message[WebTransportLimits.frameHeadroomBytes...]
        words.append(opcode == .text ? 0x81 : 0x82)
        WebServer.append(count: payload.count, to: &words)
        words += payload
      }
    }
    words.append(0x88)
    WebServer.append(count: 2 + reason.count, to: &words)
    words += [UInt8(code >> 8), UInt8(code & 0xff)]
    words += reason
    // With this mode lws sends bytes as they are. When the socket is broken the close finds it out.
    words.withUnsafeMutableBufferPointer {
      _ = lws_write(wsi, $0.baseAddress, $0.count, LWS_WRITE_HTTP)
    }
  }

  /// RFC 6455, 5.2: the payload's length, of a server's frame; here at most `controlQueueBytesMax`.
  private static func append(count: Int, to bytes: inout [UInt8]) {
    switch count {
    case ..<126: bytes.append(UInt8(count))
    case ..<65_536: bytes += [126, UInt8(count >> 8), UInt8(count & 0xff)]
    default:
      bytes.append(127)
      for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: count >> (56 - 8 * place))) }
    }
  }

  /// A ping with a payload: lws hands out a pong only when it has one.
  func ping(_ id: ConnectionID) {
    guard let record = slab.find(id), let wsi = record.pointee.wsi,
      lws_partial_buffered(wsi) == 0
    else { return }
    let frame = scratch(WebTransportLimits.frameHeadroomBytes + 4)
    frame.storeBytes(
      of: 0x6b63_6974, toByteOffset: WebTransportLimits.frameHeadroomBytes, as: UInt32.self)
    let payload = frame.baseAddress! + WebTransportLimits.frameHeadroomBytes
    guard lws_write(wsi, payload, 4, LWS_WRITE_PING) >= 0 else { return scheduleClose(id) }
    counters.pingsSent += 1
    if lws_partial_buffered(wsi) != 0 { record.pointee.isBuffered = true }
  }
}
