// The bar of the last day before a day, for snapshots. A day that is over hardly changes, so it is kept
// for a minute; it is no price of now and no money.
//
// One statement at a time, for up to a hundred symbols; equal questions join. An answer does not wait
// for long: without Postgres, or with a slow one, a snapshot goes without its day before. One loop's.
import EventLoops
import MarketData
import PostgresClient

/// Which day: the last one with trades before this moment, which is the beginning of a day.
struct DayBefore: Hashable, Sendable {
  var symbol: String
  /// Microseconds since 1970.
  var moment: Int64

  var assetClass: AssetClass { AssetClass(ofSymbol: symbol.utf8Span.span.bytes) }
}

final class PreviousDays {
  private struct Kept {
    /// Nil: there was none.
    var bar: RecordedBar?
    var until: UInt64
  }

  private struct Waiter {
    let gathering: Gathering<RecordedBar>
    let place: Int
  }

  private let pool: PostgresPool
  private let feed: String
  private let report: (String) -> Void
  private var kept: [DayBefore: Kept] = [:]
  private var waiters: [DayBefore: [Waiter]] = [:]
  /// Not yet asked for; each has waiters.
  private var wanted: [DayBefore] = []
  private var isReading = false
  private var failedUntil: UInt64 = 0

  init(pool: PostgresPool, feed: String, report: @escaping (String) -> Void) {
    self.pool = pool
    self.feed = feed
    self.report = report
  }

  /// The bars that are there in time.
  func bars(_ days: [DayBefore]) async -> [DayBefore: RecordedBar] {
    let now = pool.loop.nowMilliseconds
    var found: [DayBefore: RecordedBar] = [:]
    var missing: [DayBefore] = []
    for day in days {
      if let kept = kept[day], kept.until > now {
        found[day] = kept.bar
      } else {
        missing.append(day)
      }
    }
    guard !missing.isEmpty, pool.isReady, now >= failedUntil else { return found }
    let bars = await Gathering<RecordedBar>.answers(
      missing.count, on: pool.loop, withinMilliseconds: PortfolioLimits.previousDaysMilliseconds
    ) { gathering in
      for (place, day) in missing.enumerated() {
        if waiters[day] == nil { wanted.append(day) }
        waiters[day, default: []].append(Waiter(gathering: gathering, place: place))
      }
      read()
    }
    for (day, bar) in zip(missing, bars) { found[day] = bar }
    return found
  }

  private func read() {
    guard !isReading else { return }
    isReading = true
    let here = OnLoop(owner: self)
    Task.immediate(executorPreference: pool.loop) { await here.owner.readAll() }
  }

  private func readAll() async {
    while let first = wanted.first {
      var batch: [DayBefore] = []
      wanted.removeAll { day in
        guard batch.count < PortfolioLimits.previousDaysPerRead,
          day.assetClass == first.assetClass
        else { return false }
        batch.append(day)
        return true
      }
      do {
        let bars = try await pool.query(
          RecordedStatements.dayBefore,
          [
            .text(feed), .texts(batch.map(\.symbol)), .timestamps(batch.map(\.moment)),
            .text(RouteTable.zone(first.assetClass)),
          ])
        take(batch, bars)
      } catch {
        report("days before: \(error)")
        failedUntil = pool.loop.nowMilliseconds + PortfolioLimits.previousDaysRetryMilliseconds
        for day in batch + wanted { tell(day, nil) }
        wanted = []
      }
    }
    isReading = false
  }

  private func take(_ batch: [DayBefore], _ bars: [(day: DayBefore, bar: RecordedBar)]) {
    if kept.count + batch.count > PortfolioLimits.previousDaysMax { kept.removeAll() }
    let byDay = Dictionary(bars.map { ($0.day, $0.bar) }) { first, _ in first }
    let until = pool.loop.nowMilliseconds + PortfolioLimits.previousDaysKeptMilliseconds
    for day in batch {
      kept[day] = Kept(bar: byDay[day], until: until)
      tell(day, byDay[day])
    }
  }

  private func tell(_ day: DayBefore, _ bar: RecordedBar?) {
    for waiter in waiters.removeValue(forKey: day) ?? [] {
      waiter.gathering.take(waiter.place, bar)
    }
  }

  /// Read by tasks of the pool's loop alone, hence `@unchecked Sendable`.
  private struct OnLoop: @unchecked Sendable {
    let owner: PreviousDays
  }
}

extension RecordedStatements {
  /// How far back a day with trades is looked for: over the longest of holidays, twice.
  private static let reach = "interval '14 days'"

  /// $2 and $3 side by side: the symbol and the moment before which its day is to be. $4 is the zone.
  static let dayBefore = PostgresStatement(
    "recorded_day_before",
    """
    SELECT wanted.symbol, wanted.moment, day.bucket, day.open, day.high, day.low, day.close,
      day.volume, day.trade_count, day.vwap
    FROM unnest($2::text[], $3::timestamptz[]) AS wanted(symbol, moment)
    CROSS JOIN LATERAL (
      SELECT date_trunc('day', start, $4) AS bucket FROM history_bars AS row
      WHERE feed = $1 AND symbol = wanted.symbol AND start < wanted.moment
        AND start >= wanted.moment - \(reach) AND \(visible("start"))
      ORDER BY start DESC LIMIT 1
    ) AS newest
    CROSS JOIN LATERAL (
      SELECT newest.bucket, (array_agg(open ORDER BY start))[1] AS open,
        trim_scale(max(high)) AS high, trim_scale(min(low)) AS low,
        (array_agg(close ORDER BY start DESC))[1] AS close, trim_scale(sum(volume)) AS volume,
        sum(trade_count)::bigint AS trade_count, \(mean("sum(notional)", "sum(volume)")) AS vwap
      FROM history_bars AS row
      WHERE feed = $1 AND symbol = wanted.symbol AND start >= newest.bucket
        AND start < wanted.moment AND date_trunc('day', start, $4) = newest.bucket
        AND \(visible("start"))
    ) AS day
    """, [.text, .texts, .timestamps, .text]
  ) { row throws(PostgresError) in
    let day = DayBefore(symbol: try row.string(0), moment: try row.timestamp(1))
    let bar = RecordedBar(
      start: try row.timestamp(2), open: try row.numeric(3), high: try row.numeric(4),
      low: try row.numeric(5), close: try row.numeric(6), volume: try row.numeric(7),
      tradeCount: try row.optionalInteger(8), vwap: try row.optionalNumeric(9))
    return (day, bar)
  }
}
