// Watchlists over HTTP: what is written is read back, by whoever reads, cache or not.
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct PortfolioWatchlistTests {
    private func symbols(_ list: WireValue) -> [String] {
      (list["assets"]?.array ?? []).compactMap { $0["symbol"]?.string }
    }

    @Test func aListFromItsCreationToItsDeletion() async throws {
      try await PortfolioScene.with { scene in
        let made = try scene.json(
          "POST", "/v2/watchlists", #"{"name":"new","symbols":["AAPL","BTCUSD","AAPL"]}"#)
        #expect(symbols(made) == ["AAPL", "BTC/USD"])
        let id = try #require(made["id"]?.string)
        let path = "/v2/watchlists/\(id)"
        #expect(try scene.get(path) == made)
        #expect(try scene.get("/v2/watchlists").array.last == made)

        let more = try scene.json("POST", path, #"{"symbol":"MSFT"}"#)
        #expect(symbols(more) == ["AAPL", "BTC/USD", "MSFT"])
        #expect(try scene.get(path) == more)
        #expect(symbols(try scene.json("POST", path, #"{"symbol":"AAPL"}"#)) == symbols(more))
        let less = try scene.json("DELETE", "\(path)/BTC/USD")
        #expect(symbols(less) == ["AAPL", "MSFT"])
        #expect(try scene.get(path) == less)
        #expect(try scene.refusal("DELETE", "\(path)/BTC/USD").hasPrefix("404"))

        let renamed = try scene.json("PUT", path, #"{"name":"newer"}"#)
        #expect(renamed["name"] == "newer" && symbols(renamed) == symbols(less))
        let changed = try scene.json("PUT", path, #"{"symbols":["TSLA","NVDA"]}"#)
        #expect(changed["name"] == "newer" && symbols(changed) == ["TSLA", "NVDA"])
        #expect(try scene.get(path) == changed)
        #expect(
          try scene.psql(
            "SELECT string_agg(symbol, ',' ORDER BY position) FROM watchlist_items "
              + "JOIN assets ON assets.id = asset_id WHERE watchlist_id = '\(id)'") == "TSLA,NVDA")

        #expect(try scene.ask("DELETE", path).status == 204)
        #expect(try scene.refusal("GET", path) == "404 watchlist not found")
        #expect(try scene.refusal("DELETE", path).hasPrefix("404"))
      }
    }

    /// A client that lost the answer asks again.
    @Test func aRepeatedCreationMakesNoSecondList() async throws {
      try await PortfolioScene.with { scene in
        let body = #"{"name":"once","symbols":["AAPL","MSFT"]}"#
        let first = try scene.json("POST", "/v2/watchlists", body)
        #expect(try scene.json("POST", "/v2/watchlists", body) == first)
        #expect(
          try scene.refusal("POST", "/v2/watchlists", #"{"name":"once","symbols":["AAPL"]}"#)
            == "409 name: another watchlist has it already")
        #expect(try scene.psql("SELECT count(*) FROM watchlists WHERE name = 'once'") == "1")
        // Another account's names are its own.
        let other = try scene.json("POST", "/v2/watchlists", body, as: "demo2")
        #expect(other["id"] != first["id"])
        let primary = try #require(
          try scene.get("/v2/watchlists").array.first { $0["name"] == "Primary" }?["id"]?.string)
        #expect(
          try scene.refusal("PUT", "/v2/watchlists/\(primary)", #"{"name":"once"}"#).hasPrefix(
            "409"))
        #expect(
          try scene.refusal("POST", "/v2/watchlists", #"{"name":"x","symbols":["AAPL","NOSUCH"]}"#)
            == "422 symbols: there is no asset NOSUCH")
        #expect(try scene.psql("SELECT count(*) FROM watchlists WHERE name = 'x'") == "0")
      }
    }

    @Test func theCacheHoldsIdsNamesAndSymbolsAndForgetsWhatIsWritten() async throws {
      try await PortfolioScene.with { scene in
        let user = try scene.psql("SELECT user_id FROM accounts WHERE account_number = 'PA1'")
        let lists = try await scene.untilCached("watchlist:*", "/v2/watchlists")
        let cached = try #require(scene.redis.command("GET", "watchlist:\(user)"))
        #expect(cached.contains("Primary") && cached.contains("AAPL"))
        #expect(!cached.contains("Apple") && !cached.contains("us_equity"))
        // By psql: within 100 ms of the commit nobody reads the old one.
        try scene.psql("UPDATE watchlists SET name = 'By hand' WHERE name = 'Primary'")
        #expect(
          try await until(milliseconds: 1_000) {
            try scene.get("/v2/watchlists").array.contains { $0["name"] == "By hand" }
          })
        #expect(lists.array.count == (try scene.get("/v2/watchlists")).array.count)
        // Bytes that others wrote are no watchlists.
        _ = scene.redis.command("SET", "watchlist:\(user)", "w1 [{}]", "PX", "60000")
        #expect(
          try scene.get("/v2/watchlists").array.contains { $0["name"] == "By hand" })
      }
    }
  }
}
