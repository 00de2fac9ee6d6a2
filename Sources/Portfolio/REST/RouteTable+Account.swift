// Balances and positions: read at each request, those of one answer in one snapshot.
import Credentials
import MarketData
import PostgresClient
import WebTransport

extension RouteTable {
  static let accountRoutes: [Route] = [
    Route(
      method: .get, pattern: "/v2/account", operation: "get_account",
      summary: "The account's balances, and its equity at live prices.",
      success: .ok(Answers.account.reference, "The account.")
    ) { call in
      let (account, _) = try await call.service.markedHoldings(call.owner)
      return try .json(Answers.account, account)
    },
    Route(
      method: .get, pattern: "/v2/positions", operation: "get_all_positions",
      summary: "All positions, marked at live prices.",
      success: .ok(.array(Answers.position.reference), "The positions, by symbol.")
    ) { call in
      let rows = try await call.service.store.positions(call.owner.accountID)
      return try .json(Answers.position, try await call.service.marked(rows))
    },
    Route(
      method: .get, pattern: "/v2/positions/{symbol_or_asset_id+}", operation: "get_open_position",
      summary: "One position, marked at its live price.", parameters: [Parameters.assetName],
      success: .ok(Answers.position.reference, "The position.")
    ) { call in
      let name = call.arguments.required(Parameters.assetName)
      let (store, account) = (call.service.store, call.owner.accountID)
      let row =
        if let id = ValueKind.uuid.fromText(name) {
          try await store.position(account, assetID: id)
        } else {
          try await store.position(account, symbol: name)
        }
      guard let row else { throw HTTPError.notFound("position does not exist") }
      return try .json(Answers.position, try await call.service.marked([row])[0])
    },
    Route(
      method: .get, pattern: "/v2/account/portfolio/history", operation: "get_portfolio_history",
      summary: "What the account was worth over time.", parameters: Parameters.history,
      success: .ok(Answers.history.reference, "The history, oldest first.")
    ) { call in
      try .json(Answers.history, try await call.service.history(call))
    },
    Route(
      method: .get, pattern: "/v2/account/activities/FILL", operation: "get_fill_activities",
      summary: "The account's fills, page by page.",
      parameters: [
        Parameters.after, Parameters.until, Parameters.activityDate, Parameters.direction,
        Parameters.pageSize, Parameters.pageToken,
      ],
      success: .ok(.array(Answers.fill.reference), "One page; the next begins behind its last id."),
      errors: [(404, "The page token names no fill of this account.")]
    ) { call in
      let filter = FillFilter(
        after: call[Parameters.after], until: call[Parameters.until],
        date: call[Parameters.activityDate], isAscending: call[Parameters.direction] == "asc",
        pageSize: call[Parameters.pageSize].map(Int.init) ?? PortfolioLimits.fillsMax,
        afterFill: call[Parameters.pageToken]?.fillID)
      guard let fills = try await call.service.store.fills(call.owner.accountID, filter) else {
        throw HTTPError.notFound("page_token: there is no such activity")
      }
      return try .json(Answers.fill, fills)
    },
    Route(
      method: .get, pattern: "/v1/portfolio", operation: "get_portfolio",
      summary: "Balances, positions, open orders and watchlists; all money of one moment.",
      success: .ok(Answers.portfolio.reference, "The portfolio.")
    ) { call in
      let service = call.service
      guard let money = try await service.store.portfolio(call.owner.accountID) else {
        throw PortfolioService.accountMissing
      }
      let positions = try await service.marked(money.holdings.positions)
      let lists = try await service.watchlists.all(of: call.owner)
      return try .json(
        Answers.portfolio,
        PortfolioOverview(
          account: try AccountSummary(money.holdings.account, positions), positions: positions,
          openOrders: money.openOrders, watchlists: try await service.shown(lists)))
    },
  ]
}

extension PortfolioService {
  /// The account of credentials is there while they are: the schema sees to it.
  static let accountMissing = HTTPError.notFound("account not found")

  func markedHoldings(_ owner: Principal) async throws -> (AccountSummary, [MarkedPosition]) {
    guard let holdings = try await store.holdings(owner.accountID) else {
      throw PortfolioService.accountMissing
    }
    let positions = try await marked(holdings.positions)
    return (try AccountSummary(holdings.account, positions), positions)
  }

  func marked(_ rows: [Position]) async throws -> [MarkedPosition] {
    let marks = await prices.marks(rows.map(\.symbol))
    return try rows.map { try MarkedPosition($0, marks[$0.symbol] ?? .unknown) }
  }

  func history(_ call: Call) async throws -> EquityHistory {
    let now = Housekeeping.wallClock()
    let stretch = HistoryStretch(call.arguments, now: now)
    let account = call.owner.accountID
    let points = try await store.equityHistory(
      account, after: stretch.start, until: stretch.end, interval: stretch.timeframe.interval)
    guard points.count <= PortfolioLimits.equityPointsMax else {
      throw HTTPError.unprocessable(
        "timeframe: the answer would have more than \(PortfolioLimits.equityPointsMax) points")
    }
    let before = try await store.equity(account, until: stretch.start)
    return try EquityHistory(points, before: before, timeframe: stretch.timeframe)
  }
}

/// Which stretch of time a history is of, and how fine. An end without a start is the end of a period;
/// a start goes before a period.
struct HistoryStretch {
  var start: Int64
  var end: Int64
  var timeframe: Timeframe

  init(_ arguments: Arguments, now: Int64) {
    let day: Int64 = 86_400_000_000
    let lastDay = arguments[Parameters.historyDateEnd].flatMap(Instant.days(parsing:))
    end = arguments[Parameters.historyEnd] ?? lastDay.map { ($0 + 1) * day } ?? now
    let period = arguments[Parameters.historyPeriod]
    let days = period?.days ?? (arguments[Parameters.historyTimeframe] == nil ? 30 : 7)
    start = max(
      Instant.range.lowerBound, arguments[Parameters.historyStart] ?? end - days * day)
    timeframe =
      arguments[Parameters.historyTimeframe].flatMap(Timeframe.init(rawValue:))
      ?? Timeframe.fitting(days: max(0, end - start) / day)
  }
}
