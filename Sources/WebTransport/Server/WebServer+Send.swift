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

  /// Whether the kernel still has bytes for a connection that its client has not acknowledged.
  public func hasUnacknowledged(_ id: ConnectionID) -> Bool {
    guard let record = slab.find(id), let wsi = record.pointee.wsi else { return false }
    return lwsx_unacknowledged(lws_get_socket_fd(wsi)) != 0
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
      // It may be a pong that it waits behind, for whose end nobody else is told.
      record.pointee.owesWritable = true
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
      kill(id)
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

  /// lws has nothing left to send.
  func writable(_ id: ConnectionID, _ wsi: OpaquePointer) -> Int32 {
    guard let record = slab.find(id), lws_partial_buffered(wsi) == 0 else { return 0 }
    if record.pointee.farewell == .owed { return sayFarewell(id, wsi) ? 0 : -1 }
    guard !record.pointee.isClosing, record.pointee.isBuffered else { return 0 }
    guard sendPongs(id, wsi) else { return -1 }
    guard lws_partial_buffered(wsi) == 0 else { return 0 }
    record.pointee.isBuffered = false
    switch sendControls(record, id, wsi) {
    case .drained: break
    case .closed: return -1
    case .buffered, .refused: return 0
    }
    guard record.pointee.owesWritable else { return 0 }
    record.pointee.owesWritable = false
    webSockets?.webSocketWritable(id)
    return 0
  }

  /// The queued control messages, as far as the socket takes them.
  func sendControls(
    _ record: UnsafeMutablePointer<ConnectionRecord>, _ id: ConnectionID, _ wsi: OpaquePointer
  ) -> SendOutcome {
    guard let queue = record.pointee.controls else { return .drained }
    let owed = record.pointee.owesWritable
    while !queue.isEmpty {
      var outcome = SendOutcome.drained
      queue.takeFirst { outcome = write(record, id, wsi, $0, $1) }
      record.pointee.owesWritable = owed
      guard outcome == .drained else { return outcome }
    }
    record.pointee.controls = nil
    return .drained
  }

  func ping(_ id: ConnectionID) {
    guard let record = slab.find(id), let wsi = record.pointee.wsi,
      lws_partial_buffered(wsi) == 0
    else { return }
    guard writeControl(wsi, Array("tick".utf8), LWS_WRITE_PING) else { return kill(id) }
    counters.pingsSent += 1
    if lws_partial_buffered(wsi) != 0 { record.pointee.isBuffered = true }
  }
}
