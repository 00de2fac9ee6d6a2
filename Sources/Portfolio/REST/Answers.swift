// The JSON of every answer, member by member (wire contract C.3). Money and quantities are strings; so
// the SDKs have them in Account and Position, and Order takes either.

import MarketData

enum Answers {
  // MARK: - Account

  static let account = Shape<AccountSummary>(
    "Account",
    [
      .uuid("id") { $0.row.id },
      .text("account_number") { $0.row.number },
      .choice("status", .accountStatuses) { $0.row.status },
      .text("currency") { $0.row.currency },
      .exact("cash") { $0.row.cash },
      .exact("equity") { $0.equity },
      .exact("portfolio_value") { $0.equity },
      .optionalExact("last_equity") { $0.row.lastEquity },
      .exact("long_market_value") { $0.longValue },
      .exact("short_market_value") { $0.shortValue },
      .exact("buying_power") { $0.buyingPower },
      .exact("non_marginable_buying_power") { $0.row.cash.isNegative ? .zero : $0.row.cash },
      .exact("accrued_fees") { $0.row.accruedFees },
      .exact("pending_transfer_in") { $0.row.pendingTransferIn },
      .exact("pending_transfer_out") { $0.row.pendingTransferOut },
      .text("multiplier") { String($0.row.multiplier) },
      .flag("shorting_enabled") { $0.row.isShortingEnabled },
      .flag("pattern_day_trader") { $0.row.isPatternDayTrader },
      .flag("trading_blocked") { $0.row.isTradingBlocked },
      .flag("transfers_blocked") { $0.row.isTransfersBlocked },
      .flag("account_blocked") { $0.row.isBlocked },
      .flag("trade_suspended_by_user") { $0.row.isSuspendedByUser },
      .integer("daytrade_count") { $0.row.dayTradeCount },
      .instant("created_at") { $0.row.createdAt },
      .texts("prices_stale") { $0.pricesStale },
    ])

  static let position = Shape<MarkedPosition>(
    "Position",
    [
      .uuid("asset_id") { $0.row.assetID },
      .text("symbol") { $0.row.symbol },
      .choice("exchange", .exchanges) { $0.row.exchange },
      .choice("asset_class", .assetClasses) { $0.row.assetClass },
      .flag("asset_marginable") { $0.row.isMarginable },
      .exact("qty") { $0.row.quantity },
      .exact("qty_available") { $0.row.quantityAvailable },
      .exact("avg_entry_price") { $0.row.averageEntryPrice },
      .choice("side", .positionSides) { $0.row.isLong ? "long" : "short" },
      .exact("cost_basis") { $0.row.costBasis },
      .optionalExact("market_value") { $0.marketValue },
      .optionalExact("unrealized_pl") { $0.unrealized },
      .optionalExact("unrealized_plpc") { $0.unrealizedFraction },
      .optionalExact("current_price") { $0.mark.price.map { ExactDecimal($0.price) } },
      .optionalText("price_as_of", .instant) { $0.mark.price?.asOf.description },
      .flag("stale") { $0.mark.isStale },
    ])

  // MARK: - Orders

  private static let leg = Shape<Order>(
    "OrderLeg",
    [
      .uuid("id") { $0.id },
      .text("client_order_id") { $0.clientOrderID },
      .instant("created_at") { $0.createdAt },
      .instant("updated_at") { $0.updatedAt },
      .instant("submitted_at") { $0.submittedAt },
      .optionalInstant("filled_at") { $0.filledAt },
      .optionalInstant("expires_at") { $0.expiresAt },
      .optionalInstant("expired_at") { $0.expiredAt },
      .optionalInstant("canceled_at") { $0.canceledAt },
      .optionalInstant("failed_at") { $0.failedAt },
      .optionalInstant("replaced_at") { $0.replacedAt },
      .optionalText("replaced_by", .uuid) { $0.replacedBy },
      .optionalText("replaces", .uuid) { $0.replaces },
      .uuid("asset_id") { $0.assetID },
      .text("symbol") { $0.symbol },
      .choice("asset_class", .assetClasses) { $0.assetClass },
      .optionalExact("notional") { $0.notional },
      .optionalExact("qty") { $0.quantity },
      .exact("filled_qty") { $0.filledQuantity },
      .optionalExact("filled_avg_price") { $0.filledAveragePrice },
      .choice("order_class", .orderClasses) { $0.orderClass },
      .choice("order_type", .orderTypes) { $0.type },
      .choice("type", .orderTypes) { $0.type },
      .choice("side", .orderSides) { $0.side },
      .choice("time_in_force", .timesInForce) { $0.timeInForce },
      .optionalExact("limit_price") { $0.limitPrice },
      .optionalExact("stop_price") { $0.stopPrice },
      .choice("status", .orderStatuses) { $0.status },
      .flag("extended_hours") { $0.isExtendedHours },
      .optionalExact("trail_percent") { $0.trailPercent },
      .optionalExact("trail_price") { $0.trailPrice },
      .optionalExact("hwm") { $0.highWaterMark },
      .optionalChoice("position_intent", .positionIntents) { $0.positionIntent },
    ])

  static let order = Shape<Order>(
    "Order",
    leg.members + [
      .init(name: "legs", schema: .nullable(.array(leg.reference))) { order, writer in
        writer.key("legs")
        guard !order.legs.isEmpty else { return writer.null() }
        writer.array(order.legs) { leg.write($1, to: &$0) }
      }
    ])

  static let fill = Shape<Fill>(
    "FillActivity",
    [
      .text("id") { ActivityID(microseconds: $0.at, fillID: $0.id).description },
      .text("activity_type", .choice(["FILL"])) { _ in "FILL" },
      .instant("transaction_time") { $0.at },
      .text("type", .choice(["fill", "partial_fill"])) {
        $0.leavesQuantity.isZero ? "fill" : "partial_fill"
      },
      .exact("price") { $0.price },
      .exact("qty") { $0.quantity },
      .choice("side", .orderSides) { $0.side },
      .text("symbol") { $0.symbol },
      .exact("leaves_qty") { $0.leavesQuantity },
      .uuid("order_id") { $0.orderID },
      .exact("cum_qty") { $0.cumulativeQuantity },
      .choice("order_status", .orderStatuses) { $0.orderStatus },
    ])

  // MARK: - Assets and watchlists

  static let asset = Shape<Asset>(
    "Asset",
    [
      .uuid("id") { $0.id },
      .choice("class", .assetClasses) { $0.assetClass },
      .choice("exchange", .exchanges) { $0.exchange },
      .text("symbol") { $0.symbol },
      .text("name") { $0.name },
      .choice("status", .assetStatuses) { $0.status },
      .flag("tradable") { $0.isTradable },
      .flag("marginable") { $0.isMarginable },
      .flag("shortable") { $0.isShortable },
      .flag("easy_to_borrow") { $0.isEasyToBorrow },
      .flag("fractionable") { $0.isFractionable },
      .optionalExact("min_order_size") { $0.minOrderSize },
      .optionalExact("min_trade_increment") { $0.minTradeIncrement },
      .optionalExact("price_increment") { $0.priceIncrement },
      .optionalExact("maintenance_margin_requirement") { $0.maintenanceMarginRequirement },
      .texts("attributes") { $0.attributes },
    ])

  /// With its assets, as the look-up gave their JSON.
  static let watchlist = Shape<ShownWatchlist>(
    "Watchlist",
    [
      .uuid("id") { $0.row.id },
      .uuid("account_id") { $0.row.accountID },
      .text("name") { $0.row.name },
      .instant("created_at") { $0.row.createdAt },
      .instant("updated_at") { $0.row.updatedAt },
      .init(name: "assets", schema: .array(asset.reference)) { list, writer in
        writer.key("assets")
        writer.array(list.assets) { $0.raw($1) }
      },
    ])

  // MARK: - Calendar and history

  static let clock = Shape<ShownClock>(
    "Clock",
    [
      .text("timestamp", .instant) { Instant.text($0.now, east: $0.market.offsetSeconds) },
      .flag("is_open") { $0.market.isOpen },
      .text("next_open", .instant) {
        Instant.text($0.nextOpen, east: $0.market.nextOpenOffsetSeconds ?? 0)
      },
      .text("next_close", .instant) {
        Instant.text($0.nextClose, east: $0.market.nextCloseOffsetSeconds ?? 0)
      },
    ])

  static let day = Shape<CalendarDay>(
    "TradingDay",
    [
      .text("date", .date) { $0.date },
      .text("open", .text(pattern: "^[0-2][0-9]:[0-5][0-9]$")) { $0.open },
      .text("close", .text(pattern: "^[0-2][0-9]:[0-5][0-9]$")) { $0.close },
    ])

  /// Numbers, as the SDKs want them here; written from exact decimals all the same.
  static let history = Shape<EquityHistory>(
    "PortfolioHistory",
    [
      .init(name: "timestamp", schema: .array(.integer(nil))) { history, writer in
        writer.key("timestamp")
        writer.array(history.points) { $0.integer($1.seconds) }
      },
      .numbers("equity") { $0.points.map { $0.equity.description } },
      .numbers("profit_loss") { $0.points.map { $0.gain.description } },
      .numbers("profit_loss_pct", isNullable: true) {
        $0.points.map { $0.gainFraction?.description }
      },
      .init(name: "base_value", schema: .nullable(.number)) { history, writer in
        writer.key("base_value")
        if let base = history.base { writer.raw(base.description) } else { writer.null() }
      },
      .text("timeframe") { $0.timeframe },
    ])

  // MARK: - Tapedeck's own

  static let profile = Shape<Profile>(
    "Profile",
    [
      .uuid("user_id") { $0.userID },
      .text("email") { $0.email },
      .text("name") { $0.name },
      .text("display_name") { $0.displayName },
      .text("locale") { $0.locale },
      .text("time_zone") { $0.timeZone },
      .integer("version") { $0.version },
      .instant("updated_at") { $0.updatedAt },
    ])

  static let portfolio = Shape<PortfolioOverview>(
    "Portfolio",
    [
      .object("account", account) { $0.account },
      .list("positions", position) { $0.positions },
      .list("open_orders", order) { $0.openOrders },
      .list("watchlists", watchlist) { $0.watchlists },
    ])

  static let session = Shape<ShownSession>(
    "Session",
    [
      .text("id") { $0.id },
      .text("token") { $0.token },
      .integer("expires_in") { $0.idleSeconds },
    ])

  /// What the document names.
  static let schemas: [(name: String, schema: Schema)] = [
    (account.name, account.schema), (position.name, position.schema), (leg.name, leg.schema),
    (order.name, order.schema), (fill.name, fill.schema), (asset.name, asset.schema),
    (watchlist.name, watchlist.schema), (clock.name, clock.schema), (day.name, day.schema),
    (history.name, history.schema), (profile.name, profile.schema),
    (portfolio.name, portfolio.schema), (session.name, session.schema),
  ]
}

// MARK: - What is shown

struct ShownWatchlist: Sendable {
  var row: Watchlist
  /// JSON objects.
  var assets: [String]
}

struct ShownClock: Sendable {
  /// Microseconds since 1970.
  var now: Int64
  var market: MarketClock
  var nextOpen: Int64
  var nextClose: Int64
}

struct ShownSession: Sendable {
  var id: String
  var token: String
  var idleSeconds: Int64
}

struct PortfolioOverview: Sendable {
  var account: AccountSummary
  var positions: [MarkedPosition]
  var openOrders: [Order]
  var watchlists: [ShownWatchlist]
}
