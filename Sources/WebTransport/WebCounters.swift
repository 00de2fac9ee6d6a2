/// What a server has seen since its start. Plain integers, read and written on the loop.
public struct WebCounters: Hashable, Sendable {
  public var accepted: UInt64 = 0
  /// Refused at the connect: because of `connectionsMax` or `connectionsPerAddressMax`,
  public var refused: UInt64 = 0
  /// ... and because of the accept rate, with a 503.
  public var refusedForRate: UInt64 = 0
  /// Times that accept waited for the accept rate, over TLS.
  public var acceptsDeferred: UInt64 = 0
  /// Handshakes from origins that are not allowed.
  public var refusedOrigins: UInt64 = 0
  /// TLS handshakes whose client's first words were understood; a resumed session asks for none.
  public var handshakes: UInt64 = 0
  /// Times that accept paused for want of descriptors.
  public var acceptPauses: UInt64 = 0
  /// Connections open now, of both kinds.
  public var connections: Int = 0
  /// WebSockets open now.
  public var webSockets: Int = 0
  public var webSocketsOpened: UInt64 = 0
  public var requests: UInt64 = 0
  /// Requests whose handler has not answered yet, now.
  public var pendingRequests: Int = 0
  /// Requests answered 503 because their handler took too long.
  public var timedOutRequests: UInt64 = 0
  /// Answers with a status of 400 or more, by this layer or by a handler.
  public var errorAnswers: UInt64 = 0
  public var messagesReceived: UInt64 = 0
  public var messageBytesReceived: UInt64 = 0
  public var framesSent: UInt64 = 0
  public var frameBytesSent: UInt64 = 0
  /// Frames that the socket did not take at once.
  public var framesBuffered: UInt64 = 0
  /// Control messages queued behind such a frame.
  public var controlsQueued: UInt64 = 0
  /// Connections cut off with bytes that the client never took.
  public var resets: UInt64 = 0
  public var pingsSent: UInt64 = 0
  /// WebSockets closed because nothing was heard from them.
  public var silentCloses: UInt64 = 0
  /// Closes for a breach of protocol (1002, 1003, 1007, 1009) or of a bound (1008, 1013).
  public var faultCloses: UInt64 = 0
  /// Heads that did not arrive in time.
  public var slowHeads: UInt64 = 0
  /// Bytes held for unfinished messages, now.
  public var assemblyBytes: Int = 0
  /// Log lines that were over the rate.
  public var logLinesDropped: UInt64 = 0
}
