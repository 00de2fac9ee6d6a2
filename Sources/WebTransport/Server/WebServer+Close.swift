// How a WebSocket ends (RFC 6455, 7): our close frame, behind all that has been handed to the socket and
// the queued control messages, of which the last may say why; the peer's, if it is not that which began;
// then the end of the TCP connection. After a breach nothing is awaited but the peer's end of it, since a
// close with bytes unread makes the kernel send a reset that can overtake the close frame. Every step has
// a deadline. libwebsockets has a way of its own, which leaves the close frame out when something was
// buffered, changes codes 1012 to 1014, and hangs up on a breach.
import CLibwebsockets
import EventLoops
import Glibc

/// LWS_WRITE_CLOSE, which the public header has switched off.
private let closeFrame = lws_write_protocol(rawValue: 4)

/// How far the end of a WebSocket has come.
enum Farewell: UInt8 {
  /// It is open.
  case none
  /// Our close frame has not been sent; or it has, and nothing is awaited any more.
  case owed
  /// The peer's close frame is awaited.
  case said
  /// Our end of the connection is closed, the peer's is awaited.
  case done
}

extension WebServer {
  /// Closes a WebSocket with a close frame, after what has been handed to the socket already.
  /// Nothing is sent or delivered from now on; `webSocketClosed` follows. Nothing happens to a stale
  /// id. `reason` is cut at 123 bytes.
  public func close(_ id: ConnectionID, code: UInt16, reason: String = "") {
    loop.preconditionInLoop()
    guard let record = slab.find(id), record.pointee.kind == .webSocket,
      !record.pointee.isClosing, record.pointee.wsi != nil
    else { return }
    beginClose(id, code, reason)
  }

  /// A breach of a bound, found within a callback of libwebsockets, which goes on.
  func fault(_ id: ConnectionID, _ code: UInt16, _ reason: String) {
    counters.faultCloses += 1
    beginClose(id, code, reason)
  }

  func beginClose(_ id: ConnectionID, _ code: UInt16, _ reason: String) {
    guard let record = slab.find(id) else { return }
    guard !record.pointee.isClosing else {
      // The peer's answer to our close frame, or a breach instead: nothing more is awaited.
      if record.pointee.farewell == .said {
        record.pointee.farewell = .owed
        scheduleClose(id)
      }
      return
    }
    record.pointee.isClosing = true
    record.pointee.closeDeadline =
      loop.nowMilliseconds + configuration.farewellMilliseconds
    record.pointee.closeCode = code
    record.pointee.closeReason = reason
    record.pointee.controls?.forgetLarge()
    record.pointee.farewell = .owed
    scheduleClose(id)
  }

  /// The next step, as far as the socket takes it. At the turn's end, and when lws has nothing left to
  /// send. False when the connection is to be hung up on.
  func sayFarewell(_ id: ConnectionID, _ wsi: OpaquePointer) -> Bool {
    guard let record = slab.find(id), record.pointee.farewell == .owed,
      lws_partial_buffered(wsi) == 0
    else { return true }
    guard sendPongs(id, wsi) else { return false }
    if lws_partial_buffered(wsi) != 0 { return true }
    if !record.pointee.saidGoodbye {
      switch sendControls(record, id, wsi) {
      case .drained: break
      case .closed: return false
      case .buffered, .refused: return true
      }
      record.pointee.saidGoodbye = true
      guard writeControl(wsi, farewellPayload(record), closeFrame) else { return false }
      // The rest of the frame leaves by itself; then this is called again.
      if lws_partial_buffered(wsi) != 0 { return true }
    }
    guard record.pointee.checker.isOver else {
      record.pointee.farewell = .said
      return true
    }
    record.pointee.farewell = .done
    // Both have said it: the server hangs up (RFC 6455, 7.1.1), and nothing is unread.
    if record.pointee.checker.hasClosed { return false }
    record.pointee.closeDeadline = loop.nowMilliseconds + WebTransportLimits.lingerMilliseconds
    if record.pointee.isSecure, let ssl = lws_get_ssl(wsi) { SSL_shutdown(ssl) }
    shutdown(lws_get_socket_fd(wsi), Int32(SHUT_WR))
    return true
  }

  private func farewellPayload(_ record: UnsafeMutablePointer<ConnectionRecord>) -> [UInt8] {
    let code = record.pointee.closeCode
    guard code != WebSocketCloseCode.none else { return [] }
    var reason = Array(record.pointee.closeReason.utf8.prefix(123))
    while !reason.isEmpty, String(validating: reason, as: UTF8.self) == nil { reason.removeLast() }
    return [UInt8(code >> 8), UInt8(code & 255)] + reason
  }

  /// Ends a connection whose socket is broken, at the turn's end.
  func kill(_ id: ConnectionID) {
    guard let record = slab.find(id) else { return }
    record.pointee.isClosing = true
    record.pointee.farewell = .done
    scheduleClose(id)
  }
}
