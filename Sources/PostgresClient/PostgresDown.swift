/// Why there is no connection. None of these texts holds a password or a value of a statement.
public enum PostgresDown: Hashable, Sendable {
  case hostNotFound(String)
  /// The host, and libpq's or the server's words.
  case connectFailed(host: String, reason: String)
  case connectTimedOut(host: String, milliseconds: UInt64)
  /// The server's code and words: a wrong password is 28P01.
  case refused(host: String, sqlState: String, reason: String)
  /// The server is a standby or read-only.
  case readOnly(host: String)
  /// The server ended the session: 57P01 is an administrator's command.
  case endedByServer(sqlState: String, reason: String)
  case lost(String)
  /// The statement that the server worked at was not answered for this long.
  case statementTimedOut(milliseconds: UInt64)
  case protocolViolated(String)
  /// A cached plan no longer fits the schema; the connection was replaced.
  case planOutdated
  /// Nobody used it for a while.
  case idle
  case closed
}

extension PostgresDown: CustomStringConvertible {
  public var description: String {
    switch self {
    case .hostNotFound(let reason): "host not found: \(reason)"
    case .connectFailed(let host, let reason): "\(host): \(reason)"
    case .connectTimedOut(let host, let limit): "\(host): no session within \(limit) ms"
    case .refused(let host, let state, let reason): "\(host): refused, \(state): \(reason)"
    case .readOnly(let host): "\(host): read-only or a standby"
    case .endedByServer(let state, let reason): "ended by the server, \(state): \(reason)"
    case .lost(let reason): "connection lost: \(reason)"
    case .statementTimedOut(let limit): "a statement without an answer for \(limit) ms"
    case .protocolViolated(let reason): "protocol violated: \(reason)"
    case .planOutdated: "the plan of a prepared statement is outdated"
    case .idle: "not used"
    case .closed: "closed"
    }
  }
}
