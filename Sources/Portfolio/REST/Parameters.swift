// Every parameter of every route, by its name in the API.

enum Parameters {
  // MARK: - Orders

  static let orderStatus = Parameter.query(
    "status", .choice(["open", "closed", "all"]), "Which orders; open ones by default.")
  static let orderLimit = Parameter.query(
    "limit", .integer(1...Int64(PortfolioLimits.ordersMax)),
    "How many orders at most; 50 by default.")
  static let after = Parameter.query("after", .instant, "Only what came later than this time.")
  static let until = Parameter.query("until", .instant, "Only what came before this time.")
  static let direction = Parameter.query(
    "direction", .choice(["asc", "desc"]), "Oldest first or newest first, which is the default.")
  static let nested = Parameter.query(
    "nested", .flag, "Whether the legs of an order come within it.")
  static let side = Parameter.query("side", .choice(.orderSides), "Only orders of this side.")
  static let symbols = Parameter.query("symbols", .symbols, "Only orders for these symbols.")
  static let orderID = Parameter.path("order_id", .uuid, "The order's id.")
  /// Of a request that is refused whatever it names.
  static let refusedOrderID = Parameter.path("order_id", .words(1...64), "The order's id.")
  static let clientOrderID = Parameter.query(
    "client_order_id", .words(1...128), isRequired: true, "The id that the client gave the order.")

  // MARK: - Fills

  static let activityDate = Parameter.query(
    "date", .date, "Only fills of this day of New York.")
  static let pageSize = Parameter.query(
    "page_size", .integer(1...Int64(PortfolioLimits.fillsMax)), "How many at most; 100 by default.")
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
    "symbols", .symbols(0...PortfolioLimits.watchlistSymbolsMax), "Its symbols, in their order.")
  static let addedSymbol = Parameter.body("symbol", .symbol, isRequired: true, "The symbol to add.")

  // MARK: - Calendar and history

  static let calendarStart = Parameter.query("start", .date, "The first day.")
  static let calendarEnd = Parameter.query("end", .date, "The last day.")
  static let calendarDateType = Parameter.query(
    "date_type", .choice(["TRADING", "SETTLEMENT"]), "Trading days either way.")

  static let historyPeriod = Parameter.query(
    "period", .historyPeriod, "How far back from the end: 1D, 2W, 3M, 1A; a month by default.")
  static let historyTimeframe = Parameter.query(
    "timeframe", .choice(Timeframe.allCases.map(\.rawValue)),
    "How fine; what fits the stretch by default.")
  static let historyStart = Parameter.query(
    "start", .instant, "After this time; before the period.")
  static let historyEnd = Parameter.query("end", .instant, "Until this time; now by default.")
  static let historyDateEnd = Parameter.query(
    "date_end", .date, "Until the end of this day in UTC.")

  /// The official SDK's, of which the last four change nothing here: the history has every hour of
  /// the day, gains are counted from its beginning, and there are no cash flows in it.
  static let history: [any ParameterDeclaration] = [
    historyPeriod, historyTimeframe, historyStart, historyEnd, historyDateEnd,
    Parameter.query("extended_hours", .flag, "Without effect: every hour is in the history."),
    Parameter.query(
      "intraday_reporting", .choice(["market_hours", "extended_hours", "continuous"]),
      "Without effect: every hour is in the history."),
    Parameter.query(
      "pnl_reset", .choice(["per_day", "no_reset"]),
      "Without effect: gains are counted from the beginning."),
    Parameter.query("cashflow_types", .words(1...256), "Without effect: there are no cash flows."),
  ]

  // MARK: - Profile and sessions

  static let displayName = Parameter.body("display_name", .words(1...100), "How to be called.")
  static let locale = Parameter.body(
    "locale",
    .matching(
      "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$", "a language tag like en-US", isLanguageTag),
    "Language and region.")
  static let timeZone = Parameter.body(
    "time_zone",
    .matching("^[A-Za-z0-9_+/-]{1,64}$", "a time zone's name like America/New_York") { text in
      (1...64).contains(text.utf8.count)
        && text.utf8.allSatisfy { isWordByte($0) || "_+/-".utf8.contains($0) }
    }, "The user's time zone.")

  private static func isWordByte(_ byte: UInt8) -> Bool {
    byte &- 0x30 < 10 || (0x61...0x7A).contains(byte | 0x20)
  }

  @Sendable private static func isLanguageTag(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard let first = parts.first, parts.count <= 5, (2...8).contains(first.utf8.count),
      first.utf8.allSatisfy({ (0x61...0x7A).contains($0 | 0x20) })
    else { return false }
    return parts.dropFirst().allSatisfy {
      (1...8).contains($0.utf8.count) && $0.utf8.allSatisfy(isWordByte)
    }
  }

  static let sessionID = Parameter.path("session_id", .words(1...64), "The session's id.")
}
