// One timer for all connections: heads, bodies, answers and keep-alives that take too long, pings and
// silent clients. A deadline is met with the sweep's precision, one second.
import CLibwebsockets
import EventLoops
import Glibc

extension WebServer {
  func sweep() {
    guard closing?.isContextDestroyed != true else { return }
    let now = loop.nowMilliseconds
    for index in 0..<slab.used {
      guard let id = slab.id(at: index), let record = slab.find(id),
        let wsi = record.pointee.wsi
      else { continue }
      if record.pointee.closeDeadline != 0 {
        if now >= record.pointee.closeDeadline { cut(record, wsi, now) }
      } else if record.pointee.kind == .webSocket {
        sweepWebSocket(id, record, now)
      } else if let exchange = record.pointee.exchange {
        if now >= exchange.deadline { expire(exchange, id, wsi) }
      } else {
        sweepIdle(id, record, wsi, now)
      }
    }
  }

  private func sweepWebSocket(
    _ id: ConnectionID, _ record: UnsafeMutablePointer<ConnectionRecord>, _ now: UInt64
  ) {
    let silence = now - min(now, record.pointee.lastHeard)
    if silence >= configuration.silenceMaxMilliseconds {
      counters.silentCloses += 1
      close(id, code: WebSocketCloseCode.goingAway, reason: "nothing heard")
    } else if silence >= configuration.pingAfterMilliseconds,
      now - min(now, record.pointee.lastPing) >= configuration.pingAfterMilliseconds
    {
      record.pointee.lastPing = now
      ping(id)
    }
  }

  private func expire(_ exchange: HTTPExchange, _ id: ConnectionID, _ wsi: OpaquePointer) {
    switch exchange.state {
    case .handling:
      counters.timedOutRequests += 1
      exchange.task?.cancel()
      exchange.keepsAlive = false
      answerLate(exchange, .error(.answerTimeout))
    case .readingBody:
      refuse(id, wsi, .requestTimeout)
      abandon(id)
    case .answering, .discarding: abandon(id)
    }
  }

  /// No request under way. A head must come within its time, from the connect or from its first byte,
  /// however many bytes come meanwhile; the wait for that byte may be longer.
  private func sweepIdle(
    _ id: ConnectionID, _ record: UnsafeMutablePointer<ConnectionRecord>, _ wsi: OpaquePointer,
    _ now: UInt64
  ) {
    let isFirst = record.pointee.requests == 0
    let hasBegun = record.pointee.headBegan != 0
    let since = isFirst || !hasBegun ? record.pointee.lastHeard : record.pointee.headBegan
    let limit =
      isFirst || hasBegun
      ? configuration.headTimeoutMilliseconds : configuration.keepAliveMilliseconds
    guard now - min(now, since) >= limit else { return }
    if isFirst || hasBegun {
      counters.slowHeads += 1
      // Over TLS the handshake itself may be what is missing.
      if !record.pointee.isSecure || !isFirst { refuse(id, wsi, .requestTimeout) }
    }
    abandon(id)
  }

  private func abandon(_ id: ConnectionID) {
    slab.find(id)?.pointee.closeDeadline =
      loop.nowMilliseconds + WebTransportLimits.closeMilliseconds
    scheduleClose(id)
  }

  /// The end of patience with a connection that should have closed: libwebsockets waits for what the
  /// client does not read. With the socket shut down it notices. What the kernel still has for the
  /// client is thrown away with a reset: else it would stay in a socket that nobody holds, 64 KiB each,
  /// until the kernel stops asking the client for a window after two minutes.
  private func cut(
    _ record: UnsafeMutablePointer<ConnectionRecord>, _ wsi: OpaquePointer, _ now: UInt64
  ) {
    record.pointee.closeDeadline = now + WebTransportLimits.closeMilliseconds
    let fd = lws_get_socket_fd(wsi)
    guard fd >= 0 else { return }
    if lwsx_unacknowledged(fd) > 0 {
      var reset = linger(l_onoff: 1, l_linger: 0)
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
      counters.resets += 1
    }
    shutdown(fd, Int32(SHUT_RDWR))
  }
}
