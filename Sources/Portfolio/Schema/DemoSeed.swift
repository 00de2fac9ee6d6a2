package import PostgresClient

/// The demo's rows: three users with the keys `demo`, `demo2` and `demo3` (whose secrets are their own
/// names, for this purpose alone), and what they hold. See `Migrations/demo_seed.sql`.
package enum DemoSeed {
  /// Inserts them, whole or not at all; false where they were there already. The schema and the market
  /// calendar of the last 60 trading days must be there.
  @discardableResult
  package static func insert(
    _ pool: PostgresPool, report: (String) -> Void = { _ in }
  ) async throws(MigrationError) -> Bool {
    let inserted = try await Migrator.transaction(pool) { transaction in
      _ = try await transaction.query(MigrationStatements.lock)
      if try await transaction.query(MigrationStatements.isSeeded) == [true] { return false }
      try await Migrator.run(PackageResources.demo_seed_sql, named: "demo_seed", transaction)
      return true
    }
    report(inserted ? "demo_seed: 3 users, 29 assets, 200 orders" : "demo_seed: there already")
    return inserted
  }
}
