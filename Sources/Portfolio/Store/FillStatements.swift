import PostgresClient

/// One execution of an order.
struct Fill: Hashable, Sendable {
  var id: String
  var orderID: String
  var symbol: String
  var assetClass: String
  var side: String
  var quantity: ExactDecimal
  var price: ExactDecimal
  /// Microseconds since 1970.
  var at: Int64
  /// Of the order after this fill: executed, and still open. Nothing open means `fill`, else
  /// `partial_fill`.
  var cumulativeQuantity: ExactDecimal
  var leavesQuantity: ExactDecimal
  var orderStatus: String
}

/// Which of an account's fills are asked for.
struct FillFilter: Hashable, Sendable {
  /// Both exclusive, in microseconds since 1970.
  var after: Int64?
  var until: Int64?
  /// A day of New York: `2026-11-20`.
  var date: String?
  var isAscending = false
  /// 1 to `PortfolioLimits.fillsMax`.
  var pageSize = PortfolioLimits.fillsMax
  /// The last fill of the page before.
  var afterFill: String?

  func parameters(_ accountID: String) -> [PostgresParameter] {
    [
      .uuid(accountID), .timestampOrNull(microseconds: after),
      .timestampOrNull(microseconds: until), .dateOrNull(date), .uuidOrNull(afterFill),
      .integer(Int64(max(1, min(pageSize, PortfolioLimits.fillsMax)))),
    ]
  }
}

enum FillStatements {
  private static let types: [PostgresType] = [
    .uuid, .timestamp, .timestamp, .date, .uuid, .integer,
  ]

  private static func page(_ comparison: String, _ order: String) -> String {
    """
    SELECT fill.id, fill.order_id, asset.symbol, asset.class, orders.side, fill.qty, fill.price,
      fill.at, fill.cum_qty, fill.leaves_qty, orders.status
    FROM fills AS fill JOIN orders ON orders.id = fill.order_id
      JOIN assets AS asset ON asset.id = orders.asset_id
    WHERE fill.account_id = $1
      AND ($2 IS NULL OR fill.at > $2)
      AND ($3 IS NULL OR fill.at < $3)
      AND ($4 IS NULL OR (fill.at AT TIME ZONE 'America/New_York')::date = $4)
      AND ($5 IS NULL OR (fill.at, fill.id) \(comparison) (
        SELECT at, id FROM fills WHERE id = $5 AND account_id = $1))
    ORDER BY fill.at \(order), fill.id \(order) LIMIT $6
    """
  }

  static let newestFirst = PostgresStatement(
    "fills_newest_first", page("<", "DESC"), types, fill)

  static let oldestFirst = PostgresStatement("fills_oldest_first", page(">", "ASC"), types, fill)

  static let exists = PostgresStatement(
    "fill_exists", "SELECT EXISTS (SELECT FROM fills WHERE account_id = $1 AND id = $2)",
    [.uuid, .uuid]
  ) { row throws(PostgresError) in try row.boolean(0) }

  private static let fill: PostgresStatement<Fill>.Decode = { row in
    Fill(
      id: try row.uuid(0), orderID: try row.uuid(1), symbol: try row.string(2),
      assetClass: try row.string(3), side: try row.string(4), quantity: try row.decimal(5),
      price: try row.decimal(6), at: try row.timestamp(7), cumulativeQuantity: try row.decimal(8),
      leavesQuantity: try row.decimal(9), orderStatus: try row.string(10))
  }
}
