/// What a `WebServer` is to be. Values, copied at its start.
public struct WebServerConfiguration: Sendable {
  /// An IPv4 or IPv6 literal.
  public var host: String
  /// 0 lets the kernel choose; `WebServer.port` tells.
  public var port: UInt16
  /// With it every connection is TLS; `WebServer.use` replaces it.
  public var certificate: ServerCertificate?

  public var connectionsMax = WebTransportLimits.connectionsMax
  /// Connections from one address; nil is without a bound (behind a proxy all have its address).
  public var connectionsPerAddressMax: Int?

  /// Connections taken in a second, behind `acceptBurst` at once; more are told 503 and when to come
  /// again, or over TLS wait in the kernel's queue. Nil: `WebTransportLimits.acceptsPerSecond`.
  public var acceptsPerSecond: Int?
  public var acceptBurst = WebTransportLimits.acceptBurst
  /// Whose pages may open WebSockets; others are refused with 403.
  public var allowedOrigins = AllowedOrigins.any

  public var headBytesMax = WebTransportLimits.headBytesMax
  public var bodyBytesMax = WebTransportLimits.bodyBytesMax
  public var pendingRequestsMax = WebTransportLimits.pendingRequestsMax
  public var messageBytesMax = WebTransportLimits.messageBytesMax

  /// From the connect, or the first byte a keep-alive connection waits for, to the end of a head.
  public var headTimeoutMilliseconds: UInt64 = 10_000
  /// From the end of a head to the end of its body.
  public var bodyTimeoutMilliseconds: UInt64 = 20_000
  /// A handler that takes longer is answered for by a 503.
  public var answerTimeoutMilliseconds: UInt64 = 10_000
  /// The client must have read an answer within this.
  public var drainTimeoutMilliseconds: UInt64 = 30_000
  /// A keep-alive connection between two requests.
  public var keepAliveMilliseconds: UInt64 = 60_000
  /// A WebSocket from which nothing has come for this long is pinged.
  public var pingAfterMilliseconds: UInt64 = 15_000
  /// ... and closed when nothing has come for this long: with 5 s for the close frame and its answer
  /// and the sweeps' seconds, who has vanished is gone after 52 s.
  public var silenceMaxMilliseconds: UInt64 = 45_000
  /// Within this what is buffered for a WebSocket that is closing must leave, our close frame behind it,
  /// and the peer's come: several of the longest round trips, and a retransmission or two.
  public var farewellMilliseconds: UInt64 = 5_000
  /// The kernel gives a connection up when what was sent, pings included, is unacknowledged for this
  /// long.
  public var unacknowledgedMaxMilliseconds: UInt64 = 30_000

  /// Request headers that `HTTPRequest.header` knows, in lower case; others are not kept.
  public var headersKept = [
    "host", "origin", "user-agent", "content-type", "authorization", "apca-api-key-id",
    "apca-api-secret-key", "cookie", "accept", "if-none-match", "x-forwarded-for", "x-request-id",
  ]

  /// Gets libwebsockets' warnings and this layer's own, at a bounded rate, on the loop's thread.
  public var log: @Sendable (WebLogLine) -> Void = { _ in }

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }
}

/// A line for the log.
public struct WebLogLine: Hashable, Sendable {
  public enum Level: Hashable, Sendable { case error, warning }
  public var level: Level
  public var text: String
  /// Lines left out before this one because they came too fast.
  public var omitted: UInt64
}
