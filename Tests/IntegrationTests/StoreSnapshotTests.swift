// Goal: what one answer says about money was true at one moment. Every booking and transfer below leaves
// cash + cost of positions + what is pending of an account as it was, and the position is what the
// open orders have bought. Method: once with a fill forced between two questions of one answer, where
// the same questions in READ COMMITTED are seen to tear; once with another thread that books and
// transfers without a pause.
import EventLoops
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Portfolio

@Suite(.serialized) struct StoreSnapshotTests {
  private typealias S = StoreScene

  private static let booking = PostgresStatement<Void>(
    "test_fill", "SELECT book_fill($1, 0.25, 10.5)", [.uuid])

  /// From account 1 to 2 and back again, marked as pending on both sides.
  private static let transfer = PostgresStatement<Void>(
    "test_transfer",
    """
    UPDATE accounts SET
      cash = cash + CASE id WHEN $1 THEN -$2 ELSE $2 END,
      pending_transfer_out = pending_transfer_out + CASE id WHEN $1 THEN $2 ELSE 0 END,
      pending_transfer_in = pending_transfer_in + CASE id WHEN $1 THEN 0 ELSE $2 END
    """, [.uuid, .numeric])

  private static let lock = PostgresStatement<Void>(
    "test_lock", "LOCK TABLE positions IN ACCESS EXCLUSIVE MODE")
  private static let waiting = PostgresStatement(
    "test_waiting", "SELECT count(*) FROM pg_locks WHERE NOT granted"
  ) { row throws(PostgresError) in try row.integer(0) }

  @Test func aFillBetweenTwoQuestionsIsNotSeen() async throws {
    try await withStore { store, _ in
      let sum = try Self.sum(try #require(try await store.holdings(S.account(1))))
      let answer = try await Self.withFillInside(store.pool) { pool in
        try await PortfolioStore(pool: pool).portfolio(S.account(1))
      }
      #expect(try Self.isWhole(try #require(answer), sum))
      let holdings = try await Self.withFillInside(store.pool) { pool in
        try await PortfolioStore(pool: pool).holdings(S.account(1))
      }
      #expect(try Self.sum(try #require(holdings)) == sum)
      let torn = try await Self.withFillInside(store.pool) { pool in
        try await Self.readWithoutSnapshot(pool, S.account(1))
      }
      #expect(try !Self.isWhole(torn, sum))
    }
  }

  /// Starts `read`, which waits for the positions after it has read the account; books a fill, and lets
  /// it go on.
  private static func withFillInside<T: Sendable>(
    _ pool: PostgresPool, _ read: @escaping @Sendable (PostgresPool) async throws -> T
  ) async throws -> T {
    let reading = try await pool.transaction { transaction in
      try await transaction.execute(lock)
      let reading = pool.begin(read)
      while try await pool.query(waiting) == [0] { await pool.loop.sleep(milliseconds: 1) }
      try await transaction.execute(booking, [.uuid(S.order(1))])
      return reading
    }
    return try await reading.value.get()
  }

  @Test func sumsNeverTear() async throws {
    try await withStore { store, scene in
      try scene.server.psql(
        """
        UPDATE accounts SET cash = 1000000;
        UPDATE orders SET qty = 100000000 WHERE client_order_id = 'open'
        """)
      let account = S.account(1)
      let sum = try Self.sum(try #require(try await store.holdings(account)))
      let writer = Writer(scene.server.url)
      var torn = 0
      for _ in 0..<200 {
        let portfolio = try #require(try await store.portfolio(account))
        if try !Self.isWhole(portfolio, sum) { torn += 1 }
        let holdings = try #require(try await store.holdings(account))
        if try Self.sum(holdings) != sum { torn += 1 }
      }
      #expect(torn == 0)
      #expect(try await writer.end() > 20)
    }
  }

  private static func sum(_ holdings: PortfolioStore.Holdings) throws -> ExactDecimal {
    let account = holdings.account
    let costs = try holdings.positions.map(\.costBasis).sum()
    return try account.cash + costs + account.pendingTransferOut - account.pendingTransferIn
  }

  /// The position in AAPL is what the orders `open` and `half` have bought.
  private static func isWhole(
    _ portfolio: PortfolioStore.Overview, _ sum: ExactDecimal
  ) throws -> Bool {
    let bought = try portfolio.openOrders.map(\.filledQuantity).sum()
    let held = portfolio.holdings.positions.first { $0.symbol == "AAPL" }?.quantity
    return try held == bought && Self.sum(portfolio.holdings) == sum
  }

  private static func readWithoutSnapshot(
    _ pool: PostgresPool, _ account: String
  ) async throws -> PortfolioStore.Overview {
    let id = [PostgresParameter.uuid(account)]
    return try await pool.transaction(.readCommittedReadOnly) { transaction in
      PortfolioStore.Overview(
        holdings: PortfolioStore.Holdings(
          account: try await transaction.query(AccountStatements.account, id)[0],
          positions: try await transaction.query(AccountStatements.positions, id)),
        openOrders: try await transaction.query(OrderStatements.open, id))
    }
  }

  /// Books and transfers on a thread of its own until `end`.
  private struct Writer {
    private final class Flag: Sendable {
      let isOver = Atomic<Bool>(false)
    }
    private let flag = Flag()
    private let task: Task<Int, any Error>

    init(_ url: String) {
      task = Task { [flag] in
        try await withLoop("writer") { loop in
          try await withPool(loop, url) { pool in
            var count = 0
            while !flag.isOver.load(ordering: .relaxed) {
              try await pool.execute(booking, [.uuid(S.order(1))])
              try await pool.execute(
                transfer, [.uuid(S.account(1 + count % 2)), .numeric("0.01")])
              count += 1
            }
            return count
          }
        }
      }
    }

    /// How often it wrote.
    func end() async throws -> Int {
      flag.isOver.store(true, ordering: .relaxed)
      return try await task.value
    }
  }
}
