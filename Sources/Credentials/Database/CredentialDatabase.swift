// What the authority asks of the database, apart from how it is asked. Every call may throw, which
// always means: not known now.
import ServiceSupport

protocol CredentialDatabase: AnyObject {
  /// Nil when there is no such key.
  func key(_ id: String) async throws -> StoredKey?

  /// Nil when there is none, or it has ended, or nobody used it for too long.
  func session(_ id: String) async throws -> SessionRow?

  /// A use of the session: moves `last_seen` when that is a minute old. False: it is over.
  func touch(_ id: String) async throws -> Bool

  /// As `touch` for many; gives those that are over.
  func touchAll(_ ids: [String]) async throws -> [String]

  /// Writes a new session of a key that is not revoked; ends the user's oldest ones when there are too
  /// many. Its version, or nil when the key may open none.
  func open(_ id: String, _ session: StoredSession) async throws -> Int64?

  /// Ends a session of this user. Its version, or nil when the user has no such open session.
  func end(_ id: String, userID: String) async throws -> Int64?

  /// Of these keys those that are revoked or gone.
  func closedKeys(among ids: [String]) async throws -> [String]

  /// Of these sessions those that have ended or are gone. How long they were not used does not count.
  func closedSessions(among ids: [String]) async throws -> [String]

  /// The newest entries about keys and sessions in the invalidation log, at most so many.
  func logged(withinMilliseconds: UInt64, entriesMax: Int) async throws -> [LogEntry]
}

/// An open session as the database has it.
struct SessionRow: Sendable {
  var session: StoredSession
  var version: Int64
}

/// A line of the invalidation log: `key` is `apikey:{id}` or `session:{id}`.
struct LogEntry: Sendable, Hashable {
  var number: Int64
  var key: String
}
