/// Why there is no result. `description` may be shown to anybody and logged: it names the statement
/// and the server's code, never a parameter, a row or a password. `debugDescription` adds the
/// server's own words, which may quote values.
public struct PostgresError: Error, Hashable, Sendable {
  public enum Code: Hashable, Sendable {
    /// The server refused the statement, see `server`. It had no effect.
    case server
    /// The connection ended while the statement was under way. True: it may have executed; a write
    /// must not be repeated blindly.
    case connectionLost(mayHaveExecuted: Bool)
    /// COMMIT was sent and its answer never came: committed or not, nobody here knows.
    case commitUnknown
    /// COMMIT was answered by a rollback, since a statement before it had failed.
    case rolledBack
    /// No server can be reached now; nothing was sent.
    case notConnected
    /// The bound on waiting callers is reached; nothing was sent.
    case full
    /// No connection became free in time; nothing was sent.
    case waitTimedOut
    /// The statement took too long. False: it had no effect.
    case timedOut(mayHaveExecuted: Bool)
    /// A row is not what the statement expects: type, NULL or form.
    case decoding
    /// A parameter that PostgreSQL cannot take: a zero byte in a text, too many bytes.
    case parameter
    /// The caller's task was cancelled; the statement may have executed, its result is thrown away.
    case cancelled
    /// The pool was closed.
    case closed
    /// A connection string that cannot be used.
    case location
  }

  public let code: Code
  /// The statement's name, where there is one.
  public let statement: String?
  /// What the server said.
  public let server: PostgresServerError?
  /// Which place and why, without values.
  public let reason: String

  public init(
    _ code: Code, statement: String? = nil, server: PostgresServerError? = nil, reason: String = ""
  ) {
    self.code = code
    self.statement = statement
    self.server = server
    self.reason = reason
  }

  /// Whether the statement or transaction may have had its effect, though there is no result.
  public var mayHaveExecuted: Bool {
    switch code {
    case .connectionLost(let may), .timedOut(let may): may
    case .commitUnknown, .cancelled, .decoding: true
    case .server, .rolledBack, .notConnected, .full, .waitTimedOut, .parameter, .closed, .location:
      false
    }
  }

  /// Whether the database, not the request, is the reason: an HTTP server answers 503.
  public var isUnavailable: Bool {
    switch code {
    case .connectionLost, .commitUnknown, .notConnected, .full, .waitTimedOut, .timedOut, .closed:
      true
    // Insufficient resources, operator intervention, cannot connect: not the request's fault.
    case .server: ["53", "57", "58", "08"].contains(server?.sqlState.prefix(2))
    case .rolledBack, .decoding, .parameter, .cancelled, .location: false
    }
  }

  /// The five characters of a server's error, else nil.
  public var sqlState: String? { code == .server ? server?.sqlState : nil }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
  public var description: String {
    var text = "PostgreSQL: \(words)"
    if let statement { text += ", statement \(statement)" }
    if !reason.isEmpty { text += ": \(reason)" }
    if let server { text += " (\(server))" }
    return text
  }

  public var debugDescription: String {
    guard let server else { return description }
    return "\(description) \(server.debugDescription)"
  }

  private var words: String {
    switch code {
    case .server: "the server refused"
    case .connectionLost(true): "connection lost, the statement may have executed"
    case .connectionLost(false): "connection lost before the statement was sent"
    case .commitUnknown: "connection lost during COMMIT, the outcome is unknown"
    case .rolledBack: "COMMIT was answered by ROLLBACK"
    case .notConnected: "not connected"
    case .full: "too many waiting callers"
    case .waitTimedOut: "no free connection in time"
    case .timedOut(true): "timed out, the statement may have executed"
    case .timedOut(false): "timed out, it had no effect"
    case .decoding: "unexpected row"
    case .parameter: "parameter refused"
    case .cancelled: "cancelled"
    case .closed: "closed"
    case .location: "connection string"
    }
  }
}

/// An error report of the server. `description` holds its code and names of the schema; `message`
/// and `detail` may quote values and are shown by `debugDescription` alone.
public struct PostgresServerError: Hashable, Sendable, CustomStringConvertible,
  CustomDebugStringConvertible
{
  /// Five characters, see the manual's appendix A: `23505` is a unique violation.
  public let sqlState: String
  public let message: String
  public let detail: String?
  public let schema: String?
  public let table: String?
  public let column: String?
  public let constraint: String?
  /// FATAL or PANIC: the connection ends with it.
  public let isFatal: Bool

  public init(
    sqlState: String, message: String, detail: String? = nil, schema: String? = nil,
    table: String? = nil, column: String? = nil, constraint: String? = nil, isFatal: Bool = false
  ) {
    self.sqlState = sqlState
    self.message = message
    self.detail = detail
    self.schema = schema
    self.table = table
    self.column = column
    self.constraint = constraint
    self.isFatal = isFatal
  }

  public var description: String {
    var text = sqlState
    if let table { text += ", table \(table)" }
    if let column { text += ", column \(column)" }
    if let constraint { text += ", constraint \(constraint)" }
    return text
  }

  public var debugDescription: String {
    "\(description): \(message)" + (detail.map { "; \($0)" } ?? "")
  }
}
