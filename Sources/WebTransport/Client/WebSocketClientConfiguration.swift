/// What a `WebSocketClient` is to be. Values, copied at its start.
public struct WebSocketClientConfiguration: Sendable {
  /// What servers' certificates must be signed by.
  public enum Trust: Hashable, Sendable {
    /// The client connects to ws:// only.
    case none
    /// The machine's own authorities, `WebTransportLimits.systemCertificatesPath`.
    case system
    /// PEM file of the authorities that are believed, and no others.
    case file(path: String)

    var path: String? {
      switch self {
      case .none: nil
      case .system: WebTransportLimits.systemCertificatesPath
      case .file(let path): path
      }
    }
  }

  public var trust = Trust.none
  /// A larger message ends the connection with 1009.
  public var messageBytesMax = WebTransportLimits.messageBytesMax
  /// For the lookup of the name.
  public var lookupMilliseconds: UInt64 = 5_000
  /// For the TCP connection, per address of the host.
  public var connectMilliseconds: UInt64 = 5_000
  /// From the TCP connection to the 101, TLS included.
  public var handshakeMilliseconds: UInt64 = 10_000
  /// A ping leaves this often, and as often it is looked whether anything was heard.
  public var pingMilliseconds: UInt64 = 1_000
  /// Without a byte of a message and without a pong for this long the connection is dead. TCP repeats
  /// a lost segment after about 0.2, 0.6, 1.4 and 3 s: four chances.
  public var silenceMaxMilliseconds: UInt64 = 4_000
  /// From a close of ours to the peer's answer; then the connection is cut off.
  public var closeMilliseconds: UInt64 = 1_000

  /// Gets libwebsockets' warnings, at a bounded rate, on the loop's thread.
  public var log: @Sendable (WebLogLine) -> Void = { _ in }

  public init() {}
}
