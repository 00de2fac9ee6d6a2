import EventLoops
import PostgresClient
import TestSupport
import Testing

@Suite(.serialized) struct PostgresQueryTests {
  @Test func statementsReturnTypedRows() async throws {
    try await withPostgres { loop, server in
      let pool = try await PostgresPool.ready(loop, server.url)
      defer { pool.close() }
      #expect(try await pool.query(Probe.one) == [1])
      #expect(try await pool.query(Probe.echo, [.integer(.min)]) == [.min])
    }
  }

  /// Goal: an error in the middle of a pipeline fails its own statement and no other.
  @Test func errorInThePipelineIsolates() async throws {
    try await withPostgres { loop, server in
      var options = PostgresOptions()
      options.poolMax = 1
      let pool = try await PostgresPool.ready(loop, server.url, options: options)
      defer { pool.close() }
      let first = pool.begin { try await $0.query(Probe.divide, [.integer(10)]) }
      let broken = pool.begin { try await $0.query(Probe.divide, [.integer(0)]) }
      let last = pool.begin { try await $0.query(Probe.divide, [.integer(50)]) }
      #expect(pool.counters.statementsUnderWay == 3)
      #expect(try await first.value.get() == [10])
      #expect(try await last.value.get() == [2])
      let error = await broken.value.error
      #expect(error?.sqlState == "22012" && error?.statement == "probe_divide")
      #expect(pool.counters.errors == 1 && pool.counters.connectionsLost == 0)
    }
  }
}
