import EventLoops
import PostgresClient
import TestSupport
import Testing

@Suite(.serialized) struct PostgresPoolTests {
  /// Goal: 10,000 callers at once get their own answers through 8 connections.
  @Test func tenThousandCallersShareEightConnections() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.waitersMax = 10_000
      options.waitMilliseconds = 60_000
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let tasks = (0..<10_000).map { number in
        pool.begin { try await $0.query(Probe.echo, [.integer(Int64(number))]) }
      }
      #expect(pool.counters.statementsUnderWay == options.pipelineMax)
      #expect(pool.counters.waiters == 10_000 - options.pipelineMax)
      for (number, task) in tasks.enumerated() {
        let answer = try await task.value.get()
        guard answer == [Int64(number)] else {
          Issue.record("\(number): \(answer)")
          return
        }
      }
      #expect(pool.counters.connections <= 8 && pool.counters.connections > 1)
      let sessions = try server.psql(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tapedeck'")
      #expect(sessions == "\(pool.counters.connections)")
      #expect(pool.counters.connectionsLost == 0)
    }
  }

  /// Goal: over the bound callers are refused at once, and nothing was sent for them.
  @Test func waitersAreBounded() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.poolMax = 1
      options.pipelineMax = 2
      options.waitersMax = 3
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let tasks = (0..<10).map { _ in
        pool.begin { try await $0.execute(Probe.sleep, [.integer(20)]) }
      }
      var full = 0
      var done = 0
      for task in tasks {
        switch await task.value {
        case .success: done += 1
        case .failure(let error):
          #expect(error.code == .full && error.isUnavailable && !error.mayHaveExecuted)
          full += 1
        }
      }
      #expect(done == 5 && full == 5)
      #expect(pool.counters.refusedFull == 5 && pool.counters.statements == 5)
    }
  }

  /// Goal: who waits too long for a connection is told so, statement or transaction alike.
  @Test func waitingIsBoundedInTime() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.poolMax = 1
      options.waitMilliseconds = 100
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let holder = pool.begin { pool in
        try await pool.transaction { try await $0.execute(Probe.sleep, [.integer(2_000)]) }
      }
      let began = loop.nowMilliseconds
      let statement = pool.begin { try await $0.query(Probe.one) }
      let transaction = pool.begin { pool in
        try await pool.transaction { try await $0.query(Probe.one) }
      }
      #expect(await statement.value.error?.code == .waitTimedOut)
      #expect(await transaction.value.error?.code == .waitTimedOut)
      #expect(loop.nowMilliseconds - began < 1_500)
      _ = try await holder.value.get()
      #expect(try await pool.query(Probe.one) == [1])
      #expect(pool.counters.refusedLate == 2)
    }
  }

  /// Goal: who waits while there is no connection at all learns whom the pool is calling.
  @Test func waitingForAServerThatSaysNothingNamesIt() async throws {
    try await withPostgres { loop, server in
      server.stop()
      defer { server.resume() }
      var options = PostgresOptions()
      options.waitMilliseconds = 100
      let pool = PostgresPool(
        loop: loop, location: try PostgresLocation(server.url), options: options)
      defer { pool.close() }
      pool.start()
      let error = await pool.begin { try await $0.query(Probe.one) }.value.error
      #expect(error?.code == .notConnected)
      #expect(shown(error).contains("no answer yet from postgresql://"), "\(shown(error))")
    }
  }

  /// Goal: small statements do not wait behind a long one while another connection can be had.
  @Test func longStatementHoldsNobodyUp() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.poolMax = 2
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let slow = pool.begin { try await $0.execute(Probe.sleep, [.integer(3_000)]) }
      await loop.sleep(milliseconds: 50)
      let began = loop.nowMilliseconds
      for _ in 0..<20 { #expect(try await pool.query(Probe.one) == [1]) }
      #expect(loop.nowMilliseconds - began < 2_000)
      _ = try await slow.value.get()
      #expect(pool.counters.connections == 2)
    }
  }

  /// Goal: a cancelled caller hears at once; others, before and behind, are not touched.
  @Test func cancellingOneTouchesNobodyElse() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.poolMax = 1
      options.pipelineMax = 2
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let tasks = (0..<6).map { number in
        pool.begin { pool in
          try await pool.execute(Probe.sleep, [.integer(200)])
          return try await pool.query(Probe.echo, [.integer(Int64(number))])
        }
      }
      // One under way, one that waits.
      tasks[1].cancel()
      tasks[4].cancel()
      _ = await tasks[4].value
      #expect(pool.counters.waiters <= 3)
      for (number, task) in tasks.enumerated() {
        let result = await task.value
        if number == 1 || number == 4 {
          #expect(result.error?.code == .cancelled)
        } else {
          #expect(try result.get() == [Int64(number)])
        }
      }
      #expect(pool.counters.waiters == 0)
      #expect(await loop.wait(milliseconds: 20_000) { pool.counters.statementsUnderWay == 0 })
      #expect(pool.counters.connectionsLost == 0)
    }
  }

  /// Goal: connections that nobody needs are given back, but for one.
  @Test func idleConnectionsAreClosed() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.idleMilliseconds = 100
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let tasks = (0..<200).map { _ in
        pool.begin { try await $0.execute(Probe.sleep, [.integer(5)]) }
      }
      for task in tasks { _ = try await task.value.get() }
      #expect(pool.counters.connections > 1)
      #expect(await loop.wait(milliseconds: 20_000) { pool.counters.connections == 1 })
      #expect(pool.counters.connectionsLost == 0)
      #expect(try await pool.query(Probe.one) == [1])
    }
  }
}
