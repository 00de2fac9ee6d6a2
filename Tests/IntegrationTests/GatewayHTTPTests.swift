// The operator's side of a gateway: alive, ready, and its numbers, whatever Redis does.
import Gateway
import TestSupport
import Testing

extension Services {
  @Suite(.serialized) struct GatewayHTTPTests {
    @Test func readinessFollowsTheFeedAndRedis() async throws {
      try await ServiceScene.with { scene in
        #expect(try scene.get("/healthz").status == 200)
        let notYet = try scene.get("/readyz")
        #expect(notYet.status == 503)
        #expect(try WireValue(json: notYet.body)["ready"] == .bool(false))
        let feed = try await ScriptedFeed.start(scene.redis)
        try await scene.untilReady()
        #expect(try WireValue(json: scene.get("/readyz").body)["ready"] == .bool(true))
        scene.redis.kill()
        try await scene.untilReady(false, milliseconds: 2_000)
        #expect(try scene.get("/healthz").status == 200)
        try scene.redis.start()
        try await scene.untilReady()
        await feed.close()
        try await scene.untilReady(false, milliseconds: 2_500)
      }
    }

    @Test func metricsAreTextThatAParserTakes() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let client = try StreamClient.ready(scene)
        try client.subscribe(quotes: ["AAPL"])
        try await joined(scene, 1)
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
        #expect(try client.next()?.kind == "q")
        let answer = try scene.get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        try checkExposition(String(decoding: answer.body, as: UTF8.self))
        #expect(try scene.gateway("clients") == 1)
        #expect(try scene.gateway("delivered_total") == 1)
      }
    }

    /// Every line is a HELP, a TYPE or a sample of the family named last, with a number.
    private func checkExposition(_ text: String) throws {
      let help = /# HELP ([a-z_:][a-z0-9_:]*) .+/.ignoresCase()
      let type = /# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge|histogram|summary)/.ignoresCase()
      let sample =
        /([a-z_:][a-z0-9_:]*)(\{([a-z_]+="[^"]*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)/.ignoresCase()
      #expect(text.last == "\n")
      var family = ""
      var typed: Set<String> = []
      for line in text.split(separator: "\n") {
        if let match = line.wholeMatch(of: help) {
          family = String(match.1)
        } else if let match = line.wholeMatch(of: type) {
          family = String(match.1)
          #expect(typed.insert(family).inserted, "\(family) twice")
        } else if let match = line.wholeMatch(of: sample) {
          #expect(match.1.hasPrefix(family) && typed.contains(family), "\(line)")
        } else {
          Issue.record("not a line of the format: \(line)")
        }
      }
      #expect(typed.contains("tapedeck_gateway_delivered_total"))
    }

    @Test func everyErrorIsJSON() async throws {
      try await ServiceScene.with { scene in
        for (method, path, status) in [
          ("GET", "/nowhere", 404), ("GET", "/v2/iex", 404), ("POST", "/healthz", 405),
          ("GET", "/", 404),
        ] {
          let body = method == "POST" ? "{}" : nil
          let answer = try #require(
            try RawSocket(port: scene.port).request(method, path, body: body))
          let value = try WireValue(json: answer.body)
          #expect(value["code"]?.integer != nil && value["message"]?.string != nil, "\(path)")
          // A stream's path without an upgrade may also be told that one is needed.
          #expect(answer.status == status || (path == "/v2/iex" && answer.status == 426), "\(path)")
        }
      }
    }
  }
}
