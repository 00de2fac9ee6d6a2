// Takes connections from our own listening socket and gives them to libwebsockets.
import CLibwebsockets
import EventLoops
import Glibc

extension WebServer {
  /// Binds and accepts from now on. The port is in `port` afterwards.
  public func listen() throws(WebTransportError) {
    loop.preconditionInLoop()
    precondition(listener < 0 && closing == nil && !isClosed, "WebServer.listen twice")
    (listener, port) = try ListeningSocket.open(host: configuration.host, port: configuration.port)
    do {
      acceptPoll = try LoopPoll(loop: loop, fd: listener) { [unowned self] _ in acceptSome() }
    } catch {
      Glibc.close(listener)
      listener = -1
      throw WebTransportError(code: .listenFailed, reason: error.description)
    }
    acceptPoll?.watch(.readable)
  }

  /// Refuses new connections; those that are there go on. More than once is allowed.
  public func stopAccepting() {
    loop.preconditionInLoop()
    acceptTimer?.close()
    acceptTimer = nil
    acceptPoll?.close()
    acceptPoll = nil
    if listener >= 0 { Glibc.close(listener) }
    listener = -1
  }

  /// Takes what waits in the kernel, at most a full queue of it.
  func acceptWaiting() {
    let queue = Int(WebTransportLimits.listenBacklog)
    for _ in 0...(queue / WebTransportLimits.acceptsPerTurnMax) where listener >= 0 { acceptSome() }
  }

  private func acceptSome() {
    for _ in 0..<WebTransportLimits.acceptsPerTurnMax {
      if certificate != nil, defersAccepting() { return }
      var from = sockaddr_storage()
      let fd = lwsx_accept(listener, &from)
      guard fd >= 0 else {
        switch errno {
        case EAGAIN: return
        case EINTR, ECONNABORTED, EPROTO: continue
        default: return pauseAccepting(errno)
        }
      }
      adopt(fd, RemoteAddress(from))
    }
  }

  /// Over TLS nothing can be said before the handshake, which is just the work that the rate saves; and
  /// who is hung up on comes again at once. So they wait, in the kernel's queue, until their turn.
  private func defersAccepting() -> Bool {
    // The last ones are not kept waiting for what will not come.
    guard !isWindingDown, !acceptRate.mayTake(nowMilliseconds: loop.nowMilliseconds) else {
      return false
    }
    counters.acceptsDeferred += 1
    resumeAccepting(afterMilliseconds: acceptRate.millisecondsToNext)
    return true
  }

  private func adopt(_ fd: Int32, _ address: RemoteAddress) {
    if let max = configuration.connectionsPerAddressMax {
      guard addressCounts[address.host, default: 0] < max else {
        return refuse(fd, .tooManyRequests("too many connections from one address"))
      }
    }
    guard acceptRate.take(nowMilliseconds: loop.nowMilliseconds) || isWindingDown else {
      counters.refusedForRate += 1
      let error = HTTPError.unavailable(
        "too many connections at once", retryAfterSeconds: acceptRate.refuse())
      return refuse(fd, error)
    }
    guard let id = slab.add(loop.nowMilliseconds, address) else {
      return refuse(fd, .unavailable("too many connections"))
    }
    if configuration.connectionsPerAddressMax != nil {
      addressCounts[address.host, default: 0] += 1
    }
    ListeningSocket.configureClient(
      fd, unacknowledgedMilliseconds: configuration.unacknowledgedMaxMilliseconds)
    slab.find(id)!.pointee.isSecure = certificate != nil
    slab.find(id)!.pointee.awaitsHead = true
    counters.accepted += 1
    counters.connections = slab.count
    var info = lws_adopt_desc_t()
    info.vh = vhost
    info.type = lws_adoption_type(
      rawValue: LWS_ADOPT_SOCKET.rawValue | LWS_ADOPT_HTTP.rawValue | LWS_ADOPT_ALLOW_SSL.rawValue)
    info.fd.sockfd = fd
    info.opaque = UnsafeMutableRawPointer(bitPattern: id.bits)
    if lws_adopt_descriptor_vhost_via_info(&info) == nil, let record = slab.find(id),
      record.pointee.wsi == nil
    {
      // lws closed the descriptor and never had the connection. Over TLS that is how a client ends whose
      // first bytes are no handshake.
      forget(id)
      if certificate == nil { log(.warning, "libwebsockets did not take a connection") }
    }
  }

  /// Says why and hangs up, without libwebsockets. Over TLS nobody can be told why before the handshake:
  /// a fatal alert, which needs no keys yet, lets the client end as after any failed handshake.
  private func refuse(_ fd: Int32, _ error: HTTPError) {
    counters.refused += 1
    let bytes =
      certificate == nil
      ? responseHead.bytes(of: error.response, keepsAlive: false, withoutBody: false)
      : WebServer.handshakeRefusal
    _ = bytes.withUnsafeBytes {
      Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    shutdown(fd, Int32(SHUT_WR))
    WebServer.drain(fd)
    Glibc.close(fd)
  }

  /// A record of type alert, version 3.3, two bytes: fatal, internal_error (RFC 8446, 5.1 and 6).
  private static let handshakeRefusal: [UInt8] = [21, 3, 3, 0, 2, 2, 80]

  /// No descriptors left: the connection stays in the kernel's queue, and polling it would only spin.
  private func pauseAccepting(_ code: Int32) {
    counters.acceptPauses += 1
    log(.error, "accepting pauses: \(String(cString: strerror(code)))")
    resumeAccepting(afterMilliseconds: WebTransportLimits.acceptPauseMilliseconds)
  }

  private func resumeAccepting(afterMilliseconds milliseconds: UInt64) {
    acceptPoll?.watch([])
    let timer =
      acceptTimer
      ?? LoopTimer(loop: loop) { [unowned self] in
        acceptPoll?.watch(.readable)
      }
    acceptTimer = timer
    timer.start(afterMilliseconds: milliseconds)
  }

  /// Reads away what has come: bytes left unread at a close make the kernel send a reset, which can
  /// overtake an answer just sent.
  static func drain(_ fd: Int32) {
    withUnsafeTemporaryAllocation(byteCount: 16 * 1_024, alignment: 16) { room in
      for _ in 0..<16 {
        guard recv(fd, room.baseAddress, room.count, Int32(MSG_DONTWAIT)) > 0 else {
          return
        }
      }
    }
  }

  func drainSocket(_ wsi: OpaquePointer) {
    let fd = lws_get_socket_fd(wsi)
    if fd >= 0 { WebServer.drain(fd) }
  }
}
