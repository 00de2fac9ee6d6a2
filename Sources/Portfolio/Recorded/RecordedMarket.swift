// Pages of history. A page holds so many rows over all symbols, symbol by symbol in the order of their
// names; the next one goes on behind the last row of this one.
import PostgresClient

struct RecordedMarket {
  let pool: PostgresPool

  func trades(
    _ range: RecordedRange, after place: TradePlace?
  ) async throws(PostgresError) -> RecordedPage<RecordedTrade, TradePlace> {
    var page = RecordedPage<RecordedTrade, TradePlace>()
    var room = range.limit
    var last: TradePlace?
    for symbol in RecordedMarket.order(range.symbols, from: place?.symbol) {
      let place = place?.symbol == symbol ? place : nil
      var rows = try await pool.query(
        range.isAscending
          ? RecordedStatements.tradesOldestFirst : RecordedStatements.tradesNewestFirst,
        [
          .text(range.feed), .text(symbol), .timestamp(microseconds: range.start),
          .timestamp(microseconds: range.end), .timestampOrNull(microseconds: place?.at),
          .integer(place?.nanos ?? 0), .integer(place?.epoch ?? 0), .integer(place?.number ?? 0),
          .integer(Int64(room) + 1),
        ])
      let hasMore = rows.count > room
      if hasMore { rows.removeLast(rows.count - room) }
      room -= rows.count
      if let row = rows.last {
        last = TradePlace(
          symbol: symbol, at: row.at, nanos: row.nanos, epoch: row.epoch, number: row.number)
        page.groups.append((symbol, rows))
      }
      if hasMore {
        page.next = last
        break
      }
    }
    return page
  }

  /// Days, weeks and months are those of `zone`.
  func bars(
    _ range: RecordedRange, _ timeframe: BarTimeframe, zone: String, after place: BarPlace?
  ) async throws(PostgresError) -> RecordedPage<RecordedBar, BarPlace> {
    var page = RecordedPage<RecordedBar, BarPlace>()
    var room = range.limit
    var last: BarPlace?
    for symbol in RecordedMarket.order(range.symbols, from: place?.symbol) {
      let place = place?.symbol == symbol ? place : nil
      var (rows, hasMore) = try await bars(
        range, timeframe, zone, symbol, after: place?.start, count: room + 1)
      if rows.count > room {
        rows.removeLast(rows.count - room)
        hasMore = true
      }
      room -= rows.count
      if let row = rows.last {
        last = BarPlace(symbol: symbol, start: row.start)
        page.groups.append((symbol, rows))
      }
      if hasMore {
        page.next = last
        break
      }
    }
    return page
  }

  /// The next bars of a symbol, and whether there are more than were looked at.
  private func bars(
    _ range: RecordedRange, _ timeframe: BarTimeframe, _ zone: String, _ symbol: String,
    after start: Int64?, count: Int
  ) async throws(PostgresError) -> (rows: [RecordedBar], hasMore: Bool) {
    var minutes: Int64 = 0
    if case .minutes(let count) = timeframe { minutes = count }
    let (reach, overflow) = range.end.addingReportingOverflow(timeframe.microsecondsMax)
    let end = overflow ? Instant.range.upperBound : min(reach, Instant.range.upperBound)
    let found = try await pool.query(
      RecordedStatements.bars(timeframe, isAscending: range.isAscending),
      [
        .text(range.feed), .text(symbol), .timestamp(microseconds: range.start),
        .timestamp(microseconds: end), .timestampOrNull(microseconds: start),
        .integer(Int64(count)), .text(zone), .integer(minutes),
        .timestamp(microseconds: range.end),
      ])
    let isCut = found.first?.isCut ?? false
    var rows = found.map(\.bar)
    // The last one may lack minutes that were not looked at.
    if isCut, rows.count < count, rows.count > 1 { rows.removeLast() }
    return (rows, isCut)
  }

  /// PostgreSQL's order under collation "C": by bytes.
  private static func order(_ symbols: [String], from first: String?) -> [String] {
    let sorted = Set(symbols).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard let first else { return sorted }
    return Array(sorted.drop { $0.utf8.lexicographicallyPrecedes(first.utf8) })
  }
}
