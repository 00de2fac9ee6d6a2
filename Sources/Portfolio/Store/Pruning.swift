// Deletes what is over, in small statements so that nobody waits long behind one. Several processes
// may do it at once: each skips the rows that another has in hand.
import PostgresClient

enum Pruning {
  private static func statement(_ name: String, _ table: String, _ column: String)
    -> PostgresStatement<Void>
  {
    PostgresStatement(
      name,
      """
      DELETE FROM \(table) WHERE id IN (
        SELECT id FROM \(table) WHERE \(column) < now() - $1 * interval '1 second'
        ORDER BY \(column) LIMIT $2 FOR UPDATE SKIP LOCKED)
      """, [.integer, .integer])
  }

  static let invalidationLog = statement("prune_invalidation_log", "invalidation_log", "at")
  static let sessions = statement("prune_sessions", "sessions", "expires_at")

  /// Of a day of New York that is old the last point stays, which is what daily history shows.
  static let equityHistory = PostgresStatement<Void>(
    "prune_equity_history",
    """
    DELETE FROM equity_history WHERE (account_id, at) IN (
      SELECT account_id, at FROM equity_history AS old
      WHERE at < now() - $1 * interval '1 second' AND EXISTS (
        SELECT FROM equity_history AS later
        WHERE later.account_id = old.account_id AND later.at > old.at
          AND later.at < old.at + interval '25 hours'
          AND (later.at AT TIME ZONE 'America/New_York')::date
            = (old.at AT TIME ZONE 'America/New_York')::date)
      LIMIT $2)
    """, [.integer, .integer])

  /// Returns how many rows went.
  @discardableResult
  static func run(
    _ statement: PostgresStatement<Void>, olderThanSeconds seconds: Int64, _ pool: PostgresPool,
    rows: Int64 = PortfolioLimits.pruneRows
  ) async throws(PostgresError) -> Int {
    var total = 0
    for _ in 0..<PortfolioLimits.pruneBatches {
      let count = try await pool.execute(statement, [.integer(seconds), .integer(rows)])
      total += count
      if count < rows { break }
    }
    return total
  }

  /// Everything that has an end.
  @discardableResult
  static func all(_ pool: PostgresPool) async throws(PostgresError) -> Int {
    try await run(
      invalidationLog, olderThanSeconds: PortfolioLimits.invalidationLogSeconds, pool)
      + run(sessions, olderThanSeconds: PortfolioLimits.endedSessionSeconds, pool)
      + run(equityHistory, olderThanSeconds: PortfolioLimits.equityPointsSeconds, pool)
  }
}
