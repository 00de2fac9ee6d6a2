// What clients see while a database is away, and right after.
import Portfolio
import PostgresClient
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct PortfolioFaultTests {
    @Test func withoutPostgresMoneyIs503AndWatchlistsComeFromTheCache() async throws {
      try await PortfolioScene.with { scene in
        let lists = try await scene.untilCached("watchlist:*", "/v2/watchlists")
        let profile = try await scene.untilCached("user:*:profile:*", "/v1/profile")
        let asset = try await scene.untilCached("asset:AAPL", "/v2/assets/AAPL")
        let list = try #require(lists[0]["id"]?.string)
        scene.postgres.kill()
        for path in ["/v2/account", "/v2/positions", "/v2/orders", "/v1/portfolio"] {
          #expect(try scene.refusal("GET", path).hasPrefix("503"), "\(path)")
        }
        #expect(
          try scene.refusal("POST", "/v2/watchlists/\(list)", #"{"symbol":"XOM"}"#).hasPrefix("503")
        )
        #expect(try scene.get("/v2/watchlists") == lists)
        #expect(try scene.get("/v2/watchlists/\(list)") == lists[0])
        #expect(try scene.get("/v1/profile") == profile)
        #expect(try scene.get("/v2/assets/AAPL") == asset)
        #expect(try scene.raw("GET", "/healthz").status == 200)
        try await scene.untilReady(false)
        try scene.postgres.start()
        try await scene.untilReady()
        #expect(try scene.get("/v2/account")["account_number"] == "PA1")
      }
    }

    @Test func withoutRedisEveryAnswerIsRight() async throws {
      try await PortfolioScene.with { scene in
        scene.trade("AAPL", "100")
        let lists = try scene.get("/v2/watchlists")
        scene.redis.kill()
        #expect(try scene.get("/v2/watchlists") == lists)
        #expect(try scene.get("/v1/profile")["display_name"] == "Ada")
        #expect(try scene.get("/v2/assets").array.count == 29)
        let positions = try scene.get("/v2/positions").array
        #expect(!positions.isEmpty && positions.allSatisfy { $0["stale"] == .bool(true) })
        let made = try scene.json("POST", "/v2/watchlists", #"{"name":"dark","symbols":["AAPL"]}"#)
        #expect(try scene.get("/v2/watchlists").array.last == made)
        try scene.psql("UPDATE watchlists SET name = 'darker' WHERE name = 'dark'")
        #expect(try scene.get("/v2/watchlists").array.last?["name"] == "darker")
        try scene.redis.start()
        // What Redis is asked for again is never older than what was seen without it.
        for _ in 0..<50 {
          #expect(try scene.get("/v2/watchlists").array.last?["name"] == "darker")
        }
        // As if a tape of yesterday had put an old value there.
        _ = scene.redis.command("FLUSHALL")
        #expect(try scene.get("/v2/watchlists").array.last?["name"] == "darker")
      }
    }

    /// A statement that nobody answers is ended; the client learns that nothing is known.
    @Test func aWriteThatTakesTooLongIs503() async throws {
      try await PortfolioScene.with {
        $0.postgresOptions.statementMilliseconds = 500
      } _: { scene in
        let list = try #require(try scene.get("/v2/watchlists")[0]["id"]?.string)
        scene.postgres.stop()
        defer { scene.postgres.resume() }
        let refusal = try scene.refusal("POST", "/v2/watchlists/\(list)", #"{"symbol":"XOM"}"#)
        #expect(refusal.hasPrefix("503"), "\(refusal)")
        #expect(try scene.refusal("GET", "/v2/account").hasPrefix("503"))
      }
    }
  }
}
