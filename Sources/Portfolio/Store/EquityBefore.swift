import PostgresClient

extension EquityStatements {
  /// $1 account, $2 a moment: the last point until then.
  static let last = PostgresStatement(
    "equity_last",
    """
    SELECT at, equity, cash, stale FROM equity_history
    WHERE account_id = $1 AND at <= $2 ORDER BY at DESC LIMIT 1
    """, [.uuid, .timestamp]
  ) { row throws(PostgresError) in
    EquityPoint(
      at: try row.timestamp(0), equity: try row.decimal(1), cash: try row.decimal(2),
      isStale: try row.boolean(3))
  }
}

extension PortfolioStore {
  /// The last point until `moment`, in microseconds since 1970; nil: the history begins later.
  func equity(
    _ accountID: String, until moment: Int64
  ) async throws(PostgresError) -> EquityPoint? {
    try await pool.query(
      EquityStatements.last, [.uuid(accountID), .timestamp(microseconds: moment)]
    ).first
  }
}
