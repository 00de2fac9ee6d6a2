// Everything that is known of a symbol now, in one answer. What is of now comes out of Redis; the day
// before comes out of Postgres, and without that an answer goes without it.
import MarketData
import WebTransport

extension RouteTable {
  private static let parts: [LiveKind] = [.trade, .quote, .bar, .updatedBar, .dailyBar]

  static let snapshotRoutes: [Route] = [
    // No wrapper: the SDK takes each name at the top for a symbol.
    snapshots("/v2/stocks/snapshots", .stock, wrapper: nil),
    snapshots("/v1beta3/crypto/{loc}/snapshots", .crypto, wrapper: "snapshots"),
    Route(
      method: .get, pattern: "/v2/stocks/{symbol}/snapshot",
      operation: "get_stock_snapshot_of_symbol", summary: "What is known of a stock now.",
      parameters: [Parameters.stockSymbol] + Parameters.liveStock,
      success: .ok(
        .object(
          [.init(name: "symbol", schema: ValueKind<String>.symbol.schema, isRequired: true)]
            + snapshotMembers), "Its parts, of those that are live."),
      errors: [(404, "Nobody knows the symbol, or what is known of it is stale.")]
    ) { call in
      let symbol = call.arguments.required(Parameters.stockSymbol)
      let reading = try await call.service.live.read(parts, of: [symbol])
      let previous = await daysBefore(call, reading, .stock)
      guard let (_, rows) = reading.found.first else {
        throw missing(reading, symbol, "snapshot")
      }
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("symbol", symbol)
        members(rows, previous[symbol], &writer)
      }
      return live(writer.bytes(), reading)
    },
  ]

  private static func snapshots(
    _ pattern: String, _ assetClass: AssetClass, wrapper: String?
  ) -> Route {
    let bySymbol = Schema.dictionary(.object(snapshotMembers))
    return Route(
      method: .get, pattern: pattern, operation: "get_\(assetClass)_snapshot",
      summary: "What is known of \(words(assetClass)) now, part by part.",
      access: assetClass == .crypto ? .open : .credentials,
      parameters: liveParameters(assetClass),
      success: .ok(
        wrapper.map { .object([.init(name: $0, schema: bySymbol, isRequired: true)]) } ?? bySymbol,
        "By symbol; unknown ones, stale ones and stale parts are left out.", headers: staleHeaders),
      errors: [listTooLong]
    ) { call in
      let reading = try await call.service.live.read(parts, of: liveSymbols(call, assetClass))
      let previous = await daysBefore(call, reading, assetClass)
      var writer = JSONWriter()
      func write(_ writer: inout JSONWriter) {
        for (symbol, rows) in reading.found {
          writer.key(symbol)
          writer.object { members(rows, previous[symbol], &$0) }
        }
      }
      writer.object { writer in
        guard let wrapper else { return write(&writer) }
        writer.key(wrapper)
        writer.object { write(&$0) }
      }
      return live(writer.bytes(), reading)
    }
  }

  private static let snapshotMembers: [Schema.Member] = [
    .init(name: "latestTrade", schema: MessageTable.trade.rowSchema, isRequired: false),
    .init(name: "latestQuote", schema: MessageTable.quote.rowSchema, isRequired: false),
    .init(name: "minuteBar", schema: MessageTable.bar.rowSchema, isRequired: false),
    .init(name: "dailyBar", schema: MessageTable.dailyBar.rowSchema, isRequired: false),
    .init(name: "prevDailyBar", schema: MessageTable.dailyBar.rowSchema, isRequired: false),
  ]

  /// `rows` are of `parts`.
  private static func members(
    _ rows: [MessageRow?], _ previous: RecordedBar?, _ writer: inout JSONWriter
  ) {
    func part(_ name: String, _ row: MessageRow?, _ writer: inout JSONWriter) {
      guard let row else { return }
      writer.key(name)
      writer.raw(bytes: row.json)
    }
    part("latestTrade", rows[0], &writer)
    part("latestQuote", rows[1], &writer)
    part("minuteBar", newest(rows[2...3]), &writer)
    part("dailyBar", rows[4], &writer)
    guard let previous else { return }
    writer.key("prevDailyBar")
    writer.object { $0.members(of: previous) }
  }

  /// The day before the day of each one's daily bar; before today where there is none.
  private static func daysBefore(
    _ call: Call, _ reading: LiveReading, _ assetClass: AssetClass
  ) async -> [String: RecordedBar] {
    guard !reading.found.isEmpty else { return [:] }
    let today = startOfDay(await call.service.marketTime(), assetClass)
    let days = reading.found.map { symbol, rows in
      let day = rows[4].map { startOfDay($0.time.nanoseconds / 1_000, assetClass) } ?? today
      return DayBefore(symbol: symbol, moment: day)
    }
    let bars = await call.service.previousDays.bars(days)
    return Dictionary(uniqueKeysWithValues: bars.map { ($0.key.symbol, $0.value) })
  }
}
