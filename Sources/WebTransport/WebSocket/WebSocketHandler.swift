/// What a server tells of its WebSockets; one per server. Every call comes on the loop's thread, from
/// within libwebsockets' callbacks. It may call the server back (send, close) from any of them.
public protocol WebSocketHandler: AnyObject {
  /// A valid handshake for `request.path`. Not yet a connection.
  func webSocketUpgrade(_ request: HTTPRequest) -> WebSocketDecision

  /// The 101 has been sent; `request` is the one of the upgrade.
  func webSocketOpened(_ id: ConnectionID, token: UInt32, request: HTTPRequest)

  /// A whole message, reassembled; a text one is valid UTF-8. `bytes` is valid during the call.
  func webSocketMessage(_ id: ConnectionID, opcode: WebSocketOpcode, bytes: RawSpan)

  /// What `send` had to leave behind has gone, and so have the queued control messages: `send` works
  /// again.
  func webSocketWritable(_ id: ConnectionID)

  /// The end, exactly once for each `webSocketOpened`, also after a close from this side. `code` is
  /// the peer's, or this side's when it closed first, or 1006 when the connection broke.
  func webSocketClosed(_ id: ConnectionID, code: UInt16, reason: String)
}

/// What becomes of a handshake.
public enum WebSocketDecision: Sendable {
  /// `token` is the handler's own; it comes back with `webSocketOpened`.
  case accept(token: UInt32)
  /// Any answer but 101, as JSON for an error: `.reject(.error(.notFound()))`.
  case reject(HTTPResponse)
}

public enum WebSocketOpcode: Hashable, Sendable {
  case text
  case binary
}

/// What became of a frame.
public enum SendOutcome: Hashable, Sendable {
  /// The socket took all of it.
  case drained
  /// The socket took a part; the rest leaves by itself, then `webSocketWritable` is called. Until
  /// then `send` refuses.
  case buffered
  /// Not sent: an earlier frame is still leaving. `webSocketWritable` will be called.
  case refused
  /// Not sent: the connection is gone or closing.
  case closed
}
