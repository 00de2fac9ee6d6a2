import EventLoops
import PostgresClient
import TestSupport
import Testing

private let total = Probe.text("copy_total", "SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM t")
private let insert = PostgresStatement<Void>(
  "copy_insert", "INSERT INTO t (n) VALUES ($1)", [.integer])
private let sql = "COPY t FROM STDIN"

private struct Refusal: Error {}

@Suite(.serialized) struct PostgresCopyTests {
  private func withTable(
    options: PostgresOptions = PostgresOptions(),
    _ body: @escaping @Sendable (EventLoop, PrivatePostgres, PostgresPool) async throws -> Void
  ) async throws {
    try await withPostgres { loop, server in
      try server.psql("CREATE TABLE t (n bigint UNIQUE CHECK (n >= 0), word text)")
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      try await body(loop, server, pool)
    }
  }

  private static func rows(_ range: Range<Int>, _ word: String = "x") -> [UInt8] {
    Array(range.map { "\($0)\t\(word)\n" }.joined().utf8)
  }

  @Test func rowsAreCommittedWithTheirTransactionAndTheConnectionGoesOn() async throws {
    try await withTable { (_, server, pool) async throws in
      for round in 0..<3 {
        let copied = try await pool.transaction { transaction in
          let first = try await transaction.copy(
            sql, PostgresCopyTests.rows(round * 10..<round * 10 + 4))
          try await transaction.execute(insert, [.integer(Int64(round * 10 + 4))])
          let second = try await transaction.copy(sql, [])
          let third = try await transaction.copy(
            sql, Array("\(round * 10 + 5)\ta\\tb\\\\\\n\n\(round * 10 + 6)\t\\N\n".utf8))
          return [first, second, third]
        }
        #expect(copied == [4, 0, 2])
        #expect(try await pool.query(Probe.one) == [1])
      }
      #expect(try server.psql("SELECT count(*) FROM t") == "21")
      #expect(try server.psql("SELECT word = E'a\\tb\\\\\\n' FROM t WHERE n = 5") == "t")
      #expect(pool.counters.connects == 1)
    }
  }

  /// Larger than all buffers between here and the server.
  @Test func eightMebibytesArriveWhole() async throws {
    try await withTable { (_, server, pool) async throws in
      let word = String(repeating: "w", count: 1_000)
      let data = PostgresCopyTests.rows(0..<8_000, word)
      let copied = try await pool.transaction { try await $0.copy(sql, data) }
      #expect(copied == 8_000)
      #expect(
        try server.psql("SELECT count(*) || ' ' || sum(length(word)) FROM t") == "8000 8000000")
      let error = await failure {
        try await pool.transaction {
          try await $0.copy(
            sql, [UInt8](repeating: 0x31, count: PostgresLimits.copyBytesMax + 1))
        }
      }
      #expect(error?.code == .parameter)
    }
  }

  @Test(arguments: ["5\tx\nfive\tx\n", "5\tx\n-1\tx\n", "5\tx\n5\tx\n", "5\n", "5\tx\ty\n"])
  func refusedRowTakesBackTheWholeAndTheConnectionGoesOn(data: String) async throws {
    try await withTable { (_, server, pool) async throws in
      let error = await failure {
        try await pool.transaction { transaction in
          try await transaction.execute(insert, [.integer(1)])
          // Refused at the first rows, while megabytes are still on their way.
          return try await transaction.copy(
            sql, Array(data.utf8) + PostgresCopyTests.rows(100..<200_000))
        }
      }
      #expect(error?.code == .server)
      #expect(["22P02", "23514", "23505", "22P04"].contains(error?.sqlState))
      #expect(try await pool.query(total) == ["0 0"])
      #expect(try await pool.transaction { try await $0.copy(sql, Array("7\tx\n".utf8)) } == 1)
      #expect(pool.counters.connects == 1)
      #expect(try server.psql("SELECT count(*) FROM t") == "1")
    }
  }

  @Test func whatIsNoCopyFromStandardInputIsRefused() async throws {
    try await withTable { (_, _, pool) async throws in
      let missing = await failure {
        try await pool.transaction { try await $0.copy("COPY nowhere FROM STDIN", []) }
      }
      #expect(missing?.sqlState == "42P01")
      #expect(pool.counters.connects == 1)
      // A result where a COPY has none: the connection cannot be believed any more.
      let select = await failure {
        try await pool.transaction { try await $0.copy("SELECT 1", []) }
      }
      #expect(select?.code == .connectionLost(mayHaveExecuted: false))
      #expect(try await pool.query(Probe.one) == [1])
    }
  }

  @Test func backendThatDiesDuringACopyLeavesNothing() async throws {
    try await withTable(options: quickPostgres) { (loop, server, pool) async throws in
      // The rows wait for a lock that another session holds.
      try server.psql("INSERT INTO t VALUES (1, 'held')")
      let holder = try KeptProcess([
        "psql", "-h", server.directory, "-p", "\(server.port)", "-U", "postgres", "-c",
        "BEGIN; LOCK TABLE t; SELECT pg_sleep(20)",
      ])
      defer { holder.end() }
      let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
      #expect(
        await loop.wait {
          (try? server.psql(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'")) != "0"
        })
      let task = pool.begin { pool in
        try await pool.transaction { try await $0.copy(sql, PostgresCopyTests.rows(100..<200)) }
      }
      #expect(await loop.wait { (try? server.psql(waits)) == "1" })
      _ = try server.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
      let error = await task.value.error
      #expect(error?.code == .connectionLost(mayHaveExecuted: false))
      // The end of psql alone would leave its session asleep, with the lock.
      _ = try server.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
      #expect(await loop.wait { pool.isReady })
      #expect(try await pool.query(total) == ["1 1"])
    }
  }

  @Test func copyThatTakesTooLongIsEndedByTheServer() async throws {
    try await withTable(options: quickPostgres) { (loop, server, pool) async throws in
      let holder = try KeptProcess([
        "psql", "-h", server.directory, "-p", "\(server.port)", "-U", "postgres", "-c",
        "BEGIN; LOCK TABLE t; SELECT pg_sleep(20)",
      ])
      defer { holder.end() }
      #expect(
        await loop.wait {
          (try? server.psql(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'")) != "0"
        })
      let error = await failure {
        try await pool.transaction { try await $0.copy(sql, PostgresCopyTests.rows(1..<9)) }
      }
      #expect(error?.code == .timedOut(mayHaveExecuted: false))
      #expect(pool.counters.connects == 1)
      #expect(try await pool.query(Probe.one) == [1])
    }
  }

  @Test func serverThatOnlyStopsIsLeftAfterTheStatementsTime() async throws {
    try await withTable(options: quickPostgres) { (loop, server, pool) async throws in
      // Too much for the socket's buffers, so the copy cannot leave.
      let data = PostgresCopyTests.rows(0..<7_000, String(repeating: "w", count: 1_000))
      let log = PoolLog(pool)
      let error = await failure {
        try await pool.transaction { transaction in
          // With BEGIN, so that it is the COPY that nobody answers.
          try await transaction.execute(insert, [.integer(7_000)])
          server.stop()
          return try await transaction.copy(sql, data)
        }
      }
      server.resume()
      #expect(error?.code == .timedOut(mayHaveExecuted: false))
      #expect(error?.statement == "copy")
      #expect(log.downs == [.statementTimedOut(milliseconds: quickPostgres.statementMilliseconds)])
      #expect(await loop.wait { pool.isReady })
      #expect(try await pool.query(total) == ["0 0"])
    }
  }

  @Test func bodyThatThrowsAfterACopyTakesItBack() async throws {
    try await withTable { (_, server, pool) async throws in
      await #expect(throws: Refusal.self) {
        try await pool.transaction { transaction in
          _ = try await transaction.copy(sql, PostgresCopyTests.rows(0..<10))
          throw Refusal()
        }
      }
      #expect(try await pool.query(total) == ["0 0"])
    }
  }
}
