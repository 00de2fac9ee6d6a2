import PostgresClient

/// A trading account. Amounts are in `currency`, times in microseconds since 1970.
struct Account: Hashable, Sendable {
  var id: String
  var userID: String
  var number: String
  /// Upper case: `ACTIVE`.
  var status: String
  var currency: String
  var cash: ExactDecimal
  var accruedFees: ExactDecimal
  var pendingTransferIn: ExactDecimal
  var pendingTransferOut: ExactDecimal
  /// 1: no margin; 2, 4.
  var multiplier: Int64
  var isShortingEnabled: Bool
  var isPatternDayTrader: Bool
  var isTradingBlocked: Bool
  var isTransfersBlocked: Bool
  var isBlocked: Bool
  var isSuspendedByUser: Bool
  var dayTradeCount: Int64
  var createdAt: Int64
  /// Equity at the last close before today's trading day of New York; nil for a new account.
  var lastEquity: ExactDecimal?
}

/// What an account holds of one asset. Never empty.
struct Position: Hashable, Sendable {
  var assetID: String
  var symbol: String
  var exchange: String
  var assetClass: String
  var isMarginable: Bool
  /// Negative: sold short.
  var quantity: ExactDecimal
  /// Exact, with the quantity's sign.
  var costBasis: ExactDecimal
  /// `costBasis` / `quantity`, rounded to 9 digits.
  var averageEntryPrice: ExactDecimal
  /// Of `quantity` not bound by open orders that would reduce it; has its sign.
  var quantityAvailable: ExactDecimal

  var isLong: Bool { !quantity.isNegative }
}

enum AccountStatements {
  static let account = PostgresStatement(
    "account",
    """
    SELECT id, user_id, account_number, status, currency, cash, accrued_fees, pending_transfer_in,
      pending_transfer_out, multiplier, shorting_enabled, pattern_day_trader, trading_blocked,
      transfers_blocked, account_blocked, trade_suspended_by_user, daytrade_count, created_at,
      (SELECT equity FROM equity_history WHERE account_id = accounts.id
        AND at < date_trunc('day', now(), 'America/New_York') ORDER BY at DESC LIMIT 1)
    FROM accounts WHERE id = $1
    """, [.uuid]
  ) { row throws(PostgresError) in
    Account(
      id: try row.uuid(0), userID: try row.uuid(1), number: try row.string(2),
      status: try row.string(3), currency: try row.string(4), cash: try row.decimal(5),
      accruedFees: try row.decimal(6), pendingTransferIn: try row.decimal(7),
      pendingTransferOut: try row.decimal(8), multiplier: try row.integer(9),
      isShortingEnabled: try row.boolean(10), isPatternDayTrader: try row.boolean(11),
      isTradingBlocked: try row.boolean(12), isTransfersBlocked: try row.boolean(13),
      isBlocked: try row.boolean(14), isSuspendedByUser: try row.boolean(15),
      dayTradeCount: try row.integer(16), createdAt: try row.timestamp(17),
      lastEquity: try row.optionalDecimal(18))
  }

  private static let positionColumns = """
    SELECT asset.id, asset.symbol, asset.exchange, asset.class, asset.marginable, held.qty,
      held.cost_basis, held.avg_entry_price,
      held.qty - sign(held.qty) * least(abs(held.qty), coalesce((
        SELECT sum(qty - filled_qty) FROM orders
        WHERE orders.account_id = held.account_id AND orders.asset_id = held.asset_id AND is_open
          AND status <> 'held' AND side = CASE WHEN held.qty > 0 THEN 'sell' ELSE 'buy' END), 0))
    FROM positions AS held JOIN assets AS asset ON asset.id = held.asset_id
    WHERE held.account_id = $1
    """

  static let positions = PostgresStatement(
    "positions", "\(positionColumns) ORDER BY asset.symbol", [.uuid], position)

  static let positionByAsset = PostgresStatement(
    "position_by_asset", "\(positionColumns) AND asset.id = $2", [.uuid, .uuid], position)

  /// `BTCUSD` finds BTC/USD, unless there is a BTCUSD.
  static let positionBySymbol = PostgresStatement(
    "position_by_symbol",
    """
    \(positionColumns) AND asset.id = (
      SELECT id FROM assets
      WHERE symbol = $2 OR (class = 'crypto' AND replace(symbol, '/', '') = $2)
      ORDER BY symbol = $2 DESC LIMIT 1)
    """, [.uuid, .text], position)

  private static let position: PostgresStatement<Position>.Decode = { row in
    Position(
      assetID: try row.uuid(0), symbol: try row.string(1), exchange: try row.string(2),
      assetClass: try row.string(3), isMarginable: try row.boolean(4),
      quantity: try row.decimal(5), costBasis: try row.decimal(6),
      averageEntryPrice: try row.decimal(7), quantityAvailable: try row.decimal(8))
  }
}
