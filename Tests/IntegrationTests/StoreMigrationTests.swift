// Goal: a database comes to our schema once, in order, whole or not at all, whoever else tries; and a
// database that is not a beginning of ours is left alone.
import EventLoops
import PostgresClient
import TestSupport
import Testing

@testable import Portfolio

@Suite(.serialized) struct StoreMigrationTests {
  private static func script(_ number: Int, _ name: String, _ sql: String) -> Migration {
    Migration(number, name, Array(sql.utf8))
  }

  private static let two = [
    script(1, "first", "CREATE TABLE a (n int);\nINSERT INTO a VALUES (1);"),
    script(2, "second", "INSERT INTO a VALUES (2);"),
  ]

  @Test func anEmptyDatabaseGetsEverythingAndAnExistingOneTheRest() async throws {
    try await withPostgres { loop, server in
      try await withPool(loop, server.url, options: Migrator.poolOptions) { pool in
        let lines = Lines()
        let early = Array(Migration.all.prefix(4))
        #expect(try await Migrator(pool: pool, migrations: early).run() == 4)
        let now = Housekeeping.wallClock()
        try await SchemaSetup.run(
          pool, seed: true, microsecondsNow: now, report: { lines.all.append($0) })
        #expect(lines.all.first == "m0005_orders: applying")
        #expect(lines.all.contains("schema is at \(Migration.all.last!.label), 6 applied"))
        #expect(lines.all.last == "demo_seed: 3 users, 29 assets, 200 orders")
        #expect(
          try server.psql(
            "SELECT string_agg(number::text, ',' ORDER BY applied_at) FROM schema_migrations")
            == "1,2,3,4,5,6,7,8,9,10")
        // Again: nothing happens.
        let days = try server.psql("SELECT count(*) FROM market_calendar")
        lines.all = []
        try await SchemaSetup.run(
          pool, seed: true, microsecondsNow: now, report: { lines.all.append($0) })
        #expect(
          lines.all == [
            "schema is up to date (\(Migration.all.last!.label))", "demo_seed: there already",
          ])
        #expect(try server.psql("SELECT count(*) FROM market_calendar") == days)
        // What the issue asks of the demo, and its state's consistency.
        #expect(
          try server.psql(
            """
            SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders),
              (SELECT count(DISTINCT status) FROM orders) >= 10, (SELECT count(*) FROM assets),
              (SELECT count(*) FROM positions WHERE qty < 0), (SELECT min(cash) > 0 FROM accounts)
            """) == "3|200|t|29|1|t")
        #expect(
          try server.psql(
            """
            SELECT count(*) FROM positions AS held WHERE qty <> (
              SELECT sum(CASE side WHEN 'buy' THEN f.qty ELSE -f.qty END)
              FROM fills AS f JOIN orders AS o ON o.id = f.order_id
              WHERE f.account_id = held.account_id AND o.asset_id = held.asset_id)
            """) == "0")
      }
    }
  }

  @Test func severalRunnersAtOnceApplyEachOnce() async throws {
    try await withPostgres { _, server in
      let url = server.url
      let counts = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<3 {
          group.addTask {
            try await withLoop("migrate-\(number)") { loop in
              try await withPool(loop, url, options: Migrator.poolOptions) { pool in
                let count = try await Migrator(pool: pool).run()
                try await MarketCalendar.extend(pool, microsecondsNow: 0)
                try await DemoSeed.insert(pool) { _ in }
                return count
              }
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(counts.reduce(0, +) == Migration.all.count)
      #expect(try server.psql("SELECT count(*) FROM users") == "3")
    }
  }

  @Test func aDatabaseThatIsNotABeginningOfOursIsLeftAlone() async throws {
    try await withPostgres { loop, server in
      try await withPool(loop, server.url, options: Migrator.poolOptions) { pool in
        try await Migrator(pool: pool, migrations: Self.two).run()
        let changed = [Self.script(1, "first", "CREATE TABLE b (n int)")] + Self.two.dropFirst()
        let third = Self.script(3, "third", "INSERT INTO a VALUES (3)")
        #expect(
          await Self.refusal(pool, changed + [third])
            == "m0001_first was changed after it had been applied to this database")
        #expect(
          await Self.refusal(pool, [Self.two[0], Self.script(2, "other", "SELECT 1"), third])
            == "this database has m0002_second where this executable has m0002_other")
        #expect(
          await Self.refusal(pool, [Self.two[0]])
            == "this database has m0002_second, which this executable does not know: it is older")
        try server.psql("DELETE FROM schema_migrations WHERE number = 1")
        #expect(await Self.refusal(pool, Self.two) == "schema_migrations has a gap after 0")
        #expect(try server.psql("SELECT string_agg(n::text, ',') FROM a") == "1,2")
      }
    }
  }

  @Test func aRefusedStatementTakesItsScriptBackAndIsNamed() async throws {
    try await withPostgres { loop, server in
      try await withPool(loop, server.url, options: Migrator.poolOptions) { pool in
        let broken = Self.script(
          3, "third", "INSERT INTO a VALUES (3);\n\n-- one more\nINSERT INTO a VALUES ('x');")
        #expect(
          await Self.refusal(pool, Self.two + [broken])
            == "m0003_third, line 4: invalid input syntax for type integer: \"x\" (22P02)")
        let kept = try server.psql("SELECT string_agg(n::text, ',') FROM a")
        #expect(kept == "1,2")
        // Repaired, it is applied.
        let repaired = Self.script(3, "third", "INSERT INTO a VALUES (3)")
        #expect(try await Migrator(pool: pool, migrations: Self.two + [repaired]).run() == 1)
        #expect(try server.psql("SELECT string_agg(n::text, ',') FROM a") == "1,2,3")
      }
    }
  }

  @Test func yearsOfTheCalendarThatAreThereStay() async throws {
    try await withStore { store, scene in
      // The scene has one day of 2026.
      let now: Int64 = 1_795_242_180_000_000
      let added = try await MarketCalendar.extend(store.pool, microsecondsNow: now)
      #expect(added > 1_700)
      #expect(try await MarketCalendar.extend(store.pool, microsecondsNow: now) == 0)
      let year = try await store.calendar(start: "2026-01-01", end: "2026-12-31")
      #expect(year.map(\.date) == ["2026-11-20"])
      let past = try await store.calendar(start: "2025-11-27", end: "2025-12-01")
      #expect(past.map(\.date) == ["2025-11-28", "2025-12-01"])
      #expect(past.map(\.close) == ["13:00", "16:00"])
      #expect(
        try scene.server.psql("SELECT min(day), max(day) FROM market_calendar")
          == "2021-01-04|2028-12-29")
    }
  }

  private static func refusal(_ pool: PostgresPool, _ migrations: [Migration]) async -> String {
    do {
      return "applied \(try await Migrator(pool: pool, migrations: migrations).run())"
    } catch {
      return "\(error)"
    }
  }

  private final class Lines {
    var all: [String] = []
  }
}
