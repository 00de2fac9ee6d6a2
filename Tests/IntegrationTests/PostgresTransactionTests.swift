import EventLoops
import PostgresClient
import TestSupport
import Testing

private let total = Probe.integer("total", "SELECT coalesce(sum(n), 0)::bigint FROM t")
private let insert = PostgresStatement<Void>("insert", "INSERT INTO t VALUES ($1)", [.integer])

private struct Refusal: Error {}

@Suite(.serialized) struct PostgresTransactionTests {
  private func withTable(
    options: PostgresOptions = PostgresOptions(),
    _ body: @escaping @Sendable (EventLoop, PrivatePostgres, PostgresPool) async throws -> Void
  ) async throws {
    try await withPostgres { loop, server in
      try server.psql("CREATE TABLE t (n bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)")
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      try await body(loop, server, pool)
    }
  }

  @Test func commitsOnReturnAndRollsBackOnThrow() async throws {
    try await withTable { _, server, pool in
      let seen = try await pool.transaction { transaction in
        try await transaction.execute(insert, [.integer(1)])
        try await transaction.execute(insert, [.integer(2)])
        return try await transaction.query(total)
      }
      #expect(seen == [3])
      #expect(try server.psql("SELECT sum(n) FROM t") == "3")
      await #expect(throws: Refusal.self) {
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(10)])
          throw Refusal()
        }
      }
      // When the error arrives the locks are gone: the same key can be inserted.
      try server.psql("SET lock_timeout = '1s'; INSERT INTO t VALUES (10)")
      #expect(pool.counters.connects == 1)
    }
  }

  /// Goal: a body that goes on after a statement's error must not believe that it was committed.
  @Test func ignoredErrorIsToldAtTheEnd() async throws {
    try await withTable { _, server, pool in
      let error = await failure {
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(1)])
          _ = try? await transaction.query(Probe.divide, [.integer(0)])
        }
      }
      #expect(error?.code == .rolledBack)
      let rows = try server.psql("SELECT count(*) FROM t")
      #expect(rows == "0")
      #expect(try await pool.query(Probe.one) == [1])
    }
  }

  /// Goal: a COMMIT that the server refuses is the server's error, not an unknown outcome.
  @Test func refusedCommitIsAnErrorOfTheServer() async throws {
    try await withTable { _, server, pool in
      let error = await failure {
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(1)])
          try await transaction.execute(insert, [.integer(1)])
        }
      }
      #expect(error?.sqlState == "23505")
      #expect(error?.mayHaveExecuted == false)
      let rows = try server.psql("SELECT count(*) FROM t")
      #expect(rows == "0")
    }
  }

  /// Goal: money is read in one snapshot: what others commit meanwhile is not seen, and nothing can be
  /// written. A read committed transaction is the counterproof.
  @Test func repeatableReadSeesOneSnapshot() async throws {
    try await withTable { _, server, pool in
      try server.psql("INSERT INTO t VALUES (1)")
      let box = PostgresBox(server)
      for (mode, expected): (PostgresTransactionMode, [Int64]) in [
        (.repeatableReadReadOnly, [1, 1]), (.readCommitted, [1, 101]),
      ] {
        let sums = try await pool.transaction(mode) { transaction in
          let before = try await transaction.query(total)
          try box.server.psql("INSERT INTO t VALUES (100)")
          return try await before + transaction.query(total)
        }
        #expect(sums == expected)
        try server.psql("DELETE FROM t WHERE n = 100")
      }
      let error = await failure {
        try await pool.transaction(.repeatableReadReadOnly) { transaction in
          try await transaction.execute(insert, [.integer(5)])
        }
      }
      #expect(error?.sqlState == "25006")
    }
  }

  /// Goal: concurrent statements of others never run inside somebody's transaction, whatever the
  /// number of connections.
  @Test(arguments: [1, 2]) func transactionHasAConnectionOfItsOwn(connections: Int) async throws {
    var options = PostgresOptions()
    options.poolMax = connections
    try await withTable(options: options) { loop, server, pool in
      let rounds = 20
      let transactions = (1...rounds).map { round in
        pool.begin { pool in
          try await pool.transaction { transaction in
            try await transaction.execute(insert, [.integer(Int64(round))])
            try await transaction.execute(
              PostgresStatement("undo", "DELETE FROM t WHERE n = $1", [.integer]),
              [.integer(Int64(round))])
          }
        }
      }
      let sums = (0..<200).map { _ in pool.begin { try await $0.query(total) } }
      for task in sums { #expect(try await task.value.get() == [0]) }
      for task in transactions { try await task.value.get() }
      #expect(pool.counters.connections <= connections)
      let rows = try server.psql("SELECT count(*) FROM t")
      #expect(rows == "0")
    }
  }

  @Test func bodyWithoutStatementsTouchesNothing() async throws {
    try await withTable { _, server, pool in
      let before = pool.counters.statements
      let value = try await pool.transaction { _ in 7 }
      #expect(value == 7)
      #expect(pool.counters.statements == before && pool.counters.connects == 1)
    }
  }

  /// Goal: when the session ends inside COMMIT nobody can know the outcome; it is said so, and nothing
  /// is tried again. Method: a constraint trigger that sleeps at COMMIT while the backend is ended.
  @Test(arguments: ["pg_terminate_backend", "kill -9"])
  func sessionThatEndsDuringCommitLeavesItUnknown(how: String) async throws {
    var options = quickPostgres
    options.statementMilliseconds = 30_000
    try await withTable(options: options) { loop, server, pool in
      try server.psql(
        """
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION slow()
        """)
      let log = PoolLog(pool)
      let task = pool.begin { pool in
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(1)])
          return try await transaction.query(Probe.session)
        }
      }
      let process = try await backend(running: "COMMIT", server, loop)
      if how == "kill -9" {
        server.killBackend(process)
      } else {
        try server.psql("SELECT pg_terminate_backend(\(process))")
      }
      let error = await task.value.error
      #expect(error?.code == .commitUnknown)
      #expect(error?.mayHaveExecuted == true && error?.isUnavailable == true)
      #expect(pool.counters.commitsUnknown == 1)
      #expect(await loop.wait(milliseconds: 20_000) { pool.isReady })
      let sum = try await pool.query(total)
      #expect(sum == [0])
      #expect(log.downs.count == 1)
    }
  }

  /// Goal: the same where the server did commit and only its answer is lost: it is not done twice.
  @Test func lostAnswerOfACommitIsUnknownAndNotRepeated() async throws {
    try await withTable { loop, server, _ in
      let proxy = try CuttingProxy(
        target: server.directory, name: ".s.PGSQL.\(server.port)", word: "\0COMMIT\0")
      defer { proxy.close() }
      let url = "postgresql://postgres@/postgres?host=\(proxy.directory)&port=\(server.port)"
      let pool = try await PostgresPool.ready(loop, url, options: quickPostgres)
      defer { pool.close() }
      proxy.isCutting = true
      let error = await failure {
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(1)])
        }
      }
      #expect(error?.code == .commitUnknown)
      let isCommitted = await loop.wait(milliseconds: 20_000) {
        (try? server.psql("SELECT count(*) FROM t")) == "1"
      }
      #expect(isCommitted)
      #expect(proxy.cuts == 1)
      proxy.isCutting = false
      #expect(await loop.wait(milliseconds: 20_000) { pool.isReady })
      #expect(try await pool.query(total) == [1])
    }
  }

  /// Goal: a session that ends before COMMIT had no effect, and the error says so.
  @Test func sessionThatEndsBeforeCommitHadNoEffect() async throws {
    try await withTable(options: quickPostgres) { loop, server, pool in
      let box = PostgresBox(server)
      let error = await failure {
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(1)])
          let process = try await transaction.query(Probe.session)[0]
          try box.server.psql("SELECT pg_terminate_backend(\(process))")
          _ = await loop.wait(milliseconds: 20_000) { !pool.isReady }
        }
      }
      #expect(error?.code == .connectionLost(mayHaveExecuted: false))
      #expect(error?.mayHaveExecuted == false)
      #expect(await loop.wait(milliseconds: 20_000) { pool.isReady })
      let sum = try await pool.query(total)
      #expect(sum == [0])
    }
  }

  /// Goal: a cancelled caller gets its answer at once, its transaction is rolled back and the
  /// connection serves on.
  @Test func cancelledTransactionIsRolledBack() async throws {
    var options = PostgresOptions()
    options.poolMax = 1
    options.waitMilliseconds = 20_000
    try await withTable(options: options) { loop, server, pool in
      let task = pool.begin { pool in
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(1)])
          try await transaction.execute(Probe.sleep, [.integer(2_000)])
        }
      }
      await loop.sleep(milliseconds: 100)
      let began = loop.nowMilliseconds
      task.cancel()
      #expect(await task.value.error?.code == .cancelled)
      #expect(loop.nowMilliseconds - began < 1_500)
      let sum = try await pool.query(total)
      #expect(sum == [0])
      #expect(pool.counters.connects == 1)
    }
  }

  /// Goal: a transaction whose body does not go on gives its connection back by the server's timeout.
  @Test func idleTransactionIsEnded() async throws {
    var options = quickPostgres
    options.transactionIdleMilliseconds = 100
    try await withTable(options: options) { loop, server, pool in
      let log = PoolLog(pool)
      let error = await failure {
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(1)])
          _ = await loop.wait(milliseconds: 20_000) { !log.downs.isEmpty }
          try await transaction.execute(insert, [.integer(2)])
        }
      }
      #expect(error?.code == .connectionLost(mayHaveExecuted: false))
      #expect("\(log.downs)".contains("25P03"))
    }
  }
}

/// The backend that runs `query` now.
func backend(
  running query: String, _ server: PrivatePostgres, _ loop: EventLoop
) async throws -> Int32 {
  for _ in 0..<1_000 {
    let found = try server.psql(
      "SELECT pid FROM pg_stat_activity WHERE query LIKE '\(query)%' AND state = 'active' "
        + "AND pid <> pg_backend_pid() AND wait_event = 'PgSleep'")
    if let process = Int32(found) { return process }
    await loop.sleep(milliseconds: 2)
  }
  throw PostgresError(.server, reason: "nothing runs \(query)")
}

/// What a pool told its owner, in order. Lives until the pool is closed.
final class PoolLog {
  var ready = 0
  var downs: [PostgresDown] = []
  var problems: [PostgresDown] = []

  init(_ pool: PostgresPool) {
    pool.onReady = { [self] in ready += 1 }
    pool.onDown = { [self] in downs.append($0) }
    pool.onProblem = { [self] in problems.append($0) }
  }
}
