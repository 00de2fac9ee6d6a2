// The handshake, and what comes from WebSockets.
import CLibwebsockets
import EventLoops

extension WebServer {
  // MARK: - The handshake

  /// Checks what libwebsockets does not check or refuses without an answer. The value of its `in` is
  /// not looked at (CVE-2025-11677).
  func confirmUpgrade(_ id: ConnectionID, _ wsi: OpaquePointer) -> Int32 {
    guard let record = slab.find(id) else { return -1 }
    let unread = lastUnread.length
    record.pointee.awaitsHead = false
    record.pointee.requests &+= 1
    counters.requests += 1
    guard unread == 0 else {
      return refuseUpgrade(id, wsi, .error(.badRequest("a handshake cannot be pipelined")))
    }
    let target: (HTTPMethod, String, [HTTPRequest.Argument])
    switch RequestReading.target(wsi) {
    case .success(let found): target = found
    case .failure(let error): return refuseUpgrade(id, wsi, error.response)
    }
    let handshake = WebSocketHandshake(
      method: target.0, upgrade: RequestReading.header(wsi, .token(WSI_TOKEN_UPGRADE)),
      connection: RequestReading.header(wsi, .token(WSI_TOKEN_CONNECTION)),
      version: RequestReading.header(wsi, .token(WSI_TOKEN_VERSION)),
      key: RequestReading.header(wsi, .token(WSI_TOKEN_KEY)),
      host: RequestReading.header(wsi, .token(WSI_TOKEN_HOST)),
      subprotocols: RequestReading.header(wsi, .token(WSI_TOKEN_PROTOCOL)),
      httpVersion: RequestReading.header(wsi, .token(WSI_TOKEN_HTTP)))
    if let error = handshake.error { return refuseUpgrade(id, wsi, error.response) }
    let request = HTTPRequest(
      method: target.0, path: target.1, query: target.2, headers: keptHeaders(wsi),
      remoteAddress: record.pointee.address, isSecure: record.pointee.isSecure)
    guard let webSockets, closing == nil else {
      let error: HTTPError =
        closing == nil ? .notFound() : .unavailable("the server is shutting down")
      return refuseUpgrade(id, wsi, error.response)
    }
    switch webSockets.webSocketUpgrade(request) {
    case .reject(let response):
      precondition(response.status != 101, "a rejection is not a 101")
      return refuseUpgrade(id, wsi, response)
    case .accept(let token):
      upgrade = (request, token)
      record.pointee.isUpgrading = true
      return 0
    }
  }

  private func refuseUpgrade(
    _ id: ConnectionID, _ wsi: OpaquePointer, _ response: HTTPResponse
  ) -> Int32 {
    refuse(id, wsi, response)
    drainSocket(wsi)
    return -1
  }

  func established(_ id: ConnectionID) -> Int32 {
    guard let record = slab.find(id), let (request, token) = upgrade else { return -1 }
    upgrade = nil
    record.pointee.isUpgrading = false
    record.pointee.kind = .webSocket
    record.pointee.wasOpened = true
    record.pointee.lastHeard = loop.nowMilliseconds
    record.pointee.lastPing = loop.nowMilliseconds
    counters.webSockets += 1
    counters.webSocketsOpened += 1
    webSockets?.webSocketOpened(id, token: token, request: request)
    return 0
  }

  // MARK: - Receiving

  func received(
    _ id: ConnectionID, _ wsi: OpaquePointer, _ piece: UnsafeRawBufferPointer
  ) -> Int32 {
    guard let record = slab.find(id), !record.pointee.isClosing else { return 0 }
    record.pointee.lastHeard = loop.nowMilliseconds
    let isFirst = lws_is_first_fragment(wsi) != 0
    let isFinal = lws_is_final_fragment(wsi) != 0
    let expected = Int(clamping: lws_remaining_packet_payload(wsi))
    let opcode: WebSocketOpcode = lws_frame_is_binary(wsi) != 0 ? .binary : .text
    if isFirst, isFinal {
      // The usual small message: no copy.
      var text = UTF8Validator()
      guard opcode == .binary || text.accept(piece) && text.isComplete else {
        return fault(id, wsi, WebSocketCloseCode.invalidText, "not UTF-8")
      }
      deliver(id, opcode, piece)
      return 0
    }
    let assembly: MessageAssembly
    if let under = record.pointee.assembly {
      assembly = under
      if isFirst { assembly.begin(opcode) }
    } else {
      guard isFirst else { return fault(id, wsi, WebSocketCloseCode.protocolError, "no start") }
      assembly = assemblyPool.popLast() ?? MessageAssembly()
      assembly.begin(opcode)
      record.pointee.assembly = assembly
    }
    let step = assembly.append(
      piece, expected: expected, isFinal: isFinal, bytesMax: configuration.messageBytesMax,
      grow: growAssemblies)
    return act(step, id, wsi, assembly)
  }

  private func act(
    _ step: MessageAssembly.Step, _ id: ConnectionID, _ wsi: OpaquePointer,
    _ assembly: MessageAssembly
  ) -> Int32 {
    switch step {
    case .more: return 0
    case .whole:
      slab.find(id)?.pointee.assembly = nil
      deliver(id, assembly.opcode, assembly.bytes)
      recycle(assembly)
      return 0
    case .tooBig:
      return fault(
        id, wsi, WebSocketCloseCode.messageTooBig, "over \(configuration.messageBytesMax) bytes")
    case .badText: return fault(id, wsi, WebSocketCloseCode.invalidText, "not UTF-8")
    case .noMemory: return fault(id, wsi, WebSocketCloseCode.tryAgainLater, "too much at once")
    }
  }

  private func deliver(
    _ id: ConnectionID, _ opcode: WebSocketOpcode, _ bytes: UnsafeRawBufferPointer
  ) {
    counters.messagesReceived += 1
    counters.messageBytesReceived += UInt64(bytes.count)
    webSockets?.webSocketMessage(id, opcode: opcode, bytes: bytes.bytes)
  }

  /// Whether unfinished messages may take so many bytes more; then they are counted.
  private func growAssemblies(_ bytes: Int) -> Bool {
    guard counters.assemblyBytes + bytes <= WebTransportLimits.assemblyBytesMax else {
      return false
    }
    counters.assemblyBytes += bytes
    return true
  }

  func recycle(_ assembly: MessageAssembly) {
    if assemblyPool.count < WebTransportLimits.assembliesKeptMax,
      assembly.capacity <= WebTransportLimits.assemblyKeptBytesMax
    {
      assemblyPool.append(assembly)
    } else {
      counters.assemblyBytes -= assembly.capacity
    }
  }

  func ponged(_ id: ConnectionID) -> Int32 {
    slab.find(id)?.pointee.lastHeard = loop.nowMilliseconds
    return 0
  }

  // MARK: - Ends

  /// A breach of the protocol: the caller returns the -1, and lws sends the close frame.
  func fault(
    _ id: ConnectionID, _ wsi: OpaquePointer, _ code: UInt16, _ reason: String
  ) -> Int32 {
    counters.faultCloses += 1
    beginClose(id, wsi, code, reason)
    return -1
  }

  /// The peer's close frame: lws answers it.
  func peerCloses(_ id: ConnectionID, _ payload: UnsafeRawBufferPointer) -> Int32 {
    guard let record = slab.find(id), !record.pointee.isClosing else { return 0 }
    record.pointee.isClosing = true
    record.pointee.closeDeadline =
      loop.nowMilliseconds + WebTransportLimits.closeMilliseconds
    // A close frame without a payload is code 1005, "none", which is never on the wire.
    record.pointee.closeCode =
      payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : WebSocketCloseCode.none
    if payload.count > 2 {
      record.pointee.closeReason = String(decoding: payload[2...], as: UTF8.self)
    }
    return 0
  }

  /// Closes a WebSocket with a close frame, after what has been handed to the socket already.
  /// Nothing is sent or delivered from now on; `webSocketClosed` follows. Nothing happens to a stale
  /// id. `reason` is cut at 123 bytes.
  public func close(_ id: ConnectionID, code: UInt16, reason: String = "") {
    loop.preconditionInLoop()
    guard let record = slab.find(id), record.pointee.kind == .webSocket,
      !record.pointee.isClosing, let wsi = record.pointee.wsi
    else { return }
    beginClose(id, wsi, code, reason)
    scheduleClose(id)
  }

  private func beginClose(
    _ id: ConnectionID, _ wsi: OpaquePointer, _ code: UInt16, _ reason: String
  ) {
    guard let record = slab.find(id) else { return }
    record.pointee.isClosing = true
    record.pointee.closeDeadline =
      loop.nowMilliseconds + WebTransportLimits.closeMilliseconds
    record.pointee.closeCode = code
    record.pointee.closeReason = reason
    var bytes = Array(reason.utf8.prefix(123))
    while !bytes.isEmpty, String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
    sendLastWords(record, wsi, code, bytes)
    bytes.withUnsafeMutableBufferPointer {
      lws_close_reason(wsi, lws_close_status(rawValue: UInt32(code)), $0.baseAddress, $0.count)
    }
  }
}
