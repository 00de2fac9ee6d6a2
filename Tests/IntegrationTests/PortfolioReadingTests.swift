// What each endpoint means, against the demo's rows as psql tells them.
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct PortfolioReadingTests {
    @Test func moneyIsExactAndMarkedAtLivePrices() async throws {
      try await PortfolioScene.with { scene in
        let mine = "account_id = (SELECT id FROM accounts WHERE account_number = 'PA1')"
        try scene.psql(
          "UPDATE accounts SET cash = 123456.100000000000000001 WHERE account_number = 'PA1'")
        try scene.psql("DELETE FROM positions WHERE \(mine)")
        for (symbol, qty, cost) in [
          ("AAPL", "10", "1900.5"), ("BTC/USD", "0.00000001", "0.0006"), ("MSFT", "3", "1200"),
          ("TSLA", "1.5", "300"),
        ] {
          try scene.psql(
            """
            INSERT INTO positions (account_id, asset_id, qty, cost_basis)
            SELECT accounts.id, assets.id, \(qty), \(cost) FROM accounts, assets
            WHERE account_number = 'PA1' AND symbol = '\(symbol)'
            """)
        }
        scene.trade("AAPL", "189.970000001")
        scene.trade("BTC/USD", "61837.5")
        scene.last("MSFT", "418.61")

        let positions = try scene.get("/v2/positions").array
        #expect(positions.map { $0["symbol"]?.string } == ["AAPL", "BTC/USD", "MSFT", "TSLA"])
        func row(_ place: Int) -> [String?] {
          ["qty", "cost_basis", "current_price", "market_value", "unrealized_pl"].map {
            positions[place][$0]?.string
          }
        }
        #expect(row(0) == ["10", "1900.5", "189.970000001", "1899.70000001", "-0.79999999"])
        #expect(row(1) == ["0.00000001", "0.0006", "61837.5", "0.000618375", "0.000018375"])
        #expect(row(2) == ["3", "1200", "418.61", "1255.83", "55.83"])
        #expect(row(3) == ["1.5", "300", nil, nil, nil])
        #expect(positions[0]["price_as_of"] == "2026-11-21T06:23:00Z")
        #expect(positions[2]["price_as_of"] == "2026-11-20T20:00:00Z")
        #expect(positions[2]["unrealized_plpc"] == "0.046525")
        #expect(positions.map { $0["stale"] } == [false, false, true, true].map { .bool($0) })
        // The average is the cost's; nothing comes as a binary float.
        #expect(positions[0]["avg_entry_price"] == "190.05")

        let account = try scene.get("/v2/account")
        #expect(account["cash"] == "123456.100000000000000001")
        // 1899.70000001 + 0.000618375 + 1255.83, and TSLA at its cost.
        #expect(account["long_market_value"] == "3455.530618385")
        #expect(account["equity"] == "126911.630618385000000001")
        #expect(account["prices_stale"] == ["MSFT", "TSLA"])

        for name in [
          "BTC/USD", "BTC%2FUSD", "BTCUSD", try #require(positions[1]["asset_id"]?.string),
        ] {
          #expect(try scene.get("/v2/positions/\(name)")["symbol"] == "BTC/USD", "\(name)")
        }
        let whole = try scene.get("/v1/portfolio")
        #expect(whole["account"] == account)
        #expect(whole["positions"] == .array(positions))
        #expect(whole["watchlists"] == (try scene.get("/v2/watchlists")))
        let open = try scene.psql("SELECT count(*) FROM orders WHERE is_open AND \(mine)")
        #expect(whole["open_orders"]?.array.count == Int(open))
      }
    }

    /// Goal: no money is cached. Method: psql changes it; the next request shows it.
    @Test func whatPsqlChangesTheNextRequestShows() async throws {
      try await PortfolioScene.with { scene in
        for cash in ["1", "2.5", "1000000.000000001"] {
          try scene.psql("UPDATE accounts SET cash = \(cash) WHERE account_number = 'PA1'")
          #expect(try scene.get("/v2/account")["cash"] == .string(cash))
        }
        let order = try scene.get("/v2/orders?limit=1")[0]
        let id = try #require(order["id"]?.string)
        try scene.psql("UPDATE orders SET client_order_id = 'renamed' WHERE id = '\(id)'")
        #expect(try scene.get("/v2/orders/\(id)")["client_order_id"] == "renamed")
        #expect(
          try scene.get("/v2/orders:by_client_order_id?client_order_id=renamed")["id"]
            == .string(id))
      }
    }

    @Test func ordersAndFillsAreChosenAsAsked() async throws {
      try await PortfolioScene.with { scene in
        let mine = "orders.account_id = (SELECT id FROM accounts WHERE account_number = 'PA1')"
        func ids(_ answer: WireValue) -> [String] { answer.array.compactMap { $0["id"]?.string } }
        func stored(_ condition: String, _ order: String = "DESC", limit: Int = 500) throws
          -> [String]
        {
          try scene.psql(
            """
            SELECT orders.id FROM orders JOIN assets ON assets.id = asset_id
            WHERE \(mine) AND \(condition)
            ORDER BY submitted_at \(order), orders.id \(order) LIMIT \(limit)
            """
          ).split(separator: "\n").map(String.init)
        }
        let all = try stored("true")
        #expect(ids(try scene.get("/v2/orders?status=all&limit=500")) == all)
        #expect(ids(try scene.get("/v2/orders")) == (try stored("is_open", limit: 50)))
        #expect(
          ids(try scene.get("/v2/orders?status=closed&limit=7"))
            == (try stored("NOT is_open", limit: 7)))
        #expect(
          ids(try scene.get("/v2/orders?status=all&direction=asc&limit=9"))
            == (try stored("true", "ASC", limit: 9)))
        #expect(
          ids(try scene.get("/v2/orders?status=all&limit=500&side=sell"))
            == (try stored("side = 'sell'")))
        #expect(
          ids(try scene.get("/v2/orders?status=all&limit=500&symbols=MSFT%2CBTCUSD"))
            == (try stored("symbol IN ('MSFT', 'BTC/USD')")))
        let middle = try #require(
          try scene.get("/v2/orders/\(all[all.count / 2])")["submitted_at"]?.string)
        #expect(
          ids(try scene.get("/v2/orders?status=all&limit=500&after=\(middle)"))
            == (try stored("submitted_at > '\(middle)'")))
        #expect(
          ids(try scene.get("/v2/orders?status=all&limit=500&until=\(middle)"))
            == (try stored("submitted_at < '\(middle)'")))

        // Legs are within their order, or beside it.
        let nested = try scene.get("/v2/orders?status=all&limit=500&nested=True")
        #expect(ids(nested) == (try stored("parent_id IS NULL")))
        for order in nested.array where order["order_class"] != "simple" {
          let id = try #require(order["id"]?.string)
          #expect(ids(order["legs"] ?? .null) == (try stored("parent_id = '\(id)'", "ASC")))
        }

        var token = ""
        var seen: [String] = []
        while true {
          let page = try scene.get("/v2/account/activities/FILL?page_size=10\(token)").array
          seen += page.compactMap { $0["id"]?.string.map { String($0.suffix(36)) } }
          guard page.count == 10, let last = page.last?["id"]?.string else { break }
          token = "&page_token=\(last)"
        }
        let fills = try scene.psql(
          "SELECT fills.id FROM fills JOIN orders ON orders.id = order_id WHERE \(mine) "
            + "ORDER BY at DESC, fills.id DESC")
        #expect(seen == fills.split(separator: "\n").map(String.init) && seen.count > 10)
      }
    }

    @Test func assetsCalendarHistoryAndProfileAreTheirs() async throws {
      try await PortfolioScene.with { scene in
        #expect(
          try scene.get("/v2/assets").array.compactMap { $0["symbol"]?.string }
            == (try scene.psql("SELECT symbol FROM assets ORDER BY symbol")).split(separator: "\n")
            .map(String.init))
        #expect(
          try scene.get("/v2/assets?asset_class=crypto&status=active").array.map { $0["symbol"] }
            == ["BTC/USD", "ETH/USD"])
        let coin = try scene.get("/v2/assets/BTC/USD")
        #expect(coin["class"] == "crypto" && coin["min_order_size"] == "0.0001")
        #expect(try scene.get("/v2/assets/BTCUSD") == coin)
        #expect(try scene.get("/v2/assets/\(try #require(coin["id"]?.string))") == coin)
        // An exchange that SDKs have no word for.
        #expect(try scene.get("/v2/assets/RELIANCE")["exchange"] == "")

        // psql writes; the trigger tells the cache.
        try scene.psql("UPDATE assets SET name = 'Apple' WHERE symbol = 'AAPL'")
        #expect(try await until { try scene.get("/v2/assets/AAPL")["name"] == "Apple" })
        #expect(try scene.get("/v1/profile")["display_name"] == "Ada")
        try scene.psql("UPDATE profiles SET display_name = 'A' WHERE display_name = 'Ada'")
        #expect(try await until { try scene.get("/v1/profile")["display_name"] == "A" })
        let changed = try scene.json("PATCH", "/v1/profile", #"{"display_name":"B"}"#)
        #expect(changed["display_name"] == "B" && changed["locale"] == "en-US")
        #expect(try scene.get("/v1/profile") == changed)
        let version = try #require(changed["version"]?.integer)
        let user = try #require(changed["user_id"]?.string)
        // The trigger's notice of the write may come after the first fill, and take it away.
        let key = "user:\(user):profile:v\(version)"
        #expect(
          try await until {
            try scene.get("/v1/profile") == changed
              && scene.redis.command("EXISTS", key) == ":1\r\n"
          })

        let days = try scene.get("/v2/calendar?start=2026-11-25&end=2026-11-28").array
        #expect(days.map { $0["date"] } == ["2026-11-25", "2026-11-27"])
        #expect(days.map { $0["close"] } == ["16:00", "13:00"])
        let history = try scene.get("/v2/account/portfolio/history?period=2W&timeframe=1D")
        let times = try #require(history["timestamp"]).array.compactMap(\.integer)
        #expect(times.count > 5 && times == times.sorted())
        let newest = try scene.psql(
          """
          SELECT extract(epoch FROM at)::bigint || ' ' || trim_scale(equity) FROM equity_history
          WHERE account_id = (SELECT id FROM accounts WHERE account_number = 'PA1')
            AND at <= to_timestamp(\(times.last ?? 0)) ORDER BY at DESC LIMIT 1
          """)
        let equity = try #require(history["equity"]?.array.last?.number)
        #expect(newest.split(separator: " ").first.flatMap { Int64($0) } == times.last)
        #expect(
          newest.split(separator: " ").last.flatMap { Double($0.filter { $0 != "\n" }) } == equity)
      }
    }

    /// The feed's time is the market's when a tape is played with its own.
    @Test func theClockFollowsTheFeed() async throws {
      try await PortfolioScene.with { scene in
        _ = scene.redis.command(
          "SET", "feed:test:heartbeat",
          #"{"E":1,"N":1,"T":"heartbeat","t":"2026-11-23T14:30:00Z","state":"live","speed":1,"#
            + #""symbols":1,"stale":[]}"#, "PX", "60000")
        let clock = try scene.get("/v2/clock")
        #expect(clock["timestamp"] == "2026-11-23T09:30:00-05:00")
        #expect(clock["is_open"] == .bool(true))
        #expect(clock["next_open"] == "2026-11-24T09:30:00-05:00")
        #expect(clock["next_close"] == "2026-11-23T16:00:00-05:00")
      }
    }

    /// Goal: an answer's sums are of one moment. Method: psql books fills at the mark's price and moves
    /// cash to a transfer, hundreds of times, while requests read; what the account has in all must
    /// never differ.
    @Test func sumsNeverTear() async throws {
      try await PortfolioScene.with { scene in
        scene.trade("AAPL", "100")
        let server = PostgresBox(scene.postgres)
        let writing = Task.detached {
          try server.server.psql(
            """
            DO $$ DECLARE account uuid; asset uuid; made uuid; BEGIN
              SELECT id INTO account FROM accounts WHERE account_number = 'PA1';
              SELECT id INTO asset FROM assets WHERE symbol = 'AAPL';
              FOR i IN 1..400 LOOP
                INSERT INTO orders (account_id, client_order_id, asset_id, side, type, time_in_force, qty)
                VALUES (account, 'torn ' || i, asset, 'buy', 'market', 'day', 7) RETURNING id INTO made;
                PERFORM book_fill(made, 7, 100);
                UPDATE accounts SET cash = cash - 11, pending_transfer_out = pending_transfer_out + 11
                  WHERE id = account;
                COMMIT;
              END LOOP;
            END $$
            """)
        }
        var sums: Set<String> = []
        var cash: Set<String> = []
        for turn in 0..<400 {
          let answer = try scene.get(turn % 2 == 0 ? "/v2/account" : "/v1/portfolio")
          let account = turn % 2 == 0 ? answer : try #require(answer["account"])
          cash.insert(try #require(account["cash"]?.string))
          sums.insert(
            try decimalSum(
              try #require(account["equity"]?.string),
              try #require(account["pending_transfer_out"]?.string)))
        }
        _ = try await writing.value
        #expect(cash.count > 20, "the writes were not seen under way")
        #expect(sums.count == 1, "torn: \(sums)")
      }
    }

    private func decimalSum(_ left: String, _ right: String) throws -> String {
      func units(_ text: String) throws -> Int128 {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? String(parts[1]) : ""
        let padded = fraction + String(repeating: "0", count: 18 - fraction.count)
        return try #require(Int128(String(parts[0]) + padded))
      }
      return String(try units(left) + units(right))
    }
  }
}
