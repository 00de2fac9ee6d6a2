import MarketData

/// The errors of the stream protocol: one table, wire contract A.7.
package enum StreamError: UInt16, CaseIterable, Sendable {
  case invalidSyntax = 400
  case notAuthenticated = 401
  case authenticationFailed = 402
  case alreadyAuthenticated = 403
  case authenticationTimeout = 404
  case symbolLimitExceeded = 405
  case connectionLimitExceeded = 406
  case slowClient = 407
  case insufficientSubscription = 409
  case invalidSubscribeAction = 410
  /// Not of the contract, which has no rate: HTTP's number for it. It closes, for a client that may go
  /// on costs as much as before, and reading from it more slowly is no way out (`lws_rx_flow_control`
  /// must not be used on WebSockets).
  case tooManyRequests = 429
  case internalError = 500

  /// The text that clients of the protocol know.
  package var message: StaticString {
    switch self {
    case .invalidSyntax: "invalid syntax"
    case .notAuthenticated: "not authenticated"
    case .authenticationFailed: "auth failed"
    case .alreadyAuthenticated: "already authenticated"
    case .authenticationTimeout: "auth timeout"
    case .symbolLimitExceeded: "symbol limit exceeded"
    case .connectionLimitExceeded: "connection limit exceeded"
    case .slowClient: "slow client"
    case .insufficientSubscription: "insufficient subscription"
    case .invalidSubscribeAction: "invalid subscribe action for this feed"
    case .tooManyRequests: "too many requests"
    case .internalError: "internal error"
    }
  }

  /// The WebSocket close code that follows, or nil when the connection stays.
  package var closeCode: UInt16? {
    switch self {
    case .authenticationFailed, .authenticationTimeout, .insufficientSubscription,
      .tooManyRequests:
      1_008
    case .connectionLimitExceeded, .slowClient: 1_013
    case .invalidSyntax, .notAuthenticated, .alreadyAuthenticated, .symbolLimitExceeded,
      .invalidSubscribeAction:
      nil
    case .internalError: 1_011
    }
  }
}
