/// Who a request or a stream acts for, and by what it showed that.
public struct Principal: Sendable, Hashable {
  /// UUIDs in lower case, as Postgres prints them.
  public let userID: String
  public let accountID: String
  /// The key that was presented, or that opened the session; nil for a session whose key is unknown.
  public let keyID: String?
  /// Nil when a key was presented.
  public let sessionID: String?

  public init(userID: String, accountID: String, keyID: String?, sessionID: String? = nil) {
    self.userID = userID
    self.accountID = accountID
    self.keyID = keyID
    self.sessionID = sessionID
  }
}

/// Why nobody was let in. Its description tells nothing of what was presented.
public enum CredentialFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// Malformed, unknown, or with a wrong secret: which of them is not told.
  case invalid
  /// The right secret of a key that was revoked or of a session that is over.
  case revoked
  /// Failures of this key or address have used up what is allowed; nothing was looked up.
  case tooManyFailures(retryAfterSeconds: Int)
  /// Neither the caches nor Postgres could answer, or a bound of this process is reached.
  case unavailable

  public var description: String {
    switch self {
    case .invalid: "the credentials are not valid"
    case .revoked: "the key was revoked or the session has ended"
    case .tooManyFailures(let seconds):
      "too many failed attempts, try again in \(seconds) s"
    case .unavailable: "credentials cannot be checked now"
    }
  }
}
