import MarketData

/// A bar as an answer shows it. Numbers are PostgreSQL's exact texts.
struct RecordedBar: Hashable, Sendable {
  /// Microseconds since 1970.
  var start: Int64
  var open: String
  var high: String
  var low: String
  var close: String
  var volume: String
  var tradeCount: Int64?
  var vwap: String?
}

/// A trade as an answer shows it.
struct RecordedTrade: Hashable, Sendable {
  /// Microseconds since 1970, and the nanoseconds beyond.
  var at: Int64
  var nanos: Int64
  var epoch: Int64
  var number: Int64
  var price: String
  var size: String
  var id: Int64?
  var exchange: String?
  /// JSON.
  var conditions: String?
  var tape: String?
  var takerSide: String?

  /// With its nanoseconds, where it is in the years that have them.
  var timeText: String {
    let (value, overflow) = at.multipliedReportingOverflow(by: 1_000)
    guard !overflow else { return Instant.text(at) }
    return Timestamp(nanoseconds: value + nanos).description
  }
}

/// Where a page of bars ends.
struct BarPlace: Hashable, Sendable {
  var symbol: String
  var start: Int64
}

/// Where a page of trades ends.
struct TradePlace: Hashable, Sendable {
  var symbol: String
  var at: Int64
  var nanos: Int64
  var epoch: Int64
  var number: Int64
}

/// What is asked for.
struct RecordedRange: Hashable, Sendable {
  var feed: String
  var symbols: [String]
  /// Both inclusive, microseconds since 1970.
  var start: Int64
  var end: Int64
  var limit: Int
  var isAscending = true
}

/// Rows by symbol, in the answer's order, and how to go on.
struct RecordedPage<Row: Sendable, Place: Sendable>: Sendable {
  var groups: [(symbol: String, rows: [Row])] = []
  var next: Place?
}
