// The newest trades, quotes, bars, order books: what the feed vouches for now, out of Redis. A symbol
// that nobody knows is left out; one that is known and stale is left out and named in the answer's head.
// Crypto's need no credentials, as its bars do not: the SDK asks for them without.
import MarketData
import WebTransport

extension RouteTable {
  /// One kind of newest value: `/v2/stocks/trades/latest`.
  private struct Latest: Sendable {
    /// In the path, and the answer's member.
    let plural: String
    let singular: String
    /// In the SDK's name of the call.
    let call: String
    let kinds: [LiveKind]

    static let all: [Latest] = [
      Latest(plural: "trades", singular: "trade", call: "trade", kinds: [.trade]),
      Latest(plural: "quotes", singular: "quote", call: "quote", kinds: [.quote]),
      // A late trade's minute is told again on a channel of its own.
      Latest(plural: "bars", singular: "bar", call: "bar", kinds: [.bar, .updatedBar]),
      Latest(
        plural: "orderbooks", singular: "orderbook", call: "orderbook", kinds: [.orderBook]),
    ]

    var schema: Schema { kinds[0].shape.rowSchema }
  }

  static let latestRoutes: [Route] =
    Latest.all.map { many($0, .stock) } + Latest.all.map { many($0, .crypto) }
    + Latest.all.map { one($0) }

  private static func many(_ latest: Latest, _ assetClass: AssetClass) -> Route {
    Route(
      method: .get,
      pattern: assetClass == .stock
        ? "/v2/stocks/\(latest.plural)/latest" : "/v1beta3/crypto/{loc}/latest/\(latest.plural)",
      operation: "get_\(assetClass)_latest_\(latest.call)",
      summary: "The newest \(latest.plural) of \(words(assetClass)), of those that are live.",
      access: assetClass == .crypto ? .open : .credentials,
      parameters: liveParameters(assetClass),
      success: .ok(
        .object([
          .init(name: latest.plural, schema: .dictionary(latest.schema), isRequired: true)
        ]), "By symbol; unknown ones and stale ones are left out.", headers: staleHeaders),
      errors: [listTooLong]
    ) { call in
      let symbols = liveSymbols(call, assetClass)
      let reading = try await call.service.live.read(latest.kinds, of: symbols)
      var writer = JSONWriter()
      writer.object { writer in
        writer.key(latest.plural)
        writer.object { writer in
          for (symbol, rows) in reading.found {
            guard let row = newest(rows) else { continue }
            writer.key(symbol)
            writer.raw(bytes: row.json)
          }
        }
      }
      return live(writer.bytes(), reading)
    }
  }

  /// Of one stock, as other SDKs ask.
  private static func one(_ latest: Latest) -> Route {
    Route(
      method: .get, pattern: "/v2/stocks/{symbol}/\(latest.plural)/latest",
      operation: "get_stock_latest_\(latest.call)_of_symbol",
      summary: "The newest \(latest.singular) of a stock.",
      parameters: [Parameters.stockSymbol] + Parameters.liveStock,
      success: .ok(
        .object([
          .init(name: "symbol", schema: ValueKind<String>.symbol.schema, isRequired: true),
          .init(name: latest.singular, schema: latest.schema, isRequired: true),
        ]), "The \(latest.singular)."),
      errors: [(404, "Nobody knows the symbol, or what is known of it is stale.")]
    ) { call in
      let symbol = call.arguments.required(Parameters.stockSymbol)
      let reading = try await call.service.live.read(latest.kinds, of: [symbol])
      guard let rows = reading.found.first?.rows, let row = newest(rows) else {
        throw missing(reading, symbol, latest.singular)
      }
      var writer = JSONWriter()
      writer.object { writer in
        writer.field("symbol", symbol)
        writer.key(latest.singular)
        writer.raw(bytes: row.json)
      }
      return live(writer.bytes(), reading)
    }
  }

  // MARK: - What all live answers have in common

  static let listTooLong = (
    status: 431, summary: "The list makes the request's head larger than 8 KiB."
  )

  static func liveParameters(_ assetClass: AssetClass) -> [any ParameterDeclaration] {
    location(assetClass) + [Parameters.liveSymbols]
      + (assetClass == .stock ? Parameters.liveStock : [])
  }

  /// Each once, those of the path's class: the others are as unknown to it.
  static func liveSymbols(_ call: Call, _ assetClass: AssetClass) -> [String] {
    var seen: Set<String> = []
    return call.arguments.required(Parameters.liveSymbols).filter { symbol in
      AssetClass(ofSymbol: symbol.utf8Span.span.bytes) == assetClass
        && seen.insert(symbol).inserted
    }
  }

  /// Of rows of one kind and its successors the one of the latest time, as it was told last.
  static func newest(_ rows: some Sequence<MessageRow?>) -> MessageRow? {
    rows.compactMap { $0 }.max {
      ($0.time.nanoseconds, $0.sequence) < ($1.time.nanoseconds, $1.sequence)
    }
  }

  static func missing(_ reading: LiveReading, _ symbol: String, _ kind: String) -> HTTPError {
    var error = HTTPError.notFound(
      reading.stale.isEmpty
        ? "there is no \(kind) of \(symbol)" : "the \(kind) of \(symbol) is stale")
    error.headers = staleValues(reading.stale)
    return error
  }

  /// An answer that is true now and for nobody later.
  static func live(_ body: [UInt8], _ reading: LiveReading) -> HTTPResponse {
    var response = HTTPResponse.json(body)
    response.headers.append(.init(name: "cache-control", value: "no-store"))
    response.headers += staleValues(reading.stale)
    return response
  }

  private static let staleName = "x-tapedeck-stale"
  private static let staleCountName = "x-tapedeck-stale-count"

  static let staleHeaders: [(name: String, schema: Schema, summary: String)] = [
    (
      staleName, .text(),
      "Symbols, with commas between them, that are known but left out: there is nothing of the kind "
        + "that the feed vouches for now. At most \(PortfolioLimits.staleNamesBytesMax) bytes of names."
    ),
    (
      staleCountName, .natural,
      "How many these are, those that did not fit included. Absent where there is none."
    ),
  ]

  private static func staleValues(_ symbols: [String]) -> [HTTPRequest.Header] {
    guard !symbols.isEmpty else { return [] }
    var names = ""
    for symbol in symbols {
      let length = names.utf8.count + symbol.utf8.count + 1
      guard length <= PortfolioLimits.staleNamesBytesMax else { break }
      if !names.isEmpty { names += "," }
      names += symbol
    }
    return [
      .init(name: staleName, value: names),
      .init(name: staleCountName, value: String(symbols.count)),
    ]
  }
}

extension Parameters {
  static let liveSymbols = Parameter.query(
    "symbols", .symbols(1...PortfolioLimits.liveSymbolsMax, saysMost: false), isRequired: true,
    "The symbols, with commas between them; at most \(PortfolioLimits.liveSymbolsMax).")

  static let stockSymbol = Parameter.path(
    "symbol",
    .matching("^[A-Z0-9][A-Z0-9._-]{0,31}$", "a stock's symbol: 1 to 32 of A-Z, 0-9 and . _ -") {
      text in
      ValueKind<String>.isSymbol(text) && !text.utf8.contains(UInt8(ascii: "/"))
        && !".-_".utf8.contains(text.utf8.first!)
    }, "The symbol.")

  /// The official SDK's, for stocks.
  static let liveStock: [any ParameterDeclaration] = [
    Parameter.query("feed", .words(1...32), "Without effect: there is one feed here."),
    Parameter.query("currency", .choice(["USD"]), "US dollars."),
  ]
}
