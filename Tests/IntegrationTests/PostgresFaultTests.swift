import EventLoops
import PostgresClient
import TestSupport
import Testing

@Suite(.serialized) struct PostgresFaultTests {
  /// Goal: a session that ends while nothing is under way costs no caller anything.
  @Test func idleSessionThatEndsIsReplacedBeforeAnybodyNotices() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url, options: quickPostgres)
      defer { pool.close() }
      let log = PoolLog(pool)
      let process = try await pool.query(Probe.session)[0]
      try server.psql("SELECT pg_terminate_backend(\(process))")
      #expect(await loop.wait(milliseconds: 20_000) { log.downs.count == 1 })
      #expect(
        log.downs == [
          .endedByServer(
            sqlState: "57P01",
            reason: "terminating connection due to administrator command")
        ])
      // Waits for the new session.
      #expect(try await pool.query(Probe.one) == [1])
      #expect(log.ready == 1 && pool.counters.connectionsLost == 1)
    }
  }

  /// Goal: what is under way when its session ends fails by name, the statement that the server worked
  /// at and those behind it, and nothing is done twice.
  @Test(arguments: ["pg_terminate_backend", "kill -9"])
  func statementsUnderWayFailByName(how: String) async throws {
    try await withPostgres { loop, server in
      try server.psql("CREATE TABLE t (n bigint)")
      var options = quickPostgres
      options.poolMax = 1
      options.statementMilliseconds = 30_000
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let log = PoolLog(pool)
      let insert = PostgresStatement<Void>("insert", "INSERT INTO t VALUES ($1)", [.integer])
      let slow = pool.begin { try await $0.execute(Probe.sleep, [.integer(20_000)]) }
      let behind = pool.begin { try await $0.execute(insert, [.integer(1)]) }
      let process = try await backend(running: "SELECT pg_sleep", server, loop)
      if how == "kill -9" {
        server.killBackend(process)
      } else {
        try server.psql("SELECT pg_terminate_backend(\(process))")
      }
      let first = await slow.value.error
      #expect(first?.code == .connectionLost(mayHaveExecuted: true))
      #expect(first?.statement == "probe_sleep")
      #expect(await behind.value.error?.code == .connectionLost(mayHaveExecuted: true))
      #expect(await loop.wait(milliseconds: 20_000) { pool.isReady })
      #expect(log.downs.count == 1)
      let count = Probe.integer("count", "SELECT count(*) FROM t")
      #expect(try await pool.query(count) == [0])
    }
  }

  /// Goal: a server that is away is told at once, one that comes back is found, and statements are
  /// prepared again there.
  @Test func restartedServerIsFoundAndStatementsArePreparedAgain() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url, options: quickPostgres)
      defer { pool.close() }
      let log = PoolLog(pool)
      #expect(try await pool.query(Probe.echo, [.integer(1)]) == [1])
      server.kill()
      #expect(
        await loop.wait(milliseconds: 20_000) {
          log.downs.count == 1 && pool.counters.connectFailures > 1
        })
      let began = loop.nowMilliseconds
      let error = await failure { try await pool.query(Probe.one) }
      #expect(error?.code == .notConnected && error?.isUnavailable == true)
      #expect(await failure { try await pool.transaction { _ in } }?.code == .notConnected)
      #expect(loop.nowMilliseconds - began < quickPostgres.waitMilliseconds)
      try server.start()
      #expect(await loop.wait(milliseconds: 20_000) { log.ready == 1 })
      #expect(try await pool.query(Probe.echo, [.integer(2)]) == [2])
    }
  }

  /// Goal: a server that stopped answering costs each caller a bounded time; callers hear what is
  /// certain and what is not. In a transaction it stops between two statements.
  @Test(arguments: [false, true])
  func stoppedServerIsNoticedByTheTimeout(inTransaction: Bool) async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url, options: quickPostgres)
      defer { pool.close() }
      let log = PoolLog(pool)
      var began: UInt64 = 0
      let error = await failure {
        guard inTransaction else {
          server.stop()
          began = loop.nowMilliseconds
          return try await pool.query(Probe.one)
        }
        return try await pool.transaction { transaction in
          _ = try await transaction.query(Probe.one)
          // Long enough for a pool that thinks itself idle to stop looking.
          await loop.sleep(milliseconds: 300)
          server.stop()
          began = loop.nowMilliseconds
          return try await transaction.query(Probe.one)
        }
      }
      let took = loop.nowMilliseconds - began
      #expect(error?.code == .timedOut(mayHaveExecuted: !inTransaction))
      #expect(took >= 1_490 && took < 5_000)
      #expect(log.downs == [.statementTimedOut(milliseconds: 1_500)])
      // The kernel accepts for it, so the next attempt ends by its own timer.
      #expect(await loop.wait(milliseconds: 20_000) { pool.counters.connectFailures > 0 })
      #expect(
        log.problems.contains {
          if case .connectTimedOut(_, 1_000) = $0 { true } else { false }
        })
      server.resume()
      #expect(await loop.wait(milliseconds: 20_000) { log.ready == 1 })
      #expect(try await pool.query(Probe.one) == [1])
    }
  }

  /// Goal: a statement that takes too long is cancelled by the server: it had no effect, and the
  /// connection goes on.
  @Test func slowStatementIsCancelledByTheServer() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.poolMax = 1
      options.statementMilliseconds = 20_000
      options.serverStatementMilliseconds = 200
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let began = loop.nowMilliseconds
      let error = await failure { try await pool.execute(Probe.sleep, [.integer(30_000)]) }
      #expect(error?.code == .timedOut(mayHaveExecuted: false))
      #expect(error?.server?.sqlState == "57014")
      #expect(loop.nowMilliseconds - began < 15_000)
      #expect(try await pool.query(Probe.one) == [1])
      #expect(pool.counters.connects == 1 && pool.counters.timeouts == 1)
    }
  }

  /// Goal: a standby, a read-only server and a dead host are passed over.
  @Test func hostsThatCannotWriteAreSkipped() async throws {
    try await withPostgres { loop, primary in
      let standby = try PrivatePostgres(standbyOf: primary)
      defer { standby.close() }
      let hosts = "/nowhere,\(standby.directory),\(primary.directory)"
      let ports = "5432,\(standby.port),\(primary.port)"
      let url = "host=\(hosts) port=\(ports) user=postgres dbname=postgres"
      let pool = try await PostgresPool.ready(loop, url, options: quickPostgres)
      defer { pool.close() }
      let port = Probe.text("port", "SELECT current_setting('port')")
      #expect(try await pool.query(port) == ["\(primary.port)"])
      // The standby alone: nothing to connect to.
      let lone = PostgresPool(
        loop: loop, location: try PostgresLocation(standby.url), options: quickPostgres)
      lone.start()
      defer { lone.close() }
      #expect(await failure { try await lone.query(port) }?.code == .notConnected)
      #expect(lone.lastFailure == .readOnly(host: "\(standby.directory)/.s.PGSQL.\(standby.port)"))
      // A failover: the primary dies, the standby is promoted.
      primary.kill()
      #expect(await loop.wait(milliseconds: 20_000) { !pool.isReady })
      try standby.psql("SELECT pg_promote()")
      #expect(await loop.wait(milliseconds: 20_000) { pool.isReady })
      #expect(try await pool.query(port) == ["\(standby.port)"])
      #expect(await loop.wait(milliseconds: 20_000) { lone.isReady })
    }
  }

  @Test func readOnlyDefaultIsSkippedUnlessAnyWillDo() async throws {
    try await withPostgres(settings: ["default_transaction_read_only=on"]) { loop, server in
      let pool = PostgresPool(
        loop: loop, location: try PostgresLocation(server.url), options: quickPostgres)
      pool.start()
      defer { pool.close() }
      #expect(shown(await failure { try await pool.query(Probe.one) }).contains("read-only"))
      let any = try await PostgresPool.ready(loop, server.url + "&target_session_attrs=any")
      defer { any.close() }
      #expect(try await any.query(Probe.one) == [1])
    }
  }

  /// Goal: a login that is refused says why, never the password, also over TCP and by a host name.
  @Test func refusedLoginShowsNoPassword() async throws {
    try await withPostgres(tcp: true) { loop, server in
      try server.psql("CREATE ROLE locked LOGIN PASSWORD 'right-one'")
      for host in ["127.0.0.1", "localhost", server.directory] {
        let place = host.hasPrefix("/") ? "@/postgres?host=\(host)&port=" : "@\(host):"
        func url(_ password: String) -> String {
          let tail = host.hasPrefix("/") ? "" : "/postgres"
          return "postgresql://locked:\(password)\(place)\(server.port)\(tail)"
        }
        let pool = PostgresPool(
          loop: loop, location: try PostgresLocation(url("wrong-one")), options: quickPostgres)
        let log = PoolLog(pool)
        pool.start()
        let error = await failure { try await pool.query(Probe.one) }
        #expect(error?.code == .notConnected)
        guard case .refused(_, let state, _) = pool.lastFailure else {
          Issue.record("\(pool.lastFailure)")
          pool.close()
          continue
        }
        #expect(state == "28P01")
        var text = "\(shown(error)) \(quoted(error)) \(log.problems) \(pool.location)"
        dump(pool.location, to: &text)
        if let error { dump(error, to: &text) }
        #expect(!text.contains("wrong-one"))
        pool.close()
        let right = try await PostgresPool.ready(loop, url("right-one"))
        #expect(try await right.query(Probe.one) == [1])
        right.close()
      }
    }
  }

  /// Goal: an attempt in which libpq itself changes to a second socket comes to its end.
  /// Method: `sslmode=allow` makes it do so after a refused login.
  @Test func secondSocketOfOneAttemptIsWatchedToo() async throws {
    try await withPostgres(tcp: true) { loop, server in
      let text = "postgresql://nobody:wrong@127.0.0.1:\(server.port)/postgres?sslmode=allow"
      let pool = PostgresPool(
        loop: loop, location: try PostgresLocation(text), options: quickPostgres)
      pool.start()
      defer { pool.close() }
      #expect(await failure { try await pool.query(Probe.one) }?.code == .notConnected)
      guard case .refused = pool.lastFailure else {
        return #expect("\(pool.lastFailure)" == "a refused login")
      }
    }
  }

  /// Goal: names are looked up off the loop; one that does not exist is an error like another.
  @Test func unknownHostFails() async throws {
    try await withPostgres { loop, server in
      let location = try PostgresLocation("postgresql://nobody@no-such-host.invalid/postgres")
      let pool = PostgresPool(loop: loop, location: location, options: quickPostgres)
      pool.start()
      defer { pool.close() }
      #expect(await failure { try await pool.query(Probe.one) }?.code == .notConnected)
    }
  }

  /// Goal: closing at any moment fails whoever waits and leaves nothing open: `withLoop` stops the
  /// process otherwise.
  @Test func closeAtAnyMomentLeavesNothing() async throws {
    try await withPostgres(tcp: true) { loop, server in
      for turns in 0..<12 {
        let pool = PostgresPool(
          loop: loop, location: try PostgresLocation(server.url), options: quickPostgres)
        pool.start()
        let tasks = (0..<20).map { _ in
          pool.begin { try await $0.execute(Probe.sleep, [.integer(30_000)]) }
        }
        for _ in 0..<turns { await loop.sleep(milliseconds: 1) }
        pool.close()
        for task in tasks {
          let code = await task.value.error?.code
          #expect(code == .closed || code == .connectionLost(mayHaveExecuted: true))
        }
        #expect(await failure { try await pool.query(Probe.one) }?.code == .closed)
      }
    }
  }
}
