// The dialogue with a client: connected, authenticated, subscribed; its errors; its end.
import Credentials
import EventLoops
import FanOut
import MarketData
import ServiceSupport
package import WebTransport

extension StreamLoop: WebSocketHandler {
  package func webSocketUpgrade(_ request: HTTPRequest) -> WebSocketDecision {
    guard let path = StreamPath.assetClass(request.path) else {
      return .reject(
        .error(.notFound("no stream here; try /v2/iex or /v1beta3/crypto/us")))
    }
    return .accept(token: UInt32(path.rawValue))
  }

  package func webSocketOpened(_ id: ConnectionID, token: UInt32, request: HTTPRequest) {
    let packed = request.header("content-type")?.hasPrefix("application/msgpack") ?? false
    guard let path = AssetClass(rawValue: UInt8(token)) else {
      preconditionFailure("a path that webSocketUpgrade did not give")
    }
    let encoding: ClientEncoding = packed ? .messagePack : .json
    guard let client = distributor.addClient(encoding: encoding) else {
      return web.close(id, code: 1_013, reason: "too many clients")
    }
    sessions.add(
      StreamSession(
        connection: id, client: client, path: path, encoding: encoding,
        openedAt: loop.nowMilliseconds, address: address(of: request)))
    say(id) { ControlMessage.success("connected", $0, into: &$1) }
    authenticateByHeaders(id, request)
    openedLate(id)
  }

  private func address(of request: HTTPRequest) -> ClientAddress {
    configuration.proxies.client(
      remote: request.remoteAddress.text, forwarded: request.header("x-forwarded-for"))
  }

  package func webSocketClosed(_ id: ConnectionID, code: UInt16, reason: String) {
    guard let session = sessions.remove(id) else { return }
    endWatch(session)
    var held: [TopicID] = []
    distributor.forEachSubscription(of: session.client) { held.append($0) }
    forgetInterval(session.client)
    resumes.remove(session.client)
    distributor.removeClient(session.client)
    for topic in held { releaseIfUnused(topic) }
    releaseUnusedWildcards(session.path)
    leftDuringDrain()
  }

  package func webSocketWritable(_ id: ConnectionID) {
    guard let session = sessions[id] else { return }
    sessions.update(id) { $0.blockedAt = 0 }
    distributor.clientWritable(session.client)
    tellOwedNotices(id)
    tellOwedSnapshots(id)
    askForFlush()
  }

  package func webSocketMessage(_ id: ConnectionID, opcode: WebSocketOpcode, bytes: RawSpan) {
    guard let session = sessions[id], session.stage != .ended else { return }
    guard mayTalk(id, bytes.byteCount) else { return }
    guard session.stage != .authenticating else { return hold(id, opcode, bytes) }
    defer { message.clear() }  // credentials too, whatever was wrong beside them
    do throws(ClientMessageFault) {
      try decode(bytes, opcode)
    } catch {
      return fail(id, error.error, error.reason)
    }
    switch (message.action, session.stage) {
    case (.authenticate, .connected):
      let key = String(decoding: message.key, as: UTF8.self)
      authenticate(session, key: key, secret: String(decoding: message.secret, as: UTF8.self))
    case (.authenticate, _): fail(id, .alreadyAuthenticated)
    case (_, .connected): fail(id, .notAuthenticated)
    case (.subscribe, _): subscribe(session)
    case (.unsubscribe, _): unsubscribe(session)
    case (nil, _): break
    }
  }

  /// Whether a client may say so much more; else it is told and closed. An acknowledgement lists all
  /// that is held, so its bytes count like those of the message that asks for it.
  private func mayTalk(_ id: ConnectionID, _ bytes: Int) -> Bool {
    let limits = configuration.clients
    let now = loop.nowMilliseconds &* 1_000
    var isAllowed = true
    sessions.update(id) {
      isAllowed =
        $0.messageTokens.spend(1, limits.messageRate, now: now)
        && $0.byteTokens.spend(
          UInt64(bytes + $0.namesBytes), limits.messageBytesRate, now: now)
    }
    guard !isAllowed else { return true }
    counters.talkativeClients &+= 1
    fail(id, .tooManyRequests, "\(limits.messageRate.perSecond) messages a second")
    return false
  }

  /// By the frame's kind, whatever the handshake asked for; JSON in a binary frame is understood
  /// too, for a MessagePack map cannot begin with a brace.
  private func decode(_ bytes: RawSpan, _ opcode: WebSocketOpcode) throws(ClientMessageFault) {
    try bytes.withUnsafeBytes { (bytes) throws(ClientMessageFault) in
      if opcode == .text || bytes.first == UInt8(ascii: "{") {
        try message.decodeJSON(bytes)
      } else {
        try message.decodeMessagePack(bytes)
      }
    }
  }

  // MARK: - Deadlines

  /// Authentication, whoever is late with it, and a frame that does not leave.
  func sweepSessions() {
    let now = loop.nowMilliseconds
    var unknown: [ConnectionID] = []
    var slow: [ConnectionID] = []
    sessions.forEach { session in
      if session.stage == .connected || session.stage == .authenticating,
        now &- session.openedAt >= configuration.clients.authenticationMilliseconds
      {
        unknown.append(session.connection)
      } else if session.stage != .ended, session.blockedAt > 0,
        now &- session.blockedAt >= configuration.clients.unwritableMillisecondsMax
      {
        slow.append(session.connection)
      }
    }
    counters.authenticationTimeouts &+= UInt64(unknown.count)
    for id in unknown { fail(id, .authenticationTimeout) }
    // Those that got stuck together come back together, and that costs the others more than they did.
    let share = slow.count / GatewayLimits.slowClosesShare
    let ended = slow.prefix(max(GatewayLimits.slowClosesPerSweepMin, share))
    counters.slowClients &+= UInt64(ended.count)
    for id in ended { fail(id, .slowClient) }
  }

  // MARK: - Control messages

  /// Sends an error, and closes where the protocol says so.
  func fail(_ id: ConnectionID, _ error: StreamError, _ reason: String? = nil) {
    counters.clientErrors &+= 1
    if error == .symbolLimitExceeded { counters.symbolsRefused &+= 1 }
    say(id) { ControlMessage.error(error, reason: reason, $0, into: &$1) }
    guard let code = error.closeCode else { return }
    sessions.update(id) { $0.stage = .ended }
    if let session = sessions[id] { distributor.clientBlocked(session.client) }
    web.close(id, code: code, reason: "\(error.message)")
  }

  /// Sends a control message in the session's encoding, before any data that is still to come.
  func say(
    _ id: ConnectionID, _ write: (ClientEncoding, inout ByteWriter) -> Void
  ) {
    guard let session = sessions[id] else { return }
    control.removeAll()
    write(session.encoding, &control)
    let outcome = control.withBytes { web.sendControl(id, $0, opcode: session.opcode) }
    guard outcome == .buffered || outcome == .refused else { return }
    // No frame of data until it has left; the transport tells.
    distributor.clientBlocked(session.client)
    if session.blockedAt == 0 {
      sessions.update(id) { $0.blockedAt = loop.nowMilliseconds }
    }
  }
}
