// The tables of history in Postgres: batches in, partitions made and dropped. Belongs to the pool's
// loop.
import MarketData
package import PostgresClient

package final class HistoryTables {
  private let pool: PostgresPool
  /// Days known to have a partition.
  private var days: Set<Int64> = []
  private var areDaysKnown = false

  package init(pool: PostgresPool) { self.pool = pool }

  struct Written {
    var bars = 0
    var trades = 0
    var tradesLeftOut = 0
  }

  /// Writes the entries' rows, all or none; rows that are there already change nothing. `beforeCommit`
  /// is called when all has been sent but COMMIT.
  func write(
    _ entries: [HistoryEntry], beforeCommit: () throws -> Void = {}
  ) async throws -> Written {
    try await makePartitions(HistoryBatch.days(entries))
    let batch = HistoryBatch(entries, days: days)
    var written = Written(tradesLeftOut: batch.tradesLeftOut)
    guard batch.barCount + batch.tradeCount > 0 else { return written }
    do {
      try await pool.transaction(.readCommitted) { transaction in
        if batch.barCount > 0 {
          written.bars = try await HistoryTables.merge(barsOf: batch, in: transaction)
        }
        if batch.tradeCount > 0 {
          written.trades = try await HistoryTables.merge(tradesOf: batch, in: transaction)
        }
        try beforeCommit()
      }
    } catch {
      // A partition may have been dropped by another worker.
      areDaysKnown = false
      throw error
    }
    return written
  }

  // Functions of their own: with both loops in one closure Swift 6.3.1 crashes when it optimises.
  private static func merge(
    barsOf batch: HistoryBatch, in transaction: PostgresTransaction
  ) async throws -> Int {
    try await transaction.execute(HistoryStatements.incomingBars)
    for rows in batch.bars {
      _ = try await transaction.copy(HistoryStatements.copyBars, rows)
    }
    return try await transaction.execute(HistoryStatements.mergeBars)
  }

  private static func merge(
    tradesOf batch: HistoryBatch, in transaction: PostgresTransaction
  ) async throws -> Int {
    try await transaction.execute(HistoryStatements.incomingTrades)
    for rows in batch.trades {
      _ = try await transaction.copy(HistoryStatements.copyTrades, rows)
    }
    let written = try await transaction.execute(HistoryStatements.mergeTrades)
    try await transaction.execute(HistoryStatements.mergeEpochs)
    return written
  }

  // MARK: - Partitions

  private func makePartitions(_ wanted: Set<Int64>) async throws {
    if areDaysKnown, wanted.isSubset(of: days) { return }
    let known = try await pool.query(HistoryStatements.days)
    days = Set(known.compactMap(Day.number))
    areDaysKnown = true
    let room = HistoryLimits.partitionsMax - days.count
    // The newest first: what is broken is as a rule long ago.
    let missing = wanted.subtracting(days).filter(Day.isPossible).sorted(by: >).prefix(max(0, room))
    for day in missing {
      try await make(day)
      days.insert(day)
    }
  }

  private func make(_ day: Int64) async throws {
    try await pool.transaction(.readCommitted) { transaction in
      _ = try await transaction.query(HistoryStatements.lock)
      try await transaction.execute(HistoryStatements.lockTimeout)
      _ = try await transaction.query(HistoryStatements.makePartition, [.date(Day.text(day))])
    }
  }

  /// Makes those of the next days, says which of `written` were written to, and drops what is over.
  /// Returns how many were dropped.
  package func lookAfter(
    today: Int64, written: Set<Int64>, keepDays: Int64
  ) async throws -> Int {
    try await makePartitions(Set(today...(today + HistoryLimits.daysAhead)))
    let touched = written.intersection(days)
    if !touched.isEmpty {
      try await pool.execute(
        HistoryStatements.daysWritten, [.dates(touched.sorted().map(Day.text))])
    }
    var dropped = 0
    for text in try await pool.query(HistoryStatements.daysOver, [.integer(keepDays)]) {
      guard let day = Day.number(text) else { continue }
      try await pool.transaction(.readCommitted) { transaction in
        _ = try await transaction.query(HistoryStatements.lock)
        try await transaction.execute(HistoryStatements.lockTimeout)
        _ = try await transaction.query(HistoryStatements.dropPartition, [.date(text)])
      }
      days.remove(day)
      dropped += 1
    }
    return dropped
  }

  // MARK: - Poison

  func setAside(_ id: String, reason: String, content: [UInt8]) async throws {
    try await pool.execute(
      HistoryStatements.poison,
      [
        .text(id), .text(reason), .bytes(Array(content.prefix(HistoryLimits.poisonBytes))),
      ])
    try await pool.execute(
      HistoryStatements.prunePoison, [.integer(Int64(HistoryLimits.poisonRows))])
  }
}

/// Days as their partitions are called.
enum Day {
  static func date(_ day: Int64) -> CivilDate { CivilDate(daysSinceEpoch: day) }

  /// Four-digit years, which PostgreSQL and the names below have.
  static func isPossible(_ day: Int64) -> Bool { (1_000...9_998).contains(date(day).year) }

  static func text(_ day: Int64) -> String {
    let date = date(day)
    return "\(date.year)-\(two(date.month))-\(two(date.day))"
  }

  static func number(_ text: String) -> Int64? {
    let parts = text.split(separator: "-").compactMap { Int64($0) }
    guard parts.count == 3 else { return nil }
    return CivilDate(year: parts[0], month: parts[1], day: parts[2])?.daysSinceEpoch
  }

  private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
