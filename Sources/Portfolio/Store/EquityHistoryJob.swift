// Writes what each account is worth, one row an account and interval. Several processes may run it: all
// of them compute, the first row stays, and the moment is the interval's beginning by the wall clock, so
// theirs is the same.
//
// Cash and positions of one batch are read by one statement, so a sum never mixes two moments. Prices
// are asked for afterwards; a position without a price counts at its cost, and the row is marked.
// Belongs to the pool's loop.
import PostgresClient

final class EquityHistoryJob {
  /// A price, and whether it is live.
  struct Mark: Hashable, Sendable {
    var price: ExactDecimal
    var isStale: Bool
  }

  typealias Prices = (_ symbols: [String]) async -> [String: Mark]

  private let pool: PostgresPool
  private let prices: Prices

  init(pool: PostgresPool, prices: @escaping Prices) {
    self.pool = pool
    self.prices = prices
  }

  /// The beginning of the interval that `microseconds` (since 1970) lies in.
  static func moment(
    _ microseconds: Int64, intervalSeconds: Int64 = PortfolioLimits.equityIntervalSeconds
  ) -> Int64 {
    let interval = intervalSeconds * 1_000_000
    return microseconds - ((microseconds % interval) + interval) % interval
  }

  /// Writes the rows of `moment` that are missing. Returns how many this call wrote.
  @discardableResult
  func write(at moment: Int64) async throws(PostgresError) -> Int {
    var written = 0
    var last: String?
    while true {
      let holdings = try await pool.query(
        EquityStatements.holdings,
        [
          .uuidOrNull(last), .timestamp(microseconds: moment),
          .integer(PortfolioLimits.equityBatchAccounts),
        ])
      guard let end = holdings.last else { return written }
      last = end.accountID
      let marks = await prices(Array(Set(holdings.compactMap(\.symbol))))
      var batch = EquityBatch()
      for holding in holdings {
        batch.add(holding, mark: holding.symbol.flatMap { marks[$0] })
      }
      written += try await pool.execute(EquityStatements.insert, batch.parameters(moment))
    }
  }
}

/// Rows under way, of accounts that come one after another.
private struct EquityBatch {
  private struct Row {
    var accountID: String
    /// Nil: beyond what a decimal holds.
    var equity: ExactDecimal?
    var cash: ExactDecimal
    var isStale = false
  }

  private var rows: [Row] = []

  mutating func add(_ holding: EquityHolding, mark: EquityHistoryJob.Mark?) {
    if rows.last?.accountID != holding.accountID {
      rows.append(Row(accountID: holding.accountID, equity: holding.cash, cash: holding.cash))
    }
    guard let quantity = holding.quantity, let costBasis = holding.costBasis else { return }
    let last = rows.count - 1
    rows[last].isStale = rows[last].isStale || (mark?.isStale ?? true)
    do {
      let value = if let mark { try quantity * mark.price } else { costBasis }
      rows[last].equity = try rows[last].equity.map { sum in try sum + value }
    } catch {
      rows[last].equity = nil
    }
  }

  /// Without accounts whose equity the column cannot hold, which a price far from any market's makes:
  /// they have no row of this moment, the others do.
  func parameters(_ moment: Int64) -> [PostgresParameter] {
    let bound = ExactDecimal(1_000_000_000_000_000)
    let kept = rows.compactMap { row -> (Row, ExactDecimal)? in
      guard let equity = row.equity, equity < bound, let opposite = try? equity.negated(),
        opposite < bound
      else { return nil }
      return (row, equity)
    }
    return [
      .timestamp(microseconds: moment), .uuids(kept.map(\.0.accountID)),
      .numerics(kept.map(\.1.description)), .numerics(kept.map(\.0.cash.description)),
      .uuids(kept.filter(\.0.isStale).map(\.0.accountID)),
    ]
  }
}
