package import PostgresClient

/// Which keys open the demo's accounts: those that the seed made, or those of the process's settings
/// instead of them.
package enum DemoKeys {
  private static let seeded = ["demo", "demo2", "demo3"]

  private static let put = PostgresStatement<Void>(
    "demo_key_put",
    """
    INSERT INTO api_keys (id, user_id, account_id, secret_sha256)
    SELECT $1, user_id, id, $2 FROM accounts WHERE account_number = 'PA1'
    ON CONFLICT (id) DO UPDATE SET secret_sha256 = excluded.secret_sha256, revoked_at = NULL,
      user_id = excluded.user_id, account_id = excluded.account_id
    """, [.text, .bytes])

  private static let revoke = PostgresStatement<Void>(
    "demo_keys_revoke",
    """
    UPDATE api_keys SET revoked_at = now()
    WHERE id = ANY ($1) AND id <> ALL ($2) AND revoked_at IS NULL
    """, [.texts, .texts])

  private static let restore = PostgresStatement<Void>(
    "demo_keys_restore",
    """
    UPDATE api_keys SET revoked_at = NULL, secret_sha256 = sha256(id::bytea)
    WHERE id = ANY ($1) AND (revoked_at IS NOT NULL OR secret_sha256 <> sha256(id::bytea))
    """, [.texts])

  /// What the ready line of the demo says holds: key `demo`, secret `demo`.
  package static func useSeeded(_ pool: PostgresPool) async throws(PostgresError) {
    try await pool.execute(restore, [.texts(seeded)])
  }

  /// These keys, with the SHA-256 of their secrets, open the first account; the seed's open nothing.
  package static func use(
    _ keys: [(id: String, digest: [UInt8])], _ pool: PostgresPool
  ) async throws {
    try await pool.transaction(.readCommitted) { transaction in
      for key in keys { try await transaction.execute(put, [.text(key.id), .bytes(key.digest)]) }
      try await transaction.execute(revoke, [.texts(seeded), .texts(keys.map(\.id))])
    }
  }
}
