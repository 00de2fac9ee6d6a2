// Who a client is. With an authority the answer comes later, by a hop from its loop: until then the
// session is `authenticating`, what its client says is held back, and the deadline runs on. A client
// that goes away meanwhile closes its ticket; the answer then finds no session of that ticket.
//
// Without an authority the process's own keys decide, at once.
import Credentials
import EventLoops
import MarketData
import ServiceSupport
import WebTransport

/// Carries a loop's object into the authority's answers. `@unchecked Sendable`: they are handed back
/// to that loop and opened there only.
private struct OnLoop: @unchecked Sendable {
  let stream: StreamLoop
}

extension StreamLoop {
  /// Clients that can set headers may authenticate by them; the dialogue stays the same.
  func authenticateByHeaders(_ id: ConnectionID, _ request: HTTPRequest) {
    guard let session = sessions[id] else { return }
    guard credentials != nil else {
      if let key = request.header("apca-api-key-id"),
        let secret = request.header("apca-api-secret-key")
      {
        authenticate(session, key: key, secret: secret)
      }
      return
    }
    switch PresentedCredentials.read({ request.header($0) }) {
    case .absent: break
    case .malformed: ask(session, nil)
    case .present(let presented): ask(session, presented)
    }
  }

  func authenticate(_ session: StreamSession, key: String, secret: String) {
    guard credentials == nil else {
      return ask(session, PresentedCredentials.read(streamKey: key, secret: secret))
    }
    let answer = configuration.keys.authenticate(
      id: key, secret: secret, address: session.address)
    switch answer {
    case .success(let id): accepted(session.connection, .key(id))
    case .failure(let failure): refused(session.connection, failure)
    }
  }

  /// Nil: something that can be nobody's credentials; it counts against the address.
  private func ask(_ session: StreamSession, _ presented: PresentedCredentials?) {
    guard let credentials else { return }
    let id = session.connection
    let here = OnLoop(stream: self)
    let ticket = credentials.openStream(
      presented, address: session.address, answer: { here.stream.answered(id, $0) },
      revoked: { here.stream.revoked(id, $0) })
    sessions.update(id) {
      $0.stage = .authenticating
      $0.ticket = ticket
    }
  }

  private func answered(_ id: ConnectionID, _ result: Result<Principal, CredentialFailure>) {
    // Gone, or timed out: its ticket was closed then.
    guard let session = sessions[id], session.stage == .authenticating else { return }
    switch result {
    case .success(let principal):
      accepted(id, KeyUsage.Holder(principal))
      for message in held.take(id) {
        // One of them may end the session.
        webSocketMessage(id, opcode: message.opcode, bytes: message.bytes.span.bytes)
      }
    case .failure(let failure):
      sessions.update(id) { $0.ticket = nil }
      refused(id, failure)
    }
  }

  private func revoked(_ id: ConnectionID, _ failure: CredentialFailure) {
    guard let session = sessions[id], session.stage != .ended else { return }
    counters.revoked &+= 1
    sessions.update(id) { $0.ticket = nil }
    fail(id, .authenticationFailed, failure.description)
  }

  private func accepted(_ id: ConnectionID, _ holder: KeyUsage.Holder) {
    guard let entry = configuration.usage.enter(holder) else {
      counters.connectionsRefused &+= 1
      _ = held.take(id)
      let most = configuration.usage.bounds.connectionsMax
      return fail(id, .connectionLimitExceeded, "at most \(most) connections per key")
    }
    sessions.update(id) {
      $0.stage = .authenticated
      $0.usage = entry
    }
    say(id) { ControlMessage.success("authenticated", $0, into: &$1) }
  }

  private func refused(_ id: ConnectionID, _ failure: CredentialFailure) {
    _ = held.take(id)
    switch failure {
    case .invalid:
      counters.authenticationFailures &+= 1
      fail(id, .authenticationFailed)
    case .revoked, .tooManyFailures:
      counters.authenticationFailures &+= 1
      if case .tooManyFailures = failure { counters.authenticationsLimited &+= 1 }
      fail(id, .authenticationFailed, failure.description)
    case .unavailable: fail(id, .internalError, failure.description)
    }
  }

  // MARK: - While it takes

  func hold(_ id: ConnectionID, _ opcode: WebSocketOpcode, _ bytes: RawSpan) {
    guard held.add(id, opcode, bytes) else {
      return fail(id, .notAuthenticated, "too much was said before auth was answered")
    }
  }

  /// The session is over, however. Its connection and names are given back here alone.
  func endWatch(_ session: StreamSession) {
    if let entry = session.usage {
      configuration.usage.leave(entry, subscriptions: session.claimed)
    }
    if let ticket = session.ticket { credentials?.closeStream(ticket) }
    if session.stage != .authenticated { _ = held.take(session.connection) }
  }
}
