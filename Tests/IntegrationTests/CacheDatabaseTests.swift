// The database's own events: whoever writes, psql included, no stale answer afterwards.
import Caching
import EventLoops
import PostgresClient
import RedisClient
import TestSupport
import Testing

/// A table with the trigger that the schema has, a Redis that keeps its values over a restart, and
/// processes' worth of caches over both.
final class CacheDatabase {
  let loop: EventLoop
  let postgres: PrivatePostgres
  let redis: PrivateRedis
  let pool: PostgresPool
  private(set) var queries = 0
  private var parts: [(CacheAside, InvalidationFeed)] = []

  /// LISTEN logs in as `feed`, so that it can be kept out while everything else goes on.
  init(_ loop: EventLoop, _ postgres: PrivatePostgres, _ redis: PrivateRedis) async throws {
    self.loop = loop
    self.postgres = postgres
    self.redis = redis
    try postgres.psql(
      """
      CREATE ROLE feed LOGIN;
      CREATE TABLE lists (user_id text PRIMARY KEY, body text NOT NULL);
      CREATE TABLE invalidation_log (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
      CREATE FUNCTION notifies() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_notify('cache_invalidation', NEW.key); RETURN NULL; END $$;
      CREATE TRIGGER notifies AFTER INSERT ON invalidation_log
        FOR EACH ROW EXECUTE FUNCTION notifies();
      CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO invalidation_log (key) VALUES ('watchlist:' || NEW.user_id);
        RETURN NULL;
      END $$;
      CREATE TRIGGER logs AFTER INSERT OR UPDATE ON lists FOR EACH ROW EXECUTE FUNCTION logs();
      INSERT INTO lists VALUES ('1', 'old');
      """)
    pool = try await PostgresPool.ready(loop, postgres.url, options: quickPostgres)
  }

  func process() async throws -> (CacheAside, InvalidationFeed) {
    let connection = RedisConnection(
      loop: loop, url: try RedisURL(redis.url), options: quickOptions)
    let cache = CacheAside(
      loop: loop, redis: connection, options: quickCacheOptions, subscriberOptions: quickOptions)
    let feed = InvalidationFeed(
      loop: loop, location: try PostgresLocation(postgres.url(user: "feed")), database: pool,
      caches: [cache], options: quickPostgres)
    parts.append((cache, feed))
    cache.start()
    feed.start()
    try #require(await loop.wait { cache.isAvailable && cache.isListening })
    return (cache, feed)
  }

  func close() {
    for (cache, feed) in parts {
      feed.close()
      cache.close()
    }
    pool.close()
  }

  private static let body = PostgresStatement(
    "list_body", "SELECT body FROM lists WHERE user_id = $1", [.text]
  ) { row throws(PostgresError) in try row.string(0) }

  func text(_ cache: CacheAside, user: String = "1") async throws -> (String?, CacheOutcome) {
    let answer = try await cache.read("watchlist:\(user)", CachePolicies.watchlist) {
      self.queries += 1
      let rows = try await self.pool.query(CacheDatabase.body, [.text(user)])
      return rows.first.map { Array($0.utf8) }
    }
    return (answer.value.map { String(decoding: $0, as: UTF8.self) }, answer.outcome)
  }

  /// Reads until it is a hit.
  func warm(_ cache: CacheAside, _ expected: String?, user: String = "1") async throws {
    for _ in 0..<200 {
      let (text, outcome) = try await self.text(cache, user: user)
      #expect(text == expected)
      if outcome == .hit { return }
    }
    Issue.record("never a hit")
  }
}

private func withCacheDatabase(
  _ body: @escaping @Sendable (CacheDatabase) async throws -> Void
) async throws {
  try await withPostgres { loop, postgres in
    // Values survive its kill, as those of a Redis that was only out of reach.
    let redis = try PrivateRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
    defer { redis.close() }
    let database = try await CacheDatabase(loop, postgres, redis)
    let result: Result<Void, any Error>
    do {
      try await body(database)
      result = .success(())
    } catch { result = .failure(error) }
    database.close()
    try result.get()
  }
}

@Suite(.serialized) struct CacheDatabaseTests {
  /// Goal: a psql UPDATE invalidates within 100 ms of its commit. Method: the server says when it
  /// wrote; reads go on meanwhile, until one is new.
  @Test func psqlUpdateInvalidatesWithin100Milliseconds() async throws {
    try await withCacheDatabase { database in
      let (cache, _) = try await database.process()
      try await database.warm(cache, "old")
      let box = PostgresBox(database.postgres)
      let update = Task.detached {
        try box.server.psql(
          """
          UPDATE lists SET body = 'new' WHERE user_id = '1'
          RETURNING (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
          """)
      }
      var seen: Int64 = 0
      for _ in 0..<10_000 where seen == 0 {
        if try await database.text(cache).0 == "new" { seen = EventLoop.wallNanoseconds / 1_000 }
        await database.loop.sleep(milliseconds: 1)
      }
      let written = try #require(Int64(try await update.value))
      #expect(seen > 0 && seen - written < 100_000, "\(seen - written) us")
    }
  }

  @Test func insertEndsTheAbsenceOfItsRow() async throws {
    try await withCacheDatabase { database in
      let (cache, feed) = try await database.process()
      try await database.warm(cache, nil, user: "2")
      let notified = feed.counters.notifications
      try database.postgres.psql("INSERT INTO lists VALUES ('2', 'there')")
      try #require(await database.loop.wait { feed.counters.notifications > notified })
      let (text, _) = try await database.text(cache, user: "2")
      #expect(text == "there")
    }
  }

  /// Goal: a write while LISTEN is cut leaves no stale answer. Method: LISTEN is ended and kept out,
  /// psql writes, LISTEN may come back. Redis is there all the time and holds the old value.
  @Test func writeWhileListenIsCutLeavesNoStaleAnswer() async throws {
    try await withCacheDatabase { database in
      let (cache, feed) = try await database.process()
      try await database.warm(cache, "old")
      try database.postgres.psql(
        """
        ALTER ROLE feed NOLOGIN;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'feed';
        """)
      try #require(await database.loop.wait { !feed.isListening })
      try database.postgres.psql("UPDATE lists SET body = 'new'")
      for _ in 0..<3 {
        let (text, outcome) = try await database.text(cache)
        #expect(text == "new" && outcome == .bypass(.unavailable), "held off")
      }
      #expect(database.redis.number("EXISTS", "watchlist:1") == 1)
      #expect(feed.counters.notifications == 0)
      try database.postgres.psql("ALTER ROLE feed LOGIN")
      while !cache.isAvailable {
        let (text, _) = try await database.text(cache)
        #expect(text == "new")
      }
      try await database.warm(cache, "new")
    }
  }

  /// Goal: a write while Redis is down, and its restart with the old value, leave no stale answer.
  @Test func writeWhileRedisIsDownLeavesNoStaleAnswer() async throws {
    try await withCacheDatabase { database in
      let (cache, _) = try await database.process()
      try await database.warm(cache, "old")
      database.redis.kill()
      try #require(await database.loop.wait { !cache.isAvailable })
      try database.postgres.psql("UPDATE lists SET body = 'new'")
      let (text, outcome) = try await database.text(cache)
      #expect(text == "new" && outcome == .bypass(.unavailable))
      try database.redis.start()
      while !cache.isAvailable {
        let (text, _) = try await database.text(cache)
        #expect(text == "new")
      }
      try await database.warm(cache, "new")
    }
  }

  /// Goal: what was written before a process began to listen is not read from Redis. Method: the value
  /// is cached, the process ends, psql writes, another process starts. Nobody heard of the write: only
  /// the log has it.
  @Test func writeWhileNobodyListenedIsFoundInTheLog() async throws {
    try await withCacheDatabase { database in
      let (first, feed) = try await database.process()
      try await database.warm(first, "old")
      feed.close()
      first.close()
      try database.postgres.psql("UPDATE lists SET body = 'new'")
      #expect(database.redis.number("EXISTS", "watchlist:1") == 1)
      let (second, _) = try await database.process()
      try await database.warm(second, "new")
    }
  }

  /// Only the last two TTLs of the log matter: what was written before has expired since.
  @Test func logIsReadForTwoTimesToLive() async throws {
    try await withCacheDatabase { database in
      try database.postgres.psql(
        """
        INSERT INTO lists VALUES ('2', 'b'), ('3', 'c');
        TRUNCATE invalidation_log;
        INSERT INTO invalidation_log (key, at) VALUES
          ('watchlist:2', clock_timestamp() - interval '590 s'),
          ('watchlist:3', clock_timestamp() - interval '610 s');
        """)
      for user in ["2", "3"] {
        _ = database.redis.command("SET", "watchlist:\(user)", "1 x", "PX", "60000")
      }
      _ = try await database.process()
      #expect(database.redis.number("EXISTS", "watchlist:2") == 0)
      #expect(database.redis.number("EXISTS", "watchlist:3") == 1)
    }
  }

  /// No database: nobody can have written, so what Redis holds is the answer.
  @Test func watchlistsComeFromTheCacheWhilePostgresIsDown() async throws {
    try await withCacheDatabase { database in
      let (cache, feed) = try await database.process()
      try await database.warm(cache, "old")
      database.postgres.kill()
      try #require(await database.loop.wait { !feed.isListening })
      let (text, outcome) = try await database.text(cache)
      #expect(text == "old" && outcome == .hit)
      await #expect(throws: PostgresError.self) {
        _ = try await database.text(cache, user: "unknown")
      }
      try database.postgres.start()
      try #require(await database.loop.wait { cache.isAvailable })
      try database.postgres.psql("UPDATE lists SET body = 'new'")
      try #require(await database.loop.wait { feed.counters.notifications > 0 })
      try await database.warm(cache, "new")
    }
  }

  @Test func keyThatWriteThroughCouldNotSetReachesOtherProcesses() async throws {
    try await withCacheDatabase { database in
      let (_, feed) = try await database.process()
      final class Heard { var keys: [String] = [] }
      let heard = Heard()
      feed.onKey = { heard.keys.append($0) }
      try await InvalidationLog.enter("session:s", in: database.pool)
      try #require(await database.loop.wait { heard.keys == ["session:s"] })
    }
  }
}
