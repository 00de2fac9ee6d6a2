import PostgresClient

struct AppliedMigration: Sendable {
  var number: Int
  var name: String
  var checksum: String
}

enum MigrationStatements {
  /// Until the transaction's end. The number is ours alone in this database.
  static let lock = PostgresStatement<Void>(
    "migration_lock", "SELECT pg_advisory_xact_lock(7276543219871)")

  static let exists = PostgresStatement(
    "migration_exists", "SELECT to_regclass('schema_migrations') IS NOT NULL"
  ) { row throws(PostgresError) in try row.boolean(0) }

  static let create = PostgresStatement<Void>(
    "migration_create",
    """
    CREATE TABLE schema_migrations (
      number integer PRIMARY KEY CHECK (number > 0),
      name text NOT NULL UNIQUE,
      checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
      applied_at timestamptz NOT NULL DEFAULT now()
    )
    """)

  static let applied = PostgresStatement(
    "migration_applied", "SELECT number, name, checksum FROM schema_migrations ORDER BY number"
  ) { row throws(PostgresError) in
    AppliedMigration(
      number: Int(try row.integer(0)), name: try row.string(1), checksum: try row.string(2))
  }

  static let record = PostgresStatement<Void>(
    "migration_record",
    "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1::integer, $2, $3)",
    [.integer, .text, .text])

  /// Seeded before.
  static let isSeeded = PostgresStatement(
    "seed_exists", "SELECT EXISTS (SELECT FROM users WHERE email = 'ada@example.com')"
  ) { row throws(PostgresError) in try row.boolean(0) }
}
