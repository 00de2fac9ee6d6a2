// The goodbye of a gateway, on real sockets: what clients are told, when they are closed, who takes them.
import Gateway
import Glibc
import Logging
import RedisClient
import ServiceSupport
import TestSupport
import Testing
import WebTransport

extension Services {
  @Suite(.serialized) struct GatewayDrainTests {
    /// Tells a client's goodbye, whatever data comes before it.
    private func reconnectMilliseconds(_ client: StreamClient) throws -> Int {
      let goodbye = try #require(try client.next("shutdown"))
      guard case .integer(let milliseconds) = try #require(goodbye["reconnect_ms"]) else {
        throw RawSocketError(description: "reconnect_ms is no integer")
      }
      return Int(milliseconds)
    }

    /// Goal: nobody new comes in, everybody is told in its encoding, closes are spread, and data goes on to
    /// those that are still here. What is spread is read from what clients were told, not from a clock.
    @Test func clientsAreToldClosedOverTimeAndServedUntilThen() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let clients = try (0..<40).map { index in
          try StreamClient.ready(scene, index % 2 == 0 ? .json : .messagePack)
        }
        for client in clients { try client.subscribe(quotes: ["AAPL"]) }
        let asking = try scene.socket()
        #expect(asking.request("GET", "/readyz")?.status == 200)
        let late = try scene.socket()
        #expect(late.request("GET", "/healthz")?.status == 200)
        let gateway = scene.gateway
        async let drained: Void = gateway.drain(milliseconds: 2_000)
        let told = try clients.map { try reconnectMilliseconds($0) }
        // In each quarter of the time a quarter of them; two may stand on a border.
        for quarter in 0..<4 {
          let count = told.count { $0 / 500 == quarter }
          #expect((9...11).contains(count), "\(count) of 40 in quarter \(quarter)")
        }
        // The process says so, and a connection that is there ends with its answer.
        let ready = asking.request("GET", "/readyz")
        #expect(ready?.status == 503)
        #expect(ready?.text.contains(#""stopping":"shutting down""#) == true)
        #expect(ready?.headers["connection"] == "close")
        let upgrade = late.openWebSocket()
        #expect(upgrade?.status == 503)
        #expect(upgrade?.headers["retry-after"] == "1")
        #expect(throws: RawSocketError.self) { try scene.socket() }
        // The last one gets what is new while others have gone.
        let last = try #require(told.indices.max { told[$0] < told[$1] })
        let first = try #require(told.indices.min { told[$0] < told[$1] })
        #expect(try clients[first].waitForClose() == 1_012)
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 9))
        #expect(try clients[last].next("q")?.sequence == [1, 9])
        for client in clients { #expect(try client.waitForClose() == 1_012) }
        for client in clients { client.socket.close() }
        await drained
      }
    }

    /// How long it takes may not depend on them: one never reads, one never answers the close.
    @Test func whoDoesNotReadDoesNotHoldTheDrain() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let deaf = try StreamClient.ready(scene, receiveBufferBytes: 4_096)
        try deaf.subscribe(orderbooks: ["AAPL"])
        let mute = try StreamClient.ready(scene)
        for number in 1...1_000 {
          feed.put("depth:AAPL", Value.book("AAPL", number, levels: 10))
        }
        _ = try await until { try scene.metric("tapedeck_gateway_conflated_total") > 0 }
        let begun = ContinuousClock.now
        await scene.gateway.drain(milliseconds: 300)
        #expect(ContinuousClock.now - begun < .seconds(4))
        #expect(try mute.waitForClose() == 1_012)
        _ = deaf
      }
    }

    @Test func withoutTimeAllAreClosedAtOnceButComeBackSpread() async throws {
      try await ServiceScene.with { scene in
        let clients = try (0..<300).map { _ in try StreamClient.ready(scene) }
        let gateway = scene.gateway
        async let drained: Void = gateway.drain(milliseconds: 0)
        let told = try clients.map { try reconnectMilliseconds($0) }
        let rate = Int(GatewayLimits.reconnectsPerSecondMax(isSecure: false))
        let last = clients.count * 1_000 / rate
        #expect(told.max()! < last && told.max()! > last * 5 / 6)
        #expect((60...90).contains(told.count { $0 < last / 4 }))
        for client in clients { #expect(try client.waitForClose() == 1_012) }
        await drained
      }
    }

    /// Goal: clients that do as they are told find the next process, none is turned away. Method: a second
    /// gateway on the same port, and each client comes back at its time.
    @Test func clientsFindTheNextProcessOnTheSamePort() async throws {
      try await ServiceScene.withFeed { scene, feed in
        let clients = try (0..<200).map { _ in try StreamClient.ready(scene, .messagePack) }
        var configuration = StreamLoop.Configuration(
          redis: try RedisURL(scene.redis.url), feed: ScriptedFeed.name,
          web: WebServerConfiguration(host: "127.0.0.1", port: scene.port),
          keys: try APIKeys(parsing: "demo:demo"))
        configuration.flushIntervalMilliseconds = 1
        let next = try await GatewayService.start(
          loops: 1, configuration: configuration,
          readiness: Readiness([GatewayService.checkName(0)]), metrics: PrometheusRegistry(),
          logger: ServiceScene.quiet)
        let gateway = scene.gateway
        async let drained: Void = gateway.drain(milliseconds: 2_000)
        let begun = ContinuousClock.now
        let times = try clients.map { try reconnectMilliseconds($0) }.sorted()
        var back: [StreamClient] = []
        for time in times {
          let left = begun + .milliseconds(time) - ContinuousClock.now
          if left > .zero { try await Task.sleep(for: left) }
          back.append(try StreamClient.ready(scene))
        }
        try back[0].subscribe(quotes: ["AAPL"])
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 3))
        #expect(try back[0].next("q")?.sequence == [1, 3])
        for client in clients { #expect(try client.waitForClose() == 1_012) }
        await drained
        await next.close()
      }
    }
  }
}
