// Who may see what, and what is said to who may not.
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct PortfolioAccessTests {
    /// Goal: nobody sees another's rows. Method: every endpoint that takes an id, with ids of the first
    /// user, asked by the second; then nothing of the first user's has changed.
    @Test func anotherUsersIdsDoNotExist() async throws {
      try await PortfolioScene.with { scene in
        let order = try scene.get("/v2/orders?status=all&limit=1")[0]
        let orderID = try #require(order["id"]?.string)
        let clientID = try #require(order["client_order_id"]?.string)
        let list = try scene.get("/v2/watchlists")[0]
        let listID = try #require(list["id"]?.string)
        let fill = try #require(
          try scene.get("/v2/account/activities/FILL?page_size=1")[0]["id"]?.string)
        let session = try #require(try scene.json("POST", "/v1/sessions", "{}")["id"]?.string)
        // One that the second user does not hold.
        let mine = Set(try scene.get("/v2/positions").array.compactMap { $0["asset_id"]?.string })
        let theirs = Set(
          try scene.get("/v2/positions", as: "demo2").array.compactMap { $0["asset_id"]?.string })
        let held = try #require(mine.subtracting(theirs).first)

        for (method, path, body) in [
          ("GET", "/v2/orders/\(orderID)", nil),
          ("GET", "/v2/orders/\(orderID)?nested=true", nil),
          ("GET", "/v2/orders:by_client_order_id?client_order_id=\(clientID)", nil),
          ("GET", "/v2/positions/\(held)", nil),
          ("GET", "/v2/watchlists/\(listID)", nil),
          ("PUT", "/v2/watchlists/\(listID)", #"{"name":"stolen"}"#),
          ("PUT", "/v2/watchlists/\(listID)", #"{"symbols":[]}"#),
          ("POST", "/v2/watchlists/\(listID)", #"{"symbol":"AAPL"}"#),
          ("DELETE", "/v2/watchlists/\(listID)/AAPL", nil),
          ("DELETE", "/v2/watchlists/\(listID)", nil),
          ("GET", "/v2/account/activities/FILL?page_token=\(fill)", nil),
          ("DELETE", "/v1/sessions/\(session)", nil),
        ] as [(String, String, String?)] {
          #expect(
            try scene.refusal(method, path, body, as: "demo2").hasPrefix("404"), "\(method) \(path)"
          )
        }
        #expect(try scene.get("/v2/watchlists")[0] == list)
        #expect(try scene.get("/v2/account", as: "demo2")["account_number"] == "PA2")
        for path in [
          "/v2/orders?status=all&limit=500", "/v2/watchlists", "/v2/account/activities/FILL",
        ] {
          let ours = Set(try scene.get(path).array.compactMap { $0["id"]?.string })
          let others = Set(try scene.get(path, as: "demo2").array.compactMap { $0["id"]?.string })
          #expect(!ours.isEmpty && !others.isEmpty && ours.isDisjoint(with: others), "\(path)")
        }
        #expect(try scene.get("/v1/profile", as: "demo2")["display_name"] == "Ben")
      }
    }

    @Test func keysSessionsAndTheirAbsence() async throws {
      try await PortfolioScene.with { scene in
        for path in ["/v2/account", "/v2/orders", "/v2/watchlists", "/v1/profile"] {
          let answer = try scene.raw("GET", path)
          #expect(answer.status == 401 && answer.text.hasPrefix(#"{"code":40110000,"message":"#))
        }
        #expect(
          try scene.raw(
            "GET", "/v2/account",
            headers: "APCA-API-KEY-ID: demo\r\nAPCA-API-SECRET-KEY: wrong\r\n"
          ).status == 401)
        // demo:demo
        let basic = "Authorization: Basic ZGVtbzpkZW1v\r\n"
        #expect(try scene.raw("GET", "/v2/account", headers: basic).status == 200)

        let opened = try scene.json("POST", "/v1/sessions", "{}")
        let bearer = "Authorization: Bearer \(try #require(opened["token"]?.string))\r\n"
        #expect(opened["expires_in"] == .integer(1_800))
        #expect(try scene.raw("GET", "/v2/account", headers: bearer).status == 200)
        // A session that could open others would never end.
        #expect(
          try scene.raw("POST", "/v1/sessions", headers: bearer, body: "").status == 403)
        let id = try #require(opened["id"]?.string)
        #expect(try scene.raw("DELETE", "/v1/sessions/\(id)", headers: bearer).status == 204)
        #expect(try scene.raw("GET", "/v2/account", headers: bearer).status == 401)
        #expect(try scene.ask("GET", "/v2/account").headers["cache-control"] == "no-store")
      }
    }

    @Test func ordersGoToTheExchange() async throws {
      try await PortfolioScene.with { scene in
        let order = try #require(try scene.get("/v2/orders?limit=1")[0]["id"]?.string)
        let before = try scene.psql(
          "SELECT md5(string_agg(orders::text, '' ORDER BY id)) FROM orders")
        for (method, path, body) in [
          ("POST", "/v2/orders", #"{"symbol":"AAPL","qty":"1"}"#), ("POST", "/v2/orders", ""),
          ("DELETE", "/v2/orders", nil), ("DELETE", "/v2/orders/\(order)", nil),
          ("PATCH", "/v2/orders/\(order)", #"{"qty":2}"#),
          ("DELETE", "/v2/positions", nil), ("DELETE", "/v2/positions?cancel_orders=true", nil),
          ("DELETE", "/v2/positions/BTC/USD", nil),
        ] as [(String, String, String?)] {
          let refusal = try scene.refusal(method, path, body)
          #expect(
            refusal.hasPrefix("403 orders go to the exchange"), "\(method) \(path): \(refusal)")
        }
        #expect(
          try scene.psql("SELECT md5(string_agg(orders::text, '' ORDER BY id)) FROM orders")
            == before)
      }
    }

    @Test func errorsSayWhatIsWrong() async throws {
      try await PortfolioScene.with { scene in
        let none = "2a5aebb9-48c0-5e7a-ac09-c194973cae9e"
        for (method, path, body, expected) in [
          ("GET", "/v2/nothing", nil, "404 endpoint not found"),
          ("GET", "/v2/orders/17", nil, "422 order_id must be a UUID"),
          ("GET", "/v2/orders/\(none)", nil, "404 order not found"),
          ("GET", "/v2/positions/NOSUCH", nil, "404 position does not exist"),
          ("GET", "/v2/assets/NOSUCH", nil, "404 asset not found"),
          ("GET", "/v2/assets/\(none)", nil, "404 asset not found"),
          ("GET", "/v2/watchlists/\(none)", nil, "404 watchlist not found"),
          ("DELETE", "/v2/account", nil, "405 method not allowed"),
          ("GET", "/v2/orders?limit=0", nil, "422 limit must be an integer from 1 to 500"),
          ("GET", "/v2/orders?limit=%2B5", nil, "422 limit must be an integer from 1 to 500"),
          ("GET", "/v2/orders?foo=1", nil, "400 foo: there is no such parameter"),
          ("GET", "/v2/orders?limit=1&limit=1", nil, "400 limit: it is there twice"),
          ("GET", "/v2/orders?side=%ff", nil, "400 the request target is not UTF-8"),
          ("GET", "/v2/orders?side=%zz", nil, "400 "), ("GET", "/v2/orders?side=%01", nil, "400 "),
          ("GET", "/v2/orders?after=2026-11-20T00:00:00+00:00", nil, "422 after must be a time"),
          ("GET", "/v2/orders:by_client_order_id", nil, "422 client_order_id is missing"),
          ("GET", "/v2/account?x=1", nil, "400 x: there is no such parameter"),
          ("GET", "/v2/account/activities/FILL?page_token=1", nil, "422 page_token must be"),
          ("GET", "/v2/account/activities/FILL?page_token=1::\(none)", nil, "404 page_token"),
          ("GET", "/v2/calendar?start=2026-02-30", nil, "422 start must be a date"),
          ("POST", "/v2/watchlists", "{", "400 malformed JSON at byte 1: the text ends too early"),
          ("POST", "/v2/watchlists", "{}", "422 name is missing"),
          ("POST", "/v2/watchlists", #"{"name":""}"#, "422 name must be text of 1 to 64"),
          ("POST", "/v2/watchlists", #"{"name":"a","symbols":["a"]}"#, "422 symbols must be"),
          (
            "POST", "/v2/watchlists", #"{"name":"a","more":1}"#, "422 more: there is no such member"
          ),
          ("PATCH", "/v1/profile", #"{"locale":"x_y"}"#, "422 locale must be a language tag"),
          ("DELETE", "/v1/sessions/none", nil, "404 session not found"),
        ] as [(String, String, String?, String)] {
          let refusal = try scene.refusal(method, path, body)
          #expect(refusal.hasPrefix(expected), "\(method) \(path): \(refusal)")
        }
        let key = PortfolioScene.key("demo")
        #expect(
          try scene.raw(
            "POST", "/v2/watchlists", headers: key + "Content-Type: text/plain\r\n", body: "{}"
          ).status == 415)
        #expect(try scene.raw("POST", "/v2/watchlists", headers: key).status == 411)
        let large = #"{"name":"\#(String(repeating: "x", count: 2_000_000))"}"#
        #expect(
          try scene.raw(
            "POST", "/v2/watchlists", headers: key + "Content-Type: application/json\r\n",
            body: large
          ).status == 413)
        let limits = (0..<100).contains { _ in
          (try? scene.raw(
            "GET", "/v2/account", headers: "APCA-API-KEY-ID: x\r\nAPCA-API-SECRET-KEY: y\r\n"
          ).status) == 429
        }
        #expect(limits, "wrong secrets are never limited")
      }
    }
  }
}
