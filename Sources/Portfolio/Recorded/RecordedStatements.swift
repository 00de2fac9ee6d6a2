// Reading history, one symbol a statement: so rows come in the order of the primary key, and no more of
// them than the page takes are looked at.
//
// Of a replay an epoch hides what earlier ones had from its beginning on (see m0010).
import PostgresClient

enum RecordedStatements {
  static func visible(_ time: String) -> String {
    """
    ($1 <> 'replay' OR NOT EXISTS (SELECT FROM history_epochs AS later
      WHERE later.feed = $1 AND later.epoch > row.epoch AND later.first_at <= row.\(time)))
    """
  }

  // MARK: - Trades

  private static let tradeTypes: [PostgresType] = [
    .text, .text, .timestamp, .timestamp, .timestamp, .integer, .integer, .integer, .integer,
  ]

  private static func trades(_ comparison: String, _ order: String) -> String {
    """
    SELECT at, nanos, epoch, number, price, size, id, exchange, conditions, tape, taker_side
    FROM history_trades AS row
    WHERE feed = $1 AND symbol = $2 AND at >= $3 AND at <= $4
      AND ($5 IS NULL OR (at, nanos, epoch, number) \(comparison) ($5, $6, $7, $8))
      AND \(visible("at"))
    ORDER BY at \(order), nanos \(order), epoch \(order), number \(order) LIMIT $9
    """
  }

  static let tradesOldestFirst = PostgresStatement(
    "recorded_trades_asc", trades(">", "ASC"), tradeTypes, trade)
  static let tradesNewestFirst = PostgresStatement(
    "recorded_trades_desc", trades("<", "DESC"), tradeTypes, trade)

  private static let trade: PostgresStatement<RecordedTrade>.Decode = { row in
    RecordedTrade(
      at: try row.timestamp(0), nanos: try row.integer(1), epoch: try row.integer(2),
      number: try row.integer(3), price: try row.numeric(4), size: try row.numeric(5),
      id: try row.optionalInteger(6), exchange: try row.optionalString(7),
      conditions: try row.optionalString(8), tape: try row.optionalString(9),
      takerSide: try row.optionalString(10))
  }

  // MARK: - Bars

  /// The exact quotient, rounded once, half away from zero, to 1e-9: `div` cuts towards zero, and
  /// numerics have no other place to round.
  static func mean(_ sum: String, _ volume: String) -> String {
    """
    CASE WHEN \(volume) > 0 THEN trim_scale(
      sign(\(sum)) * div(abs(\(sum)) * 2000000000 + \(volume), \(volume) * 2) * 0.000000001)
    END
    """
  }

  private static let barTypes: [PostgresType] = [
    .text, .text, .timestamp, .timestamp, .timestamp, .integer, .text, .integer, .timestamp,
  ]

  /// $5 is the bar before the page, $6 how many bars, $7 the time zone, $8 the minutes of a bar. A bar
  /// that starts from $3 to $9 is made of all its minutes, also of those behind the end: $4 is the last
  /// that can belong to one.
  private static func bars(_ bucket: String, _ comparison: String, _ order: String) -> String {
    """
    WITH minutes AS (
      SELECT *, \(bucket) AS bucket FROM history_bars AS row
      WHERE feed = $1 AND symbol = $2 AND start >= $3 AND start <= $4 AND \(visible("start"))
        AND $7::text IS NOT NULL AND $8::bigint IS NOT NULL
        AND \(bucket) BETWEEN $3 AND $9 AND ($5 IS NULL OR \(bucket) \(comparison) $5)
      ORDER BY start \(order) LIMIT \(PortfolioLimits.barMinutesMax)
    )
    SELECT bucket, (array_agg(open ORDER BY start))[1], trim_scale(max(high)),
      trim_scale(min(low)), (array_agg(close ORDER BY start DESC))[1], trim_scale(sum(volume)),
      sum(trade_count)::bigint, \(mean("sum(notional)", "sum(volume)")),
      (SELECT count(*) FROM minutes) = \(PortfolioLimits.barMinutesMax)
    FROM minutes GROUP BY bucket ORDER BY bucket \(order) LIMIT $6
    """
  }

  static func bars(
    _ timeframe: BarTimeframe, isAscending: Bool
  ) -> PostgresStatement<(bar: RecordedBar, isCut: Bool)> {
    let (name, bucket) =
      switch timeframe {
      case .minutes:
        (
          "minutes",
          """
          date_bin($8::bigint * interval '1 minute', start, date_trunc('day', start, $7::text))
          """
        )
      case .day: ("day", "date_trunc('day', start, $7::text)")
      case .week: ("week", "date_trunc('week', start, $7::text)")
      case .month: ("month", "date_trunc('month', start, $7::text)")
      }
    let sql = bars(bucket, isAscending ? ">" : "<", isAscending ? "ASC" : "DESC")
    return PostgresStatement(
      "recorded_bars_\(name)_\(isAscending ? "asc" : "desc")", sql, barTypes
    ) { row throws(PostgresError) in
      let bar = RecordedBar(
        start: try row.timestamp(0), open: try row.numeric(1), high: try row.numeric(2),
        low: try row.numeric(3), close: try row.numeric(4), volume: try row.numeric(5),
        tradeCount: try row.optionalInteger(6), vwap: try row.optionalNumeric(7))
      return (bar, try row.boolean(8))
    }
  }
}
