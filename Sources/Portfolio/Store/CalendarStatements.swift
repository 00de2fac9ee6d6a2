import PostgresClient

/// A day on which the market trades.
struct CalendarDay: Hashable, Sendable {
  /// `2026-11-27`
  var date: String
  /// `09:30` of New York.
  var open: String
  var close: String
  /// The same in microseconds since 1970.
  var opensAt: Int64
  var closesAt: Int64
}

/// Where a moment is in the market's week. Times are in microseconds since 1970; the offsets are New
/// York's from UTC at those times.
struct MarketClock: Hashable, Sendable {
  var isOpen: Bool
  var offsetSeconds: Int64
  /// The first opening after the moment; nil beyond the end of the calendar.
  var nextOpen: Int64?
  var nextOpenOffsetSeconds: Int64?
  /// The first close after the moment.
  var nextClose: Int64?
  var nextCloseOffsetSeconds: Int64?
}

enum CalendarStatements {
  /// $1 full days, $2 half days. Years that have any day stay as they are.
  static let extend = PostgresStatement<Void>(
    "calendar_extend",
    """
    INSERT INTO market_calendar (day, open, close)
    SELECT day, '09:30', close
    FROM (SELECT unnest($1::date[]) AS day, time '16:00' AS close
      UNION ALL SELECT unnest($2::date[]), '13:00') AS computed
    WHERE extract(year FROM day) NOT IN (SELECT extract(year FROM day) FROM market_calendar)
    ON CONFLICT (day) DO NOTHING
    """, [.dates, .dates])

  /// $1 first day, $2 last day.
  static let between = PostgresStatement(
    "calendar_between",
    """
    SELECT day, to_char(open, 'HH24:MI'), to_char(close, 'HH24:MI'), opens_at, closes_at
    FROM market_calendar
    WHERE day >= coalesce($1, '-infinity') AND day <= coalesce($2, 'infinity')
    ORDER BY day LIMIT \(PortfolioLimits.calendarDaysMax)
    """, [.date, .date]
  ) { row throws(PostgresError) in
    CalendarDay(
      date: try row.date(0), open: try row.string(1), close: try row.string(2),
      opensAt: try row.timestamp(3), closesAt: try row.timestamp(4))
  }

  static let clock = PostgresStatement(
    "calendar_clock",
    """
    WITH next AS (
      SELECT (SELECT min(opens_at) FROM market_calendar WHERE opens_at > $1) AS open,
        (SELECT min(closes_at) FROM market_calendar WHERE closes_at > $1) AS close)
    SELECT EXISTS (SELECT FROM market_calendar WHERE opens_at <= $1 AND closes_at > $1),
      extract(epoch FROM ($1 AT TIME ZONE 'America/New_York') - ($1 AT TIME ZONE 'UTC'))::bigint,
      open,
      extract(epoch FROM (open AT TIME ZONE 'America/New_York') - (open AT TIME ZONE 'UTC'))::bigint,
      close,
      extract(epoch FROM (close AT TIME ZONE 'America/New_York') - (close AT TIME ZONE 'UTC'))::bigint
    FROM next
    """, [.timestamp]
  ) { row throws(PostgresError) in
    MarketClock(
      isOpen: try row.boolean(0), offsetSeconds: try row.integer(1),
      nextOpen: try row.optionalTimestamp(2), nextOpenOffsetSeconds: try row.optionalInteger(3),
      nextClose: try row.optionalTimestamp(4), nextCloseOffsetSeconds: try row.optionalInteger(5))
  }
}
