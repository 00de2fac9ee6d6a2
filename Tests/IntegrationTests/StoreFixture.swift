import EventLoops
import PostgresClient
import TestSupport
import Testing

@testable import Portfolio

/// A database with the rows of `StoreScene`, and a store on a loop; the body runs on the loop.
func withStore(
  options: PostgresOptions = PostgresOptions(),
  _ body: @escaping @Sendable (PortfolioStore, StoreScene) async throws -> Void
) async throws {
  let box = SceneBox(scene: try StoreScene())
  defer { box.scene.close() }
  try await withLoop("store") { loop in
    try await withPool(loop, box.scene.server.url, options: options) { pool in
      try await body(PortfolioStore(pool: pool), box.scene)
    }
  }
}

/// A database as `tapedeck migrate --seed` leaves it, and a store on a loop.
func withDemo(
  _ body: @escaping @Sendable (PortfolioStore, PrivatePostgres) async throws -> Void
) async throws {
  try await withPostgres { loop, server in
    try await withPool(loop, server.url, options: Migrator.poolOptions) { pool in
      try await SchemaSetup.run(
        pool, seed: true, microsecondsNow: Housekeeping.wallClock(), report: { _ in })
    }
    try await withPool(loop, server.url) { pool in
      try await body(PortfolioStore(pool: pool), server)
    }
  }
}

func withPool<T>(
  _ loop: EventLoop, _ url: String, options: PostgresOptions = PostgresOptions(),
  _ body: (PostgresPool) async throws -> T
) async throws -> T {
  let pool = try await PostgresPool.ready(loop, url, options: options)
  defer { pool.close() }
  return try await body(pool)
}

/// `@unchecked Sendable`: the test's task and the loop never use the scene at the same time.
private struct SceneBox: @unchecked Sendable {
  let scene: StoreScene
}

/// The three accounts and users of the demo, in order.
func demoAccounts(_ server: PrivatePostgres) throws -> [(account: String, user: String)] {
  try server.psql("SELECT id, user_id FROM accounts ORDER BY account_number")
    .split(separator: "\n").map { line in
      let ids = line.split(separator: "|").map(String.init)
      return (ids[0], ids[1])
    }
}
