// Goal: whoever changes a cached row tells the caches its key, by the log and by NOTIFY, when and only
// when the change is committed. Method: psql listens, does it, and prints what came.
import TestSupport
import Testing

@testable import Portfolio

@Suite(.serialized) struct StoreInvalidationTests {
  private typealias S = StoreScene

  private static let watchlist1 = "watchlist:\(S.user(1))"
  private static let watchlist2 = "watchlist:\(S.user(2))"
  private static let version1 = "user:\(S.user(1)):version"
  private static let version2 = "user:\(S.user(2)):version"

  /// Each in a database as `StoreScene` made it, in this order.
  private static let changes: [(sql: String, keys: Set<String>)] = [
    // Assets
    (
      "INSERT INTO assets (symbol, class, exchange, name) VALUES ('KO', 'us_equity', '', 'Cola')",
      ["asset:KO", "config:assets"]
    ),
    (
      "UPDATE assets SET name = 'Still' WHERE symbol IN ('KO', 'MSFT')",
      ["asset:KO", "asset:MSFT", "config:assets"]
    ),
    (
      """
      INSERT INTO assets (symbol, class, exchange, name) VALUES ('KO', 'us_equity', '', 'Cola'),
        ('PEP', 'us_equity', '', 'Pepsi') ON CONFLICT (symbol) DO UPDATE SET name = 'Both'
      """, ["asset:KO", "asset:PEP", "config:assets"]
    ),
    (
      """
      INSERT INTO assets (symbol, class, exchange, name) VALUES ('KO', 'us_equity', '', 'Cola')
        ON CONFLICT DO NOTHING
      """, []
    ),
    ("UPDATE assets SET name = 'None' WHERE symbol = 'NONE'", []),
    ("DELETE FROM assets WHERE symbol IN ('KO', 'NONE')", ["asset:KO", "config:assets"]),
    (
      "UPDATE assets SET symbol = 'APL' WHERE symbol = 'AAPL'",
      ["asset:AAPL", "asset:APL", "config:assets", watchlist1, watchlist2]
    ),
    (
      "MERGE INTO assets USING (VALUES ('PEP')) AS v (s) ON symbol = s WHEN MATCHED THEN DELETE",
      ["asset:PEP", "config:assets"]
    ),
    // Keys
    (
      """
      INSERT INTO api_keys (id, user_id, account_id, secret_sha256)
      VALUES ('key3', '\(S.user(1))', '\(S.account(1))', sha256('3'))
      """, ["apikey:key3"]
    ),
    ("UPDATE api_keys SET id = 'key4' WHERE id = 'key3'", ["apikey:key3", "apikey:key4"]),
    ("UPDATE api_keys SET revoked_at = now() WHERE id = 'key4'", ["apikey:key4"]),
    ("DELETE FROM api_keys WHERE id = 'key4'", ["apikey:key4"]),
    (
      "UPDATE api_keys SET revoked_at = now() WHERE id = 'key1'",
      ["apikey:key1", "session:session1"]
    ),
    // Sessions: not when one is made, not when one slides.
    (
      """
      INSERT INTO sessions (id, user_id, account_id, secret_sha256, expires_at)
      VALUES ('session3', '\(S.user(2))', '\(S.account(2))', sha256('3'), now() + interval '1 day')
      """, []
    ),
    ("UPDATE sessions SET last_seen = now() WHERE id = 'session3'", []),
    (
      "UPDATE sessions SET last_seen = now(), revoked_at = now() WHERE id = 'session3'",
      ["session:session3"]
    ),
    ("DELETE FROM sessions WHERE id = 'session3'", ["session:session3"]),
    // Profiles
    ("UPDATE profiles SET display_name = 'Uno' WHERE user_id = '\(S.user(1))'", [version1]),
    ("UPDATE profiles SET display_name = 'All'", [version1, version2]),
    ("UPDATE users SET name = 'New' WHERE id = '\(S.user(2))'", [version2]),
    ("UPDATE users SET created_at = now() WHERE id = '\(S.user(2))'", []),
    ("DELETE FROM profiles WHERE user_id = '\(S.user(1))'", [version1]),
    (
      """
      INSERT INTO profiles (user_id, display_name) VALUES ('\(S.user(1))', 'a'),
        ('\(S.user(2))', 'b') ON CONFLICT (user_id) DO UPDATE SET display_name = 'c'
      """, [version1, version2]
    ),
    // Watchlists
    ("INSERT INTO watchlists (account_id, name) VALUES ('\(S.account(2))', 'n')", [watchlist2]),
    ("UPDATE watchlists SET name = 'm' WHERE name = 'n'", [watchlist2]),
    (
      "UPDATE watchlists SET account_id = '\(S.account(1))' WHERE name = 'm'",
      [watchlist1, watchlist2]
    ),
    ("DELETE FROM watchlists WHERE name = 'm'", [watchlist1]),
    (
      "INSERT INTO watchlist_items VALUES ('\(S.list(2))', '\(S.asset(3))', 0)", [watchlist1]
    ),
    (
      "UPDATE watchlist_items SET watchlist_id = '\(S.list(3))', position = 1 WHERE asset_id = '\(S.asset(3))'",
      [watchlist1, watchlist2]
    ),
    ("DELETE FROM watchlist_items WHERE asset_id = '\(S.asset(3))'", [watchlist2]),
    ("DELETE FROM watchlists WHERE id = '\(S.list(1))'", [watchlist1]),
    (
      """
      WITH gone AS (DELETE FROM api_keys WHERE id = 'key2'), ended AS (
        DELETE FROM sessions WHERE id = 'session2'), lists AS (
        DELETE FROM watchlists WHERE id = '\(S.list(3))'), sold AS (
        DELETE FROM orders WHERE account_id = '\(S.account(2))')
      DELETE FROM accounts WHERE id = '\(S.account(2))'
      """, ["apikey:key2", "session:session2", watchlist2]
    ),
    // TRUNCATE shows no rows; it is met before.
    ("TRUNCATE profiles", [version1, version2]),
    ("TRUNCATE sessions", ["session:session1"]),
    (
      "INSERT INTO watchlist_items VALUES ('\(S.list(2))', '\(S.asset(1))', 0)", [watchlist1]
    ),
    ("TRUNCATE watchlist_items", [watchlist1]),
    ("TRUNCATE watchlists CASCADE", [watchlist1]),
    ("TRUNCATE api_keys CASCADE", ["apikey:key1"]),
    ("TRUNCATE assets CASCADE", ["asset:APL", "asset:MSFT", "asset:BTC/USD", "config:assets"]),
    // What a service enters itself
    ("INSERT INTO invalidation_log (key) VALUES ('session:s')", ["session:s"]),
  ]

  @Test func everyChangeIsLoggedAndAnnounced() throws {
    let scene = try StoreScene()
    defer { scene.close() }
    for (sql, keys) in Self.changes {
      try scene.server.psql("DELETE FROM invalidation_log")
      // Rolled back: silence.
      let undone = try scene.server.psql("LISTEN cache_invalidation; BEGIN; \(sql); ROLLBACK")
      #expect(Self.notified(undone).isEmpty, "\(sql)")
      #expect(try scene.server.psql("SELECT key FROM invalidation_log").isEmpty, "\(sql)")
      let done = try scene.server.psql("LISTEN cache_invalidation; \(sql)")
      let logged = try scene.server.psql("SELECT key FROM invalidation_log").split(separator: "\n")
      #expect(Self.notified(done) == keys, "\(sql)")
      #expect(Set(logged.map(String.init)) == keys, "\(sql)")
    }
  }

  private static func notified(_ output: String) -> Set<String> {
    let lines = output.split(separator: "\n").filter { $0.hasPrefix("Asynchronous notification") }
    return Set(lines.compactMap { $0.firstMatch(of: /payload "([^"]*)"/).map { String($0.1) } })
  }

  /// One entry for a key, however many rows a statement changes.
  @Test func oneStatementLogsAKeyOnce() throws {
    let scene = try StoreScene()
    defer { scene.close() }
    try scene.server.psql("UPDATE watchlist_items SET position = position + 10")
    #expect(
      try scene.server.psql("SELECT key, count(*) FROM invalidation_log GROUP BY key ORDER BY key")
        == "\(Self.watchlist1)|1\n\(Self.watchlist2)|1")
  }

  /// The cache keeps old versions under their numbers: none may come back.
  @Test func aProfilesVersionIsNeverUsedTwice() throws {
    let scene = try StoreScene()
    defer { scene.close() }
    let version = "SELECT version FROM profiles WHERE user_id = '\(S.user(1))'"
    var versions = [try scene.server.psql(version)]
    for sql in [
      "UPDATE profiles SET display_name = 'b' WHERE user_id = '\(S.user(1))'",
      "UPDATE profiles SET version = 1 WHERE user_id = '\(S.user(1))'",
      "UPDATE users SET name = 'c' WHERE id = '\(S.user(1))'",
      "DELETE FROM profiles WHERE user_id = '\(S.user(1))'; "
        + "INSERT INTO profiles (user_id, display_name) VALUES ('\(S.user(1))', 'd')",
    ] {
      try scene.server.psql(sql)
      versions.append(try scene.server.psql(version))
    }
    let numbers = versions.compactMap(Int.init)
    #expect(numbers.count == 5 && zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test func aSessionsVersionGrowsWithEachWrite() throws {
    let scene = try StoreScene()
    defer { scene.close() }
    try scene.server.psql("UPDATE sessions SET last_seen = now(); UPDATE sessions SET version = 1")
    #expect(try scene.server.psql("SELECT DISTINCT version FROM sessions") == "3")
  }
}
