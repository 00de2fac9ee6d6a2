// Bars and trades of the past, in pages. Stocks' days, weeks and months are New York's, those of symbols
// with a slash UTC's.
import Bars
import MarketData
import WebTransport

extension RouteTable {
  static let recordedRoutes: [Route] = [
    bars("/v2/stocks/bars", "get_stock_bars", .stock),
    trades("/v2/stocks/trades", "get_stock_trades", .stock),
    bars("/v1beta3/crypto/{loc}/bars", "get_crypto_bars", .crypto),
    trades("/v1beta3/crypto/{loc}/trades", "get_crypto_trades", .crypto),
  ]

  private static func bars(
    _ pattern: String, _ operation: String, _ assetClass: AssetClass
  ) -> Route {
    Route(
      method: .get, pattern: pattern, operation: operation,
      summary: "Bars of \(words(assetClass)): 1 minute to 1 month, exact sums of minutes.",
      access: assetClass == .crypto ? .open : .credentials,
      parameters: location(assetClass) + [Parameters.barTimeframe, Parameters.barToken]
        + Parameters.recordedRange + (assetClass == .stock ? Parameters.stockBars : []),
      success: .ok(
        .object([
          .init(name: "bars", schema: .dictionary(Answers.bar), isRequired: true),
          .init(name: "next_page_token", schema: .nullable(.text()), isRequired: true),
        ]), "The bars by symbol, and how to ask for the next page."),
      errors: [(404, "The page token is of other symbols.")]
    ) { call in
      let range = try await range(call, assetClass)
      let token = call[Parameters.barToken]
      try check(token?.symbol, range)
      let page = try await call.service.recorded.bars(
        range, call.arguments.required(Parameters.barTimeframe), zone: zone(assetClass),
        after: token)
      return answer("bars", page, next: page.next.map { PageToken.text($0) }) { bar, writer in
        writer.members(of: bar)
      }
    }
  }

  private static func trades(
    _ pattern: String, _ operation: String, _ assetClass: AssetClass
  ) -> Route {
    Route(
      method: .get, pattern: pattern, operation: operation,
      summary: "Trades of \(words(assetClass)), one by one.",
      access: assetClass == .crypto ? .open : .credentials,
      parameters: location(assetClass) + [Parameters.tradeToken] + Parameters.recordedRange
        + (assetClass == .stock ? Parameters.stockTrades : []),
      success: .ok(
        .object([
          .init(name: "trades", schema: .dictionary(Answers.trade), isRequired: true),
          .init(name: "next_page_token", schema: .nullable(.text()), isRequired: true),
        ]), "The trades by symbol, and how to ask for the next page."),
      errors: [(404, "The page token is of other symbols.")]
    ) { call in
      let range = try await range(call, assetClass)
      let token = call[Parameters.tradeToken]
      try check(token?.symbol, range)
      let page = try await call.service.recorded.trades(range, after: token)
      return answer("trades", page, next: page.next.map { PageToken.text($0) }) { trade, writer in
        writer.field("t", trade.timeText)
        writer.number("p", trade.price)
        writer.number("s", trade.size)
        if let id = trade.id { writer.field("i", id) }
        if let exchange = trade.exchange { writer.field("x", exchange) }
        if let conditions = trade.conditions { writer.number("c", conditions) }
        if let tape = trade.tape { writer.field("z", tape) }
        if let side = trade.takerSide { writer.field("tks", side) }
      }
    }
  }

  static func words(_ assetClass: AssetClass) -> String {
    assetClass == .stock ? "stocks" : "crypto pairs"
  }

  static func zone(_ assetClass: AssetClass) -> String {
    assetClass == .stock ? "America/New_York" : "UTC"
  }

  static func location(_ assetClass: AssetClass) -> [any ParameterDeclaration] {
    assetClass == .crypto ? [Parameters.cryptoLocation] : []
  }

  /// What is asked for. Without a start: from the beginning of the market's day.
  private static func range(_ call: Call, _ assetClass: AssetClass) async throws -> RecordedRange {
    let now = await call.service.marketTime()
    return RecordedRange(
      feed: call.service.historyFeed, symbols: call.arguments.required(Parameters.recordedSymbols),
      start: call[Parameters.recordedStart] ?? startOfDay(now, assetClass),
      end: call[Parameters.recordedEnd] ?? Instant.range.upperBound,
      limit: Int(call[Parameters.recordedLimit] ?? Int64(PortfolioLimits.recordedDefault)),
      isAscending: call[Parameters.recordedSort] != "desc")
  }

  static func startOfDay(_ now: Int64, _ assetClass: AssetClass) -> Int64 {
    let day: Int64 = 86_400_000_000
    guard assetClass == .stock else { return now - ((now % day) + day) % day }
    let bound = Int64.max / 1_000
    let moment = Timestamp(nanoseconds: min(max(now, -bound), bound) * 1_000)
    return NewYorkTime.start(ofDay: NewYorkTime.day(of: moment)) * 1_000_000
  }

  /// A token goes with the question that it came of.
  private static func check(_ symbol: String?, _ range: RecordedRange) throws(HTTPError) {
    guard let symbol, !range.symbols.contains(symbol) else { return }
    throw .notFound("page_token: there is no such page of these symbols")
  }

  private static func answer<Row, Place>(
    _ name: String, _ page: RecordedPage<Row, Place>, next: String?,
    _ write: (Row, inout JSONWriter) -> Void
  ) -> HTTPResponse {
    var writer = JSONWriter()
    writer.object { writer in
      writer.key(name)
      writer.object { writer in
        for group in page.groups {
          writer.key(group.symbol)
          writer.array(group.rows) { writer, row in writer.object { write(row, &$0) } }
        }
      }
      writer.field("next_page_token", orNull: next)
    }
    return .json(writer.bytes())
  }
}

extension JSONWriter {
  mutating func members(of bar: RecordedBar) {
    field("t", Instant.text(bar.start))
    number("o", bar.open)
    number("h", bar.high)
    number("l", bar.low)
    number("c", bar.close)
    number("v", bar.volume)
    number("n", bar.tradeCount.map { String($0) })
    number("vw", bar.vwap)
  }

  /// A number that is text already, or JSON that is.
  fileprivate mutating func number(_ name: String, _ text: String?) {
    key(name)
    if let text { raw(text) } else { null() }
  }
}

extension Answers {
  // Rows of the past have the members of live ones.
  static let bar = Schema.array(MessageTable.bar.rowSchema)
  static let trade = Schema.array(MessageTable.trade.rowSchema)
}

extension Parameters {
  static let cryptoLocation = Parameter.path(
    "loc",
    .matching("^[a-z0-9-]{1,16}$", "a location like us") { text in
      (1...16).contains(text.utf8.count)
        && text.utf8.allSatisfy { $0 &- 0x30 < 10 || (0x61...0x7A).contains($0) || $0 == 0x2D }
    }, "The venue; there is one market here, whatever it is called.")
  static let recordedSymbols = Parameter.query(
    "symbols", .symbols, isRequired: true, "The symbols, with commas between them.")
  static let barTimeframe = Parameter.query(
    "timeframe", .timeframe, isRequired: true, "How long a bar is.")
  static let recordedStart = Parameter.query(
    "start", .instant, "From this time on; from the beginning of the market's day by default.")
  static let recordedEnd = Parameter.query(
    "end", .instant, "Until this time, which belongs to it; as far as there is any by default.")
  static let recordedLimit = Parameter.query(
    "limit", .integer(1...Int64(PortfolioLimits.recordedMax)),
    "Rows on a page, of all symbols together; 1000 by default.")
  static let recordedSort = Parameter.query(
    "sort", .choice(["asc", "desc"]), "Oldest first, which is the default, or newest first.")
  static let barToken = Parameter.query(
    "page_token", .barToken, "The next_page_token of the page before.")
  static let tradeToken = Parameter.query(
    "page_token", .tradeToken, "The next_page_token of the page before.")

  static let recordedRange: [any ParameterDeclaration] = [
    recordedSymbols, recordedStart, recordedEnd, recordedLimit, recordedSort,
  ]

  /// The official SDK's, for stocks. One feed is kept, in its own prices and its own currency.
  static let stockTrades: [any ParameterDeclaration] = [
    Parameter.query("feed", .words(1...32), "Without effect: there is one feed here."),
    Parameter.query("asof", .words(1...32), "Without effect: symbols are kept as they were."),
    Parameter.query("currency", .choice(["USD"]), "US dollars."),
  ]

  static let stockBars: [any ParameterDeclaration] =
    stockTrades + [
      Parameter.query(
        "adjustment", .choice(["raw", "split", "dividend", "all"]),
        "Without effect: no corporate actions are known here.")
    ]
}
