// Every parameter of every route, by its name in the API.

enum Parameters {
  // MARK: - Orders

  static let orderStatus = Parameter.query(
    "status", .choice(["open", "closed", "all"]), "Which orders; open ones by default.")
  static let orderLimit = Parameter.query(
    "limit", .integer(1...RESTLimits.ordersMax), "How many orders at most; 50 by default.")
  static let after = Parameter.query("after", .instant, "Only what came later than this time.")
  static let until = Parameter.query("until", .instant, "Only what came not later than this time.")
  static let direction = Parameter.query(
    "direction", .choice(["asc", "desc"]), "Oldest first or newest first, which is the default.")
  static let nested = Parameter.query(
    "nested", .flag, "Whether the legs of an order come within it.")
  static let side = Parameter.query("side", .choice(.orderSides), "Only orders of this side.")
  static let symbols = Parameter.query("symbols", .symbols, "Only orders for these symbols.")
  static let orderID = Parameter.path("order_id", .uuid, "The order's id.")
  static let clientOrderID = Parameter.query(
    "client_order_id", .words(1...128), isRequired: true, "The id that the client gave the order.")

  // MARK: - Fills

  static let activityDate = Parameter.query(
    "date", .date, "Only fills of this day in UTC; not beside after or until, which go before it.")
  static let pageSize = Parameter.query(
    "page_size", .integer(1...RESTLimits.fillsMax), "How many at most; 100 by default.")
  static let pageToken = Parameter.query(
    "page_token", .activityID, "The id of the last activity of the page before.")

  // MARK: - Assets

  static let assetName = Parameter.path(
    "symbol_or_asset_id", .words(1...64), "A symbol (BTC/USD, also BTCUSD) or an asset's id.")
  static let assetStatus = Parameter.query(
    "status", .choice(["active", "inactive", "all"]), "Only assets of this status.")
  static let assetClass = Parameter.query(
    "asset_class", .choice(.assetClasses), "Only assets of this class.")
  static let assetExchange = Parameter.query(
    "exchange", .choice(ClosedList.exchanges.values.filter { !$0.isEmpty }),
    "Only assets of this exchange.")
  static let assetAttributes = Parameter.query(
    "attributes", .words(1...256), "Only assets with one of these, with commas between them.")

  // MARK: - Watchlists

  static let watchlistID = Parameter.path("watchlist_id", .uuid, "The watchlist's id.")
  static let watchlistSymbol = Parameter.path(
    "symbol", .words(1...64), "The symbol to take off (BTC/USD, also BTCUSD).")
  static let watchlistName = Parameter.body(
    "name", .words(1...64), "What the account calls it; no two alike.")
  static let newWatchlistName = Parameter.body(
    "name", .words(1...64), isRequired: true, "What the account calls it; no two alike.")
  static let watchlistSymbols = Parameter.body(
    "symbols", .symbols(RESTLimits.watchlistSymbolsMax), "Its symbols, in their order.")
  static let addedSymbol = Parameter.body("symbol", .symbol, isRequired: true, "The symbol to add.")

  // MARK: - Calendar and history

  static let calendarStart = Parameter.query("start", .date, "The first day.")
  static let calendarEnd = Parameter.query("end", .date, "The last day.")
  static let calendarDateType = Parameter.query(
    "date_type", .choice(["TRADING", "SETTLEMENT"]), "Trading days either way.")

  // MARK: - Profile and sessions

  static let displayName = Parameter.body("display_name", .words(1...100), "How to be called.")
  static let sessionID = Parameter.path("session_id", .words(1...64), "The session's id.")
}
