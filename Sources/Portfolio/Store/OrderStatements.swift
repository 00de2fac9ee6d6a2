import PostgresClient

/// An order as the exchange last reported it. Times are in microseconds since 1970.
struct Order: Hashable, Sendable {
  var id: String
  var clientOrderID: String
  var assetID: String
  var symbol: String
  var assetClass: String
  var side: String
  var type: String
  var timeInForce: String
  var orderClass: String
  var positionIntent: String?
  /// One of the two.
  var quantity: ExactDecimal?
  var notional: ExactDecimal?
  var filledQuantity: ExactDecimal
  var filledAveragePrice: ExactDecimal?
  var limitPrice: ExactDecimal?
  var stopPrice: ExactDecimal?
  var trailPrice: ExactDecimal?
  var trailPercent: ExactDecimal?
  var highWaterMark: ExactDecimal?
  var isExtendedHours: Bool
  var status: String
  var isOpen: Bool
  var createdAt: Int64
  var updatedAt: Int64
  var submittedAt: Int64
  var filledAt: Int64?
  var expiresAt: Int64?
  var expiredAt: Int64?
  var canceledAt: Int64?
  var failedAt: Int64?
  var replacedAt: Int64?
  var replacedBy: String?
  var replaces: String?
  var parentID: String?
  /// Filled where orders are asked for nested.
  var legs: [Order] = []
}

/// Which of an account's orders are asked for.
struct OrderFilter: Hashable, Sendable {
  enum Status: Hashable, Sendable { case open, closed, all }

  var status = Status.open
  /// 1 to `PortfolioLimits.ordersMax`.
  var limit = PortfolioLimits.ordersDefault
  /// Submitted after and before, in microseconds since 1970, both exclusive.
  var after: Int64?
  var until: Int64?
  var isAscending = false
  /// `buy` or `sell`.
  var side: String?
  /// Any of these; `BTCUSD` means BTC/USD too. Nil: all.
  var symbols: [String]?
  /// Legs come inside their order, not beside it.
  var isNested = false

  func parameters(_ accountID: String) -> [PostgresParameter] {
    let isOpen: PostgresParameter =
      switch status {
      case .open: .boolean(true)
      case .closed: .boolean(false)
      case .all: .null
      }
    return [
      .uuid(accountID), isOpen, .timestampOrNull(microseconds: after),
      .timestampOrNull(microseconds: until), .textOrNull(side), symbols.map { .texts($0) } ?? .null,
      .boolean(isNested), .integer(Int64(max(1, min(limit, PortfolioLimits.ordersMax)))),
    ]
  }
}

enum OrderStatements {
  private static let columns = """
    SELECT orders.id, client_order_id, asset_id, asset.symbol, asset.class, side, type,
      time_in_force, order_class, position_intent, qty, notional, filled_qty, filled_avg_price,
      limit_price, stop_price, trail_price, trail_percent, hwm, extended_hours, orders.status,
      is_open, created_at, updated_at, submitted_at, filled_at, expires_at, expired_at, canceled_at,
      failed_at, replaced_at, replaced_by, replaces, parent_id
    FROM orders JOIN assets AS asset ON asset.id = orders.asset_id
    WHERE orders.account_id = $1
    """

  private static let filtered = """
    \(columns)
      AND ($2 IS NULL OR is_open = $2)
      AND ($3 IS NULL OR submitted_at > $3)
      AND ($4 IS NULL OR submitted_at < $4)
      AND ($5 IS NULL OR side = $5)
      AND ($6 IS NULL OR asset.symbol = ANY ($6)
        OR (asset.class = 'crypto' AND replace(asset.symbol, '/', '') = ANY ($6)))
      AND (NOT $7 OR parent_id IS NULL)
    """
  private static let filterTypes: [PostgresType] = [
    .uuid, .boolean, .timestamp, .timestamp, .text, .texts, .boolean, .integer,
  ]

  static let newestFirst = PostgresStatement(
    "orders_newest_first", "\(filtered) ORDER BY submitted_at DESC, orders.id DESC LIMIT $8",
    filterTypes, order)

  static let oldestFirst = PostgresStatement(
    "orders_oldest_first", "\(filtered) ORDER BY submitted_at, orders.id LIMIT $8",
    filterTypes, order)

  /// Every open order, for the portfolio: bounded like an answer of orders.
  static let open = PostgresStatement(
    "orders_open",
    """
    \(columns) AND is_open
    ORDER BY submitted_at DESC, orders.id DESC LIMIT \(PortfolioLimits.ordersMax)
    """, [.uuid], order)

  static let legs = PostgresStatement(
    "orders_legs", "\(columns) AND parent_id = ANY ($2) ORDER BY submitted_at, orders.id",
    [.uuid, .uuids], order)

  static let byID = PostgresStatement(
    "order_by_id", "\(columns) AND orders.id = $2", [.uuid, .uuid], order)

  static let byClientID = PostgresStatement(
    "order_by_client_id", "\(columns) AND client_order_id = $2", [.uuid, .text], order)

  private static let order: PostgresStatement<Order>.Decode = { row in
    Order(
      id: try row.uuid(0), clientOrderID: try row.string(1), assetID: try row.uuid(2),
      symbol: try row.string(3), assetClass: try row.string(4), side: try row.string(5),
      type: try row.string(6), timeInForce: try row.string(7), orderClass: try row.string(8),
      positionIntent: try row.optionalString(9), quantity: try row.optionalDecimal(10),
      notional: try row.optionalDecimal(11), filledQuantity: try row.decimal(12),
      filledAveragePrice: try row.optionalDecimal(13), limitPrice: try row.optionalDecimal(14),
      stopPrice: try row.optionalDecimal(15), trailPrice: try row.optionalDecimal(16),
      trailPercent: try row.optionalDecimal(17), highWaterMark: try row.optionalDecimal(18),
      isExtendedHours: try row.boolean(19), status: try row.string(20),
      isOpen: try row.boolean(21), createdAt: try row.timestamp(22),
      updatedAt: try row.timestamp(23), submittedAt: try row.timestamp(24),
      filledAt: try row.optionalTimestamp(25), expiresAt: try row.optionalTimestamp(26),
      expiredAt: try row.optionalTimestamp(27), canceledAt: try row.optionalTimestamp(28),
      failedAt: try row.optionalTimestamp(29), replacedAt: try row.optionalTimestamp(30),
      replacedBy: try row.optionalUUID(31), replaces: try row.optionalUUID(32),
      parentID: try row.optionalUUID(33))
  }
}
