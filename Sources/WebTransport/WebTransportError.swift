/// Why a server or a client could not be set up.
public struct WebTransportError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: Hashable, Sendable {
    /// The host is not an IPv4 or IPv6 literal.
    case badAddress
    /// socket, bind or listen failed; `reason` has errno's text.
    case listenFailed
    /// libwebsockets made no context: it is not installed.
    case contextFailed
    /// A certificate or its key cannot be read or used; `reason` names the file.
    case badCertificate
    /// libwebsockets did not attach to the libuv loop (its plugin libwebsockets-evlib-uv is missing).
    case notOnLoop
    /// Not a ws:// or wss:// URL that can be used.
    case badURL
  }

  public let code: Code
  public let reason: String

  public var description: String { reason }
}
