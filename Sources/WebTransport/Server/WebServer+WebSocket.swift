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
    guard
      configuration.allowedOrigins.allows(RequestReading.header(wsi, .token(WSI_TOKEN_ORIGIN)))
    else {
      counters.refusedOrigins += 1
      return refuseUpgrade(id, wsi, .error(.forbidden("this origin may not connect")))
    }
    let request = HTTPRequest(
      method: target.0, path: target.1, query: target.2, headers: keptHeaders(wsi),
      remoteAddress: record.pointee.address, isSecure: record.pointee.isSecure)
    guard let webSockets, !isEnding else {
      let error: HTTPError =
        isEnding ? .unavailable("the server is shutting down") : .notFound()
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

  /// A piece of a message, which `admitted` has checked: whole and in order, text is UTF-8.
  func received(
    _ id: ConnectionID, _ wsi: OpaquePointer, _ piece: UnsafeRawBufferPointer
  ) -> Int32 {
    guard let record = slab.find(id), !record.pointee.isClosing else { return 0 }
    let isFirst = lws_is_first_fragment(wsi) != 0
    let isFinal = lws_is_final_fragment(wsi) != 0
    let expected = Int(clamping: lws_remaining_packet_payload(wsi))
    let opcode: WebSocketOpcode = lws_frame_is_binary(wsi) != 0 ? .binary : .text
    if isFinal {
      if record.pointee.pongs != nil, !sendPongs(id, wsi) { kill(id) }
      record.pointee.messages &+= 1
    }
    if isFirst, isFinal {
      // The usual small message: no copy.
      deliver(id, opcode, piece)
      return 0
    }
    let assembly: MessageAssembly
    if let under = record.pointee.assembly {
      assembly = under
      if isFirst { assembly.begin(opcode, isChecked: true) }
    } else {
      precondition(isFirst, "libwebsockets hands out a message without its beginning")
      assembly = assemblyPool.popLast() ?? MessageAssembly()
      assembly.begin(opcode, isChecked: true)
      record.pointee.assembly = assembly
    }
    let step = assembly.append(
      piece, expected: expected, isFinal: isFinal, bytesMax: configuration.messageBytesMax,
      grow: growAssemblies)
    switch step {
    case .more: break
    case .whole:
      slab.find(id)?.pointee.assembly = nil
      deliver(id, assembly.opcode, assembly.bytes)
      recycle(assembly)
    case .noMemory: fault(id, WebSocketCloseCode.tryAgainLater, "too much at once")
    case .tooBig, .badText: preconditionFailure("a message that was not checked")
    }
    return 0
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
}
