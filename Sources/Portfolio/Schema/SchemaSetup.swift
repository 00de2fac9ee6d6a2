package import PostgresClient

/// What `tapedeck migrate` does: schema, market calendar, and the demo's rows when asked.
package enum SchemaSetup {
  package static func run(
    _ pool: PostgresPool, seed: Bool, microsecondsNow: Int64, report: @escaping (String) -> Void
  ) async throws(MigrationError) {
    try await Migrator(pool: pool, report: report).run()
    do {
      let days = try await MarketCalendar.extend(pool, microsecondsNow: microsecondsNow)
      if days > 0 { report("market calendar: \(days) days added") }
    } catch {
      throw .database(error)
    }
    if seed { try await DemoSeed.insert(pool, report: report) }
  }
}
