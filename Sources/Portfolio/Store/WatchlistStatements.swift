import PostgresClient

struct Watchlist: Hashable, Sendable {
  var id: String
  var accountID: String
  var name: String
  /// Microseconds since 1970.
  var createdAt: Int64
  var updatedAt: Int64
  /// In the list's order.
  var symbols: [String]
}

enum WatchlistStatements {
  private static let columns = """
    SELECT list.id, list.account_id, list.name, list.created_at, list.updated_at,
      ARRAY(SELECT asset.symbol::text FROM watchlist_items AS item
        JOIN assets AS asset ON asset.id = item.asset_id
        WHERE item.watchlist_id = list.id ORDER BY item.position)
    FROM watchlists AS list
    """

  static let ofAccount = PostgresStatement(
    "watchlists", "\(columns) WHERE list.account_id = $1 ORDER BY list.created_at, list.name",
    [.uuid], watchlist)

  /// What the cache holds under `watchlist:{user}`.
  static let ofUser = PostgresStatement(
    "watchlists_of_user",
    """
    \(columns) JOIN accounts ON accounts.id = list.account_id
    WHERE accounts.user_id = $1 ORDER BY list.created_at, list.name
    """, [.uuid], watchlist)

  static let byID = PostgresStatement(
    "watchlist_by_id", "\(columns) WHERE list.account_id = $1 AND list.id = $2", [.uuid, .uuid],
    watchlist)

  static let byName = PostgresStatement(
    "watchlist_by_name", "\(columns) WHERE list.account_id = $1 AND list.name = $2",
    [.uuid, .text], watchlist)

  private static let watchlist: PostgresStatement<Watchlist>.Decode = { row in
    Watchlist(
      id: try row.uuid(0), accountID: try row.uuid(1), name: try row.string(2),
      createdAt: try row.timestamp(3), updatedAt: try row.timestamp(4),
      symbols: try row.strings(5))
  }

  // MARK: - Writing, each inside a transaction

  /// Lists of one account are made one after another, so that their number is what was counted. Not
  /// by the account's row: bookings need that.
  static let lockAccount = PostgresStatement<Void>(
    "watchlists_lock",
    "SELECT pg_advisory_xact_lock(hashtextextended('watchlists of ' || $1::text, 0))", [.uuid])

  static let count = PostgresStatement(
    "watchlists_count", "SELECT count(*) FROM watchlists WHERE account_id = $1", [.uuid]
  ) { row throws(PostgresError) in try row.integer(0) }

  /// No row: the name is taken.
  static let insert = PostgresStatement(
    "watchlist_insert",
    """
    INSERT INTO watchlists (account_id, name) VALUES ($1, $2)
    ON CONFLICT (account_id, name) DO NOTHING RETURNING id
    """, [.uuid, .text]
  ) { row throws(PostgresError) in try row.uuid(0) }

  /// No row: there is none of this account. Until the end nobody else changes the list.
  static let lock = PostgresStatement(
    "watchlist_lock",
    "SELECT id FROM watchlists WHERE account_id = $1 AND id = $2 FOR UPDATE", [.uuid, .uuid]
  ) { row throws(PostgresError) in try row.uuid(0) }

  static let rename = PostgresStatement<Void>(
    "watchlist_rename", "UPDATE watchlists SET name = $2 WHERE id = $1", [.uuid, .text])

  static let touch = PostgresStatement<Void>(
    "watchlist_touch",
    "UPDATE watchlists SET updated_at = greatest(updated_at, clock_timestamp()) WHERE id = $1",
    [.uuid])

  static let delete = PostgresStatement<Void>(
    "watchlist_delete", "DELETE FROM watchlists WHERE account_id = $1 AND id = $2",
    [.uuid, .uuid])

  static let clear = PostgresStatement<Void>(
    "watchlist_clear", "DELETE FROM watchlist_items WHERE watchlist_id = $1", [.uuid])

  /// Each wanted text with the symbol of the asset it means, without those that mean none.
  static let resolve = PostgresStatement(
    "watchlist_resolve",
    """
    SELECT DISTINCT ON (wanted) wanted, symbol FROM unnest($1) AS wanted
      JOIN assets ON symbol = wanted OR (class = 'crypto' AND replace(symbol, '/', '') = wanted)
    ORDER BY wanted, symbol = wanted DESC
    """, [.texts]
  ) { row throws(PostgresError) in (wanted: try row.string(0), symbol: try row.string(1)) }

  /// $2: symbols that exist, each once, in order.
  static let fill = PostgresStatement<Void>(
    "watchlist_fill",
    """
    INSERT INTO watchlist_items (watchlist_id, asset_id, position)
    SELECT $1, asset.id, place - 1
    FROM unnest($2) WITH ORDINALITY AS wanted (symbol, place)
      JOIN assets AS asset ON asset.symbol = wanted.symbol
    """, [.uuid, .texts])

  static let append = PostgresStatement<Void>(
    "watchlist_append",
    """
    INSERT INTO watchlist_items (watchlist_id, asset_id, position)
    SELECT $1, id, (SELECT count(*) FROM watchlist_items WHERE watchlist_id = $1)
    FROM assets WHERE symbol = $2
    """, [.uuid, .text])

  /// Takes one out and moves the rest up. A row: it was there.
  static let remove = PostgresStatement(
    "watchlist_remove",
    """
    DELETE FROM watchlist_items
    WHERE watchlist_id = $1 AND asset_id = (SELECT id FROM assets WHERE symbol = $2)
    RETURNING position
    """, [.uuid, .text]
  ) { row throws(PostgresError) in try row.integer(0) }

  static let closeGap = PostgresStatement<Void>(
    "watchlist_close_gap",
    "UPDATE watchlist_items SET position = position - 1 WHERE watchlist_id = $1 AND position > $2",
    [.uuid, .integer])
}
