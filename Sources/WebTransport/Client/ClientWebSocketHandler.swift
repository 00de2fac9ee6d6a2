/// What a client is told of one of its WebSockets. Every call comes on the loop's thread; it may call
/// the WebSocket back (send, close) from any of them.
public protocol ClientWebSocketHandler: AnyObject {
  /// The 101 has come.
  func webSocketOpened(_ socket: ClientWebSocket)

  /// A whole message, reassembled; a text one is valid UTF-8. `bytes` is valid during the call.
  func webSocketMessage(_ socket: ClientWebSocket, opcode: WebSocketOpcode, bytes: RawSpan)

  /// What `send` had to leave behind has gone: `send` works again.
  func webSocketWritable(_ socket: ClientWebSocket)

  /// The end, exactly once for each `connect`, opened or not, never from within `connect`, `send` or
  /// `close`.
  func webSocketEnded(_ socket: ClientWebSocket, _ end: WebSocketEnd)
}

/// Why a WebSocket of a client is over.
public struct WebSocketEnd: Error, Hashable, Sendable, CustomStringConvertible {
  /// How far it had come.
  public enum Stage: String, Hashable, Sendable {
    /// The host's name.
    case lookup
    /// The TCP connection.
    case connect
    case tls
    /// The HTTP upgrade.
    case upgrade
    case open
  }

  public var stage: Stage
  /// The close frame's code, the peer's or ours; 1006 when there was none.
  public var code: UInt16
  /// The HTTP status of an upgrade that was refused.
  public var status: UInt16?
  /// The server's certificate is not believed; that will not mend itself.
  public var isCertificateRefused = false
  /// Since the peer was last heard; 0 when it never was open.
  public var silenceMilliseconds: UInt64 = 0
  /// Names the place and the reason. What the peer wrote is in it only in printable form.
  public var description: String
}
