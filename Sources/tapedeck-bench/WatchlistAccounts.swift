import EventLoops
import Portfolio
import PostgresClient

/// Users of a benchmark in a database of its own.
struct WatchlistAccounts: Sendable {
  /// A key, whose secret is `secret of KEY`, and the one list.
  var users: [(key: String, watchlistID: String)]
  var symbols: [String]

  private static let addUsers = PostgresStatement<Void>(
    "bench_users",
    """
    INSERT INTO users (email, name)
    SELECT 'bench-' || n || '@example.com', 'Bench ' || n FROM generate_series(1, $1) AS n
    """, [.integer])

  /// What each of them has.
  private static let made: [(name: String, sql: String)] = [
    (
      "bench_accounts",
      """
      INSERT INTO accounts (user_id, account_number, cash)
      SELECT id, 'B' || split_part(name, ' ', 2), 1000 FROM users
      WHERE name LIKE 'Bench %'
      """
    ),
    (
      "bench_keys",
      """
      INSERT INTO api_keys (id, user_id, account_id, secret_sha256)
      SELECT account_number, user_id, id, sha256(('secret of ' || account_number)::bytea)
      FROM accounts WHERE account_number LIKE 'B%'
      """
    ),
    (
      "bench_lists",
      """
      INSERT INTO watchlists (account_id, name)
      SELECT id, 'Bench' FROM accounts
      WHERE account_number LIKE 'B%'
      """
    ),
    (
      "bench_items",
      """
      INSERT INTO watchlist_items (watchlist_id, asset_id, position)
      SELECT list.id, asset.id, asset.place - 1
      FROM watchlists AS list,
        (SELECT id, row_number() OVER (ORDER BY symbol) AS place FROM assets
          ORDER BY symbol LIMIT 10) AS asset
      WHERE list.name = 'Bench'
      """
    ),
  ]

  private static let lists = PostgresStatement<(key: String, watchlistID: String)>(
    "bench_found",
    """
    SELECT account_number, list.id FROM watchlists AS list
      JOIN accounts ON accounts.id = list.account_id WHERE list.name = 'Bench'
    """, []
  ) { row throws(PostgresError) in
    (key: try row.string(0), watchlistID: try row.uuid(1))
  }

  private static let assets = PostgresStatement<String>(
    "bench_assets", "SELECT symbol FROM assets ORDER BY symbol", []
  ) { row throws(PostgresError) in try row.string(0) }

  static func make(
    _ count: Int, _ location: PostgresLocation, on loop: EventLoop
  ) async throws -> WatchlistAccounts {
    let pool = PostgresPool(loop: loop, location: location, options: Migrator.poolOptions)
    pool.start()
    defer { pool.close() }
    try await SchemaSetup.run(
      pool, seed: true, microsecondsNow: EventLoop.wallNanoseconds / 1_000
    ) { _ in }
    try await pool.execute(addUsers, [.integer(Int64(count))])
    for (name, sql) in made { try await pool.execute(PostgresStatement<Void>(name, sql, [])) }
    return WatchlistAccounts(
      users: try await pool.query(lists), symbols: try await pool.query(assets))
  }
}
