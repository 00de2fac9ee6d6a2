// The authority's questions as SQL. Ages are told by Postgres' clock alone, so that no two machines
// must agree about the time.
import Caching
import PostgresClient
import ServiceSupport

final class PostgresCredentials: CredentialDatabase {
  private let pool: PostgresPool

  init(_ pool: PostgresPool) { self.pool = pool }

  func key(_ id: String) async throws -> StoredKey? {
    try await pool.query(Statements.key, [.text(id)]).first
  }

  func session(_ id: String) async throws -> SessionRow? {
    try await pool.query(Statements.session, [.text(id), .integer(Statements.idleSeconds)]).first
  }

  func touch(_ id: String) async throws -> Bool {
    try await touchAll([id]).isEmpty
  }

  func touchAll(_ ids: [String]) async throws -> [String] {
    let seen = Int64(CredentialsLimits.lastSeenMilliseconds / 1_000)
    return try await pool.query(
      Statements.touch, [.texts(ids), .integer(Statements.idleSeconds), .integer(seen)])
  }

  func open(_ id: String, _ session: StoredSession) async throws -> Int64? {
    try await pool.query(
      Statements.open,
      [
        .text(id), .uuid(session.userID), .uuid(session.accountID),
        .bytes(session.digest.bytes), session.keyID.map { .text($0) } ?? .null,
        .integer(CredentialsLimits.sessionLifetimeSeconds),
        .integer(CredentialsLimits.sessionKeptSeconds),
        .integer(Int64(CredentialsLimits.sessionsPerUserMax - 1)),
      ]
    ).first
  }

  func end(_ id: String, userID: String) async throws -> Int64? {
    try await pool.query(
      Statements.end, [.text(id), .uuid(userID), .integer(Statements.idleSeconds)]
    ).first
  }

  func closedKeys(among ids: [String]) async throws -> [String] {
    try await pool.query(Statements.closedKeys, [.texts(ids)])
  }

  func closedSessions(among ids: [String]) async throws -> [String] {
    try await pool.query(Statements.closedSessions, [.texts(ids)])
  }

  func logged(withinMilliseconds: UInt64, entriesMax: Int) async throws -> [LogEntry] {
    try await pool.query(
      Statements.logged, [.integer(Int64(withinMilliseconds)), .integer(Int64(entriesMax))])
  }
}

private enum Statements {
  /// The last use is known to a minute, so a minute is added: nobody is logged out too early.
  static let idleSeconds =
    Int64((CachePolicies.session.ttlMilliseconds + CredentialsLimits.lastSeenMilliseconds) / 1_000)

  static let key = PostgresStatement(
    "credentials_key",
    """
    SELECT secret_sha256, user_id, account_id, revoked_at IS NOT NULL FROM api_keys WHERE id = $1
    """, [.text]
  ) { row throws(PostgresError) in
    StoredKey(
      digest: try digest(row, 0), userID: try row.uuid(1), accountID: try row.uuid(2),
      isRevoked: try row.boolean(3))
  }

  static let session = PostgresStatement(
    "credentials_session",
    """
    SELECT secret_sha256, user_id, account_id, key_id, version FROM sessions
    WHERE id = $1 AND revoked_at IS NULL AND expires_at > now()
      AND last_seen > now() - make_interval(secs => $2)
    """, [.text, .integer]
  ) { row throws(PostgresError) in
    SessionRow(
      session: StoredSession(
        digest: try digest(row, 0), userID: try row.uuid(1), accountID: try row.uuid(2),
        keyID: try row.optionalString(3)),
      version: try row.integer(4))
  }

  /// What is over is not moved, and no row twice in a minute. The last part reads the rows as they
  /// were before.
  static let touch = PostgresStatement(
    "credentials_touch",
    """
    WITH asked AS (SELECT unnest($1::text[]) AS id),
      moved AS (
        UPDATE sessions SET last_seen = now() FROM asked
        WHERE sessions.id = asked.id AND revoked_at IS NULL AND expires_at > now()
          AND last_seen > now() - make_interval(secs => $2)
          AND last_seen <= now() - make_interval(secs => $3))
    SELECT id FROM asked WHERE NOT EXISTS (
      SELECT FROM sessions WHERE sessions.id = asked.id AND revoked_at IS NULL
        AND expires_at > now() AND last_seen > now() - make_interval(secs => $2))
    """, [.texts, .integer, .integer]
  ) { row throws(PostgresError) in try row.string(0) }

  /// FOR SHARE: a revocation of the key waits for this, or this sees it (m0003). A row that is deleted
  /// is not among those that may be ended, for one statement changes a row once.
  static let open = PostgresStatement(
    "credentials_open",
    """
    WITH gone AS (
        DELETE FROM sessions WHERE user_id = $2
          AND (least(expires_at, revoked_at) < now() - make_interval(secs => $7)
            OR last_seen < now() - make_interval(secs => $7))),
      ended AS (
        UPDATE sessions SET revoked_at = greatest(now(), created_at) WHERE id IN (
          SELECT id FROM sessions WHERE user_id = $2 AND revoked_at IS NULL
            AND expires_at >= now() - make_interval(secs => $7)
            AND last_seen >= now() - make_interval(secs => $7)
          ORDER BY last_seen DESC, id OFFSET $8))
    INSERT INTO sessions (id, user_id, account_id, secret_sha256, key_id, expires_at)
      SELECT $1, $2, $3, $4, api_keys.id, now() + make_interval(secs => $6)
      FROM api_keys WHERE api_keys.id = $5 AND revoked_at IS NULL FOR SHARE
    RETURNING version
    """,
    [.text, .uuid, .uuid, .bytes, .text, .integer, .integer, .integer]
  ) { row throws(PostgresError) in try row.integer(0) }

  static let end = PostgresStatement(
    "credentials_end",
    """
    UPDATE sessions SET revoked_at = greatest(now(), created_at)
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > now()
      AND last_seen > now() - make_interval(secs => $3)
    RETURNING version
    """, [.text, .uuid, .integer]
  ) { row throws(PostgresError) in try row.integer(0) }

  static let closedKeys = PostgresStatement(
    "credentials_closed_keys",
    """
    SELECT id FROM unnest($1::text[]) AS asked (id) WHERE NOT EXISTS (
      SELECT FROM api_keys WHERE api_keys.id = asked.id AND revoked_at IS NULL)
    """, [.texts]
  ) { row throws(PostgresError) in try row.string(0) }

  static let closedSessions = PostgresStatement(
    "credentials_closed_sessions",
    """
    SELECT id FROM unnest($1::text[]) AS asked (id) WHERE NOT EXISTS (
      SELECT FROM sessions WHERE sessions.id = asked.id AND revoked_at IS NULL
        AND expires_at > now())
    """, [.texts]
  ) { row throws(PostgresError) in try row.string(0) }

  static let logged = PostgresStatement(
    "credentials_logged",
    """
    SELECT id, key FROM invalidation_log
    WHERE at > clock_timestamp() - make_interval(secs => $1::double precision / 1000)
      AND (starts_with(key, 'apikey:') OR starts_with(key, 'session:'))
    ORDER BY id DESC LIMIT $2
    """, [.integer, .integer]
  ) { row throws(PostgresError) in
    LogEntry(number: try row.integer(0), key: try row.string(1))
  }

  private static func digest(
    _ row: borrowing PostgresRow, _ column: Int
  ) throws(PostgresError) -> SHA256Digest {
    guard let digest = SHA256Digest(bytes: try row.bytes(column)) else {
      throw row.error(column, "not the 32 bytes of a SHA-256")
    }
    return digest
  }
}
