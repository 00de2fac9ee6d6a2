// Chains: one gateway is the upstream of another ingester, or of a recorder.
import EventLoops
import Feeds
import Gateway
import Glibc
import Ingest
import MarketData
import Recording
import RedisClient
import ServiceSupport
import Synchronization
import TestSupport
import Testing
import Upstream
import WebTransport

extension Services {
  @Suite(.serialized) struct UpstreamChainTests {
    private func upstream(
      _ scene: ServiceScene, symbols: String = "*", secret: String = "demo", scheme: String = "ws"
    ) throws -> UpstreamConfiguration {
      var configuration = UpstreamConfiguration(
        url: try WebSocketURL("\(scheme)://127.0.0.1:\(scene.port)/v2/iex"),
        subscription: try UpstreamSubscription(
          symbols: symbols, channels: "trades,quotes,orderbooks"))
      configuration.credentials = UpstreamCredentials(key: "demo", secret: secret)
      configuration.reconnect = (50, 50)
      return configuration
    }

    /// A feed by hand, its gateway, an ingester that has it as its upstream, and that one's gateway.
    private func withChain(
      _ body: (ServiceScene, ScriptedFeed, ServiceScene) async throws -> Void
    ) async throws {
      try await ServiceScene.withFeed { first, feed in
        feed.list(["AAPL", "MSFT"])
        try await feed.settle()
        try await ServiceScene.with { second in
          let ingest = try await IngestService.start(
            upstream: try upstream(first),
            configuration: .init(redis: try RedisURL(second.redis.url), feed: ScriptedFeed.name),
            metrics: PrometheusRegistry(), logger: ServiceScene.quiet)
          do {
            try await second.untilReady()
            // The upstream holds the subscription.
            try #require(try await until { try first.gateway("topics") >= 6 })
            try await body(first, feed, second)
          } catch {
            await ingest.close()
            throw error
          }
          await ingest.close()
        }
      }
    }

    private func ids(_ messages: [WireValue]) -> [Int64] {
      messages.compactMap { message in
        guard message.kind == "t", case .integer(let number) = message["s"] else { return nil }
        return number
      }
    }

    private func trade(_ symbol: String, _ number: Int, after previous: Int) -> String {
      "{\"E\":1,\"N\":\(number),\"P\":\(previous),\"T\":\"t\",\"S\":\"\(symbol)\","
        + "\"t\":\"2026-11-21T06:23:00Z\",\"p\":189.97,\"s\":\(number)}"
    }

    /// Over TLS too, with a new certificate of the same authority in between.
    @Test func aChainOverTLSGoesOnWhenTheCertificateIsReplaced() async throws {
      let certificates = try TestCertificates()
      func serve(_ name: String) throws -> ServerCertificate {
        let files = try certificates.make(name)
        return try ServerCertificate(certificatePath: files.path, keyPath: files.key)
      }
      let certificate = try serve("first")
      try await ServiceScene.withFeed({ $0.web.certificate = certificate }) { first, feed in
        feed.list(["AAPL"])
        try await feed.settle()
        try await ServiceScene.with { second in
          var upstream = try upstream(first, scheme: "wss")
          upstream.certificatesPath = certificates.authority
          let ingest = try await IngestService.start(
            upstream: upstream,
            configuration: .init(redis: try RedisURL(second.redis.url), feed: ScriptedFeed.name),
            metrics: PrometheusRegistry(), logger: ServiceScene.quiet)
          try await ingest.closing { _ in
            try await second.untilReady()
            try #require(try await until { try first.gateway("topics") >= 3 })
            let client = try StreamClient.ready(second)
            try client.subscribe(quotes: ["AAPL"])
            feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
            #expect(try client.next("q")?["bp"] != nil)
            await first.gateway.use(try serve("second"))
            // The old connection goes on; a new client is served with the new one.
            let other = try StreamClient.ready(first)
            try other.subscribe(quotes: ["AAPL"])
            feed.put("stock:AAPL:quote", Value.quote("AAPL", 2))
            #expect(try client.next("q") != nil)
            #expect(try other.next("q") != nil)
            #expect(try second.metric("tapedeck_gateway_stale_notices_total") == 0)
          }
        }
      }
    }

    @Test func aChainOfTwoGivesTheSameTradesInOrderAndTellsWhatIsStale() async throws {
      try await withChain { first, feed, second in
        let client = try StreamClient.ready(second)
        try client.subscribe(trades: ["AAPL", "MSFT"], quotes: ["AAPL"])
        for number in 1...200 {
          feed.publish("stock:AAPL:price", trade("AAPL", number, after: number - 1))
        }
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 300))
        let first200 = try client.collect { $0.kind == "q" }
        #expect(ids(first200) == (1...200).map { Int64($0) })
        #expect(!first200.contains { $0.kind == "gap" })
        // One symbol that its feed cannot vouch for any more.
        feed.put("stock:AAPL:quote", Value.stale("AAPL", 301))
        #expect(try client.next("stale")?["S"] == "AAPL")
        feed.put("stock:AAPL:quote", Value.quote("AAPL", 302))
        #expect(try client.next("q")?["S"] == "AAPL")
        // A trade that was lost before the first gateway is a loss behind the second too.
        feed.publish("stock:AAPL:price", trade("AAPL", 401, after: 400))
        let lossy = try client.collect { $0.kind == "t" }
        #expect(lossy.contains { $0.kind == "gap" && $0["S"] == "AAPL" })
        #expect(ids(lossy) == [401])
        _ = first
      }
    }

    @Test func anUpstreamThatGoesMakesEverythingStaleAndItsReturnFresh() async throws {
      // The first gateway is ended by hand here, so the second scene outlives it.
      try await ServiceScene.with { second in
        let client = try StreamClient.ready(second)
        let port = Locked<UInt16>(0)
        var ingest: IngestService?
        try await ServiceScene.withFeed { first, feed in
          port.withLock { $0 = first.port }
          feed.list(["AAPL"])
          ingest = try await IngestService.start(
            upstream: try upstream(first),
            configuration: .init(redis: try RedisURL(second.redis.url), feed: ScriptedFeed.name),
            metrics: PrometheusRegistry(), logger: ServiceScene.quiet)
          try await second.untilReady()
          try client.subscribe(trades: ["AAPL"], quotes: ["AAPL"])
          try #require(try await until { try first.gateway("subscriptions") >= 3 })
          feed.put("stock:AAPL:quote", Value.quote("AAPL", 1))
          #expect(try client.next("q") != nil)
        }
        // The gateway has closed.
        #expect(try client.next("stale", milliseconds: 2_000)?["S"] == "AAPL")
        #expect(try second.timeToLive("stock:AAPL:quote") == -2)
        await ingest?.close()
      }
    }

    @Test func aWrongSecretIsNoLoop() async throws {
      try await ServiceScene.withFeed { first, feed in
        try await ServiceScene.with { second in
          let ingest = try await IngestService.start(
            upstream: try upstream(first, secret: "wrong"),
            configuration: .init(redis: try RedisURL(second.redis.url), feed: ScriptedFeed.name),
            metrics: PrometheusRegistry(), logger: ServiceScene.quiet)
          try await Task.sleep(for: .milliseconds(700))
          #expect(try first.gateway("clients") <= 1)
          await ingest.close()
        }
        _ = feed
      }
    }

    // MARK: - Record, replay, record

    private final class Directory {
      let path: String

      init() throws {
        var template = Array("/tmp/tapedeck-record-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }

      deinit {
        for name in ["tape", "once", "twice", "redis"] {
          unlink("\(path)/\(name).ndjson")
          unlink("\(path)/\(name).ndjson.gz")
        }
        rmdir(path)
      }
    }

    /// Messages of two symbols 25 ms apart, so that nothing of them is conflated, written as our
    /// encoder writes them. The last is a trade, which the feed's end cannot overtake.
    private func write(_ path: String) throws {
      let file = try #require(fopen(path, "w"))
      for number in 0...60 {
        let symbol = number % 3 == 0 ? "MSFT" : "AAPL"
        let milliseconds = number == 60 ? 1_801 : number * 25 + 1
        let stamp =
          "2026-11-20T14:30:0\(milliseconds / 1_000)"
          + ".\(String(1_000 + milliseconds % 1_000).dropFirst())Z"
        let head = "\"S\":\"\(symbol)\",\"t\":\"\(stamp)\""
        let line =
          switch number % 4 {
          case 0, 1:
            "{\"T\":\"t\",\(head),\"p\":189.97,\"s\":\(number + 1),\"i\":\(number + 1),\"x\":\"V\","
              + "\"c\":[\"@\",\"I\"],\"z\":\"C\"}"
          case 2: "{\"T\":\"q\",\(head),\"bp\":189.25,\"bs\":\(number),\"ap\":190.25,\"as\":2}"
          default:
            "{\"T\":\"o\",\(head),\"b\":[{\"p\":189.5,\"s\":\(number)}],"
              + "\"a\":[{\"p\":190,\"s\":1}],\"r\":true}"
          }
        fputs(line + "\n", file)
      }
      fclose(file)
    }

    /// Plays a tape at speed 1 through a gateway, and what a recorder gets of it.
    private func play(
      _ tape: String, recordTo out: String, fromRedis: Bool = false
    ) async throws {
      try await ServiceScene.with { scene in
        let live = Locked(false)
        let source: RecordingService.Source =
          fromRedis
          ? .redis(
            .init(
              redis: try RedisURL(scene.redis.url), feed: ScriptedFeed.name,
              symbols: ["AAPL", "MSFT"], keys: [.price, .quote, .depth]))
          : .upstream(try upstream(scene, symbols: "AAPL,MSFT"))
        let recording = try await RecordingService.start(
          source, path: out, rotation: RecordingRotation(), logger: ServiceScene.quiet,
          onSecond: { account in live.withLock { $0 = account.isLive } },
          onFailure: { error in Issue.record("\(error)") })
        try #require(try await until { live.withLock { $0 } })
        let ingest = try await IngestService.start(
          .init(
            argument: .file(path: tape), clock: FeedClock(speed: .realTime, timestamps: .original),
            loops: false),
          configuration: .init(redis: try RedisURL(scene.redis.url), feed: ScriptedFeed.name),
          metrics: PrometheusRegistry(), logger: ServiceScene.quiet)
        try await Task.sleep(for: .milliseconds(3_000))
        await ingest.close()
        let account = try await recording.close()
        #expect(account.messages >= 61)
        #expect(account.malformed == 0)
      }
    }

    /// The lines of a tape without numbers and without stale markers.
    private func lines(_ path: String) throws -> [String] {
      let command = path.hasSuffix(".gz") ? "zcat \(path)" : "cat \(path)"
      let pipe = try #require(popen(command, "r"))
      var text = ""
      var room = [CChar](repeating: 0, count: 65_536)
      while fgets(&room, Int32(room.count), pipe) != nil {
        text += String(
          decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
      pclose(pipe)
      return text.split(separator: "\n").compactMap { line in
        guard let start = line.firstRange(of: "\"T\":"), !line.contains("\"stale\"") else {
          return nil
        }
        return "{" + line[start.lowerBound...]
      }
    }

    @Test func recordReplayRecordGivesTheSameMessages() async throws {
      let directory = try Directory()
      try write("\(directory.path)/tape.ndjson")
      try await play("\(directory.path)/tape.ndjson", recordTo: "\(directory.path)/once.ndjson.gz")
      try await play(
        "\(directory.path)/once.ndjson.gz", recordTo: "\(directory.path)/twice.ndjson.gz")
      try await play(
        "\(directory.path)/once.ndjson.gz", recordTo: "\(directory.path)/redis.ndjson.gz",
        fromRedis: true)
      let original = try lines("\(directory.path)/tape.ndjson")
      #expect(original.count == 61)
      #expect(try lines("\(directory.path)/once.ndjson.gz") == original)
      #expect(try lines("\(directory.path)/twice.ndjson.gz") == original)
      #expect(try lines("\(directory.path)/redis.ndjson.gz") == original)
      let report = try TapeReport.read(.file(path: "\(directory.path)/once.ndjson.gz"))
      #expect(report.counters.gaps == 0)
      #expect(report.counters.malformedLines == 0)
    }
  }
}
