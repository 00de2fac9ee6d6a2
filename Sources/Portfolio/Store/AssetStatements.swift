import PostgresClient

struct Asset: Hashable, Sendable {
  var id: String
  var symbol: String
  var assetClass: String
  /// Empty for an exchange that SDKs have no word for.
  var exchange: String
  var name: String
  var status: String
  var isTradable: Bool
  var isMarginable: Bool
  var isShortable: Bool
  var isEasyToBorrow: Bool
  var isFractionable: Bool
  var minOrderSize: ExactDecimal?
  var minTradeIncrement: ExactDecimal?
  var priceIncrement: ExactDecimal?
  var maintenanceMarginRequirement: ExactDecimal?
  var attributes: [String]
}

enum AssetStatements {
  private static let columns = """
    SELECT id, symbol, class, exchange, name, status, tradable, marginable, shortable,
      easy_to_borrow, fractionable, min_order_size, min_trade_increment, price_increment,
      maintenance_margin_requirement, attributes
    FROM assets
    """

  static let all = PostgresStatement(
    "assets", "\(columns) ORDER BY symbol LIMIT \(PortfolioLimits.assetsMax)", [], asset)

  static let byID = PostgresStatement("asset_by_id", "\(columns) WHERE id = $1", [.uuid], asset)

  static let bySymbols = PostgresStatement(
    "assets_by_symbols", "\(columns) WHERE symbol = ANY ($1) ORDER BY symbol", [.texts], asset)

  /// `BTCUSD` finds BTC/USD, unless there is a BTCUSD.
  static let bySymbol = PostgresStatement(
    "asset_by_symbol",
    """
    \(columns) WHERE symbol = $1 OR (class = 'crypto' AND replace(symbol, '/', '') = $1)
    ORDER BY symbol = $1 DESC LIMIT 1
    """, [.text], asset)

  private static let asset: PostgresStatement<Asset>.Decode = { row in
    Asset(
      id: try row.uuid(0), symbol: try row.string(1), assetClass: try row.string(2),
      exchange: try row.string(3), name: try row.string(4), status: try row.string(5),
      isTradable: try row.boolean(6), isMarginable: try row.boolean(7),
      isShortable: try row.boolean(8), isEasyToBorrow: try row.boolean(9),
      isFractionable: try row.boolean(10), minOrderSize: try row.optionalDecimal(11),
      minTradeIncrement: try row.optionalDecimal(12), priceIncrement: try row.optionalDecimal(13),
      maintenanceMarginRequirement: try row.optionalDecimal(14), attributes: try row.strings(15))
  }
}
