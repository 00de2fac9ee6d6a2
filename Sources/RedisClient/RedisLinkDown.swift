import Glibc

/// Why there is no link. None of these texts holds a password.
public enum RedisLinkDown: Hashable, Sendable {
  case hostNotFound(String)
  /// connect() failed with this errno.
  case connectFailed(Int32)
  case connectTimedOut(milliseconds: UInt64)
  /// Redis refused user or password; its own words.
  case authenticationFailed(String)
  /// Redis wants a password and the URL has none.
  case authenticationRequired
  /// Redis refused the database number; its own words.
  case databaseRefused(String)
  /// Connected, but Redis does not serve yet (`LOADING`, `BUSY`, `MASTERDOWN`); its own words.
  case notServing(String)
  case closedByServer
  case readFailed(Int32)
  case writeFailed(Int32)
  /// An answer was owed and no byte came for this long.
  case silent(milliseconds: UInt64)
  /// The oldest unanswered command is this old, though bytes come.
  case commandTimedOut(milliseconds: UInt64)
  /// What came is not RESP, or not what was asked; the reason.
  case protocolViolated(String)
  /// A reply over `RedisLimits.replyBytesMax`, `replyElementsMax` or `replyLineBytesMax`.
  case replyTooLarge
  /// `close()` was called.
  case closed
}

extension RedisLinkDown: CustomStringConvertible {
  public var description: String {
    switch self {
    case .hostNotFound(let reason): "host not found: \(reason)"
    case .connectFailed(let code): "connect: \(String(cString: strerror(code)))"
    case .connectTimedOut(let limit): "not connected and greeted within \(limit) ms"
    case .authenticationFailed(let words): "authentication failed: \(words)"
    case .authenticationRequired: "Redis requires a password and the URL has none"
    case .databaseRefused(let words): "database refused: \(words)"
    case .notServing(let words): "Redis is not serving: \(words)"
    case .closedByServer: "closed by Redis"
    case .readFailed(let code): "read: \(String(cString: strerror(code)))"
    case .writeFailed(let code): "write: \(String(cString: strerror(code)))"
    case .silent(let limit): "no byte within \(limit) ms though an answer is owed"
    case .commandTimedOut(let limit): "a command without an answer for \(limit) ms"
    case .protocolViolated(let reason): "protocol violated: \(reason)"
    case .replyTooLarge: "a reply over the limits"
    case .closed: "closed"
    }
  }
}
