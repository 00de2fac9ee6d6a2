import PostgresClient

/// What an account was worth at a moment.
struct EquityPoint: Hashable, Sendable {
  /// Microseconds since 1970, at a whole minute.
  var at: Int64
  var equity: ExactDecimal
  var cash: ExactDecimal
  /// At least one price was not live.
  var isStale: Bool
}

enum EquityInterval: Hashable, Sendable {
  case seconds(Int64)
  /// A day of New York.
  case daily
}

/// An account and one of its positions (or none), as the job reads them.
struct EquityHolding: Sendable {
  var accountID: String
  var cash: ExactDecimal
  var symbol: String?
  var quantity: ExactDecimal?
  var costBasis: ExactDecimal?
}

enum EquityStatements {
  private static let point: PostgresStatement<EquityPoint>.Decode = { row in
    EquityPoint(
      at: try row.timestamp(0), equity: try row.decimal(1), cash: try row.decimal(2),
      isStale: try row.boolean(3))
  }

  /// $4: the interval in seconds. One more than the bound, so that the caller can see it is exceeded.
  static let spaced = PostgresStatement(
    "equity_spaced",
    """
    SELECT at, equity, cash, stale FROM (
      SELECT DISTINCT ON (slot) at, equity, cash, stale, slot FROM (
        SELECT at, equity, cash, stale,
          date_bin($4 * interval '1 second', at, timestamptz '1970-01-01 00:00:00+00') AS slot
        FROM equity_history WHERE account_id = $1 AND at > $2 AND at <= $3) AS slotted
      ORDER BY slot, at DESC) AS last
    ORDER BY at LIMIT \(PortfolioLimits.equityPointsMax + 1)
    """, [.uuid, .timestamp, .timestamp, .integer], point)

  static let daily = PostgresStatement(
    "equity_daily",
    """
    SELECT at, equity, cash, stale FROM (
      SELECT DISTINCT ON (slot) at, equity, cash, stale, slot FROM (
        SELECT at, equity, cash, stale, (at AT TIME ZONE 'America/New_York')::date AS slot
        FROM equity_history WHERE account_id = $1 AND at > $2 AND at <= $3) AS slotted
      ORDER BY slot, at DESC) AS last
    ORDER BY at LIMIT \(PortfolioLimits.equityPointsMax + 1)
    """, [.uuid, .timestamp, .timestamp], point)

  // MARK: - The job

  /// $1: the last account of the batch before; $2: the moment; $3: accounts in a batch. Accounts that
  /// have their row of the moment are left out.
  static let holdings = PostgresStatement(
    "equity_holdings",
    """
    SELECT account.id, account.cash, asset.symbol, held.qty, held.cost_basis
    FROM (SELECT id, cash FROM accounts
        WHERE ($1 IS NULL OR id > $1)
          AND NOT EXISTS (SELECT FROM equity_history WHERE account_id = accounts.id AND at = $2)
        ORDER BY id LIMIT $3) AS account
      LEFT JOIN positions AS held ON held.account_id = account.id
      LEFT JOIN assets AS asset ON asset.id = held.asset_id
    ORDER BY account.id
    """, [.uuid, .timestamp, .integer]
  ) { row throws(PostgresError) in
    EquityHolding(
      accountID: try row.uuid(0), cash: try row.decimal(1), symbol: try row.optionalString(2),
      quantity: try row.optionalDecimal(3), costBasis: try row.optionalDecimal(4))
  }

  /// Who comes second writes nothing. $2 accounts, $3 equities, $4 cash; $5 those that are stale.
  static let insert = PostgresStatement<Void>(
    "equity_insert",
    """
    INSERT INTO equity_history (account_id, at, equity, cash, stale)
    SELECT account_id, $1, equity, cash, account_id = ANY ($5)
    FROM unnest($2, $3, $4) AS computed (account_id, equity, cash)
    ON CONFLICT (account_id, at) DO NOTHING
    """, [.timestamp, .uuids, .numerics, .numerics, .uuids])
}
