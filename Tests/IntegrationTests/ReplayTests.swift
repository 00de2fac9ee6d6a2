// A play that is controlled while clients look on: ingester, Redis, gateway, clients.
import EventLoops
import Feeds
import Gateway
import Ingest
import MarketData
import RedisClient
import ServiceSupport
import TestSupport
import Testing
import WebTransport

extension Services {
  @Suite(.serialized) struct ReplayTests {
    /// Three stocks, 60 events a second, for a minute.
    private static let market = "sim:stocks=3,rate=60,seconds=60,seed=5"

    private func play(
      _ scene: ServiceScene, _ text: String = market, speed: String = "1",
      timestamps: FeedTimestamps = .rebased, loops: Bool = false,
      _ body: (IngestService) async throws -> Void
    ) async throws {
      let ingest = try await IngestService.start(
        .init(
          argument: try FeedArgument(parsing: text),
          clock: FeedClock(speed: try FeedSpeed(parsing: speed), timestamps: timestamps),
          loops: loops),
        configuration: .init(redis: try RedisURL(scene.redis.url), feed: ScriptedFeed.name),
        metrics: PrometheusRegistry(), logger: ServiceScene.quiet)
      try await ingest.closing(after: body)
    }

    private func audience(
      _ scene: ServiceScene, _ encoding: StreamClient.Encoding = .json
    ) async throws -> StreamClient {
      try await scene.untilReady()
      // Far enough for every symbol to have begun.
      try await untilSaid(scene) { $0.sequence.number >= 60 }
      let client = try StreamClient.ready(scene, encoding)
      try client.subscribe(trades: ["*"], quotes: ["*"], orderbooks: ["*"])
      _ = try client.collect { $0.kind == "q" }
      return client
    }

    private func untilState(
      _ ingest: IngestService, _ state: ReplayStatus.State
    ) async throws -> ReplayStatus {
      let deadline = Deadline(milliseconds: 10_000)
      while !deadline.hasPassed {
        if let status = await ingest.replayStatus(), status.state == state { return status }
        try await Task.sleep(for: .milliseconds(5))
      }
      let last = await ingest.replayStatus()
      throw ReplayRefusal.unreadable("not \(state): \(String(describing: last))")
    }

    /// Waits for a heartbeat in Redis, behind which all is written that it speaks of.
    private func untilSaid(
      _ scene: ServiceScene, _ isSaid: (FeedHeartbeat) -> Bool
    ) async throws {
      let said = try await until(milliseconds: 10_000) {
        let reply = scene.redis.command("GET", FeedKey.heartbeat.name(feed: ScriptedFeed.name))
        guard let start = reply?.firstIndex(of: "{"), let end = reply?.lastIndex(of: "}") else {
          return false
        }
        let json = Array(reply![start...end].utf8)
        return isSaid(try json.withUnsafeBytes { try FeedHeartbeat(parsing: $0) })
      }
      try #require(said, "no such heartbeat")
    }

    /// The market keys and their values, without the epochs that two plays cannot have in common.
    private func state(_ scene: ServiceScene) throws -> [String: String] {
      var values: [String: String] = [:]
      for key in try scene.keys("stock:*") + scene.keys("depth:*") where !key.hasSuffix(":last") {
        let value = try #require(scene.redis.command("GET", key))
        values[key] = value.replacing(/"[EQ]":[0-9]+,/, with: "")
          .replacing(/^\$[0-9]+/, with: "")
      }
      return values
    }

    /// By (E, N) each channel of each symbol only goes forward.
    private func expectOrder(_ messages: [WireValue]) {
      var last: [String: [Int64]] = [:]
      for message in messages where ["t", "q", "o"].contains(message.kind) {
        let key = "\(message.kind) \(message.symbol)"
        if let before = last[key] {
          let isNewer = before.lexicographicallyPrecedes(message.sequence)
          #expect(isNewer, "\(key): \(before), \(message)")
        }
        last[key] = message.sequence
      }
    }

    @Test(arguments: StreamClient.Encoding.allCases)
    func aPauseIsStaleWithinTwoSecondsAndResumingIsLive(
      _ encoding: StreamClient.Encoding
    ) async throws {
      try await ServiceScene.with { scene in
        try await play(scene) { ingest in
          let client = try await audience(scene, encoding)
          let paused = try await ingest.replay(.pause)
          #expect(paused.state == .paused)
          let deadline = Deadline(milliseconds: 2_000)
          // Every channel of every symbol, once.
          var told: Set<String> = []
          while told.count < 9,
            let message = try client.next(milliseconds: deadline.millisecondsLeft)
          {
            guard message.kind == "stale" else { continue }
            #expect(told.insert("\(message.symbol) \(message["c"]!.string!)").inserted)
          }
          #expect(told.count == 9)
          // Nothing comes in a pause, and no key outlives its lease.
          #expect(try client.drain().isEmpty)
          try await Task.sleep(for: .milliseconds(2_000))
          #expect(try state(scene).isEmpty)
          #expect(try client.drain().isEmpty)
          #expect(await ingest.replayStatus()?.sequence == paused.sequence)
          // A late one is told, not shown.
          let late = try StreamClient.ready(scene)
          try late.subscribe(quotes: ["*"])
          #expect(try late.drain(3).allSatisfy { $0.kind == "stale" })

          let resumed = try await ingest.replay(.resume)
          #expect(resumed.state == .playing)
          for client in [client, late] {
            let back = try client.collect(milliseconds: 3_000) { $0.kind == "q" }
            #expect(!back.contains { $0.kind == "stale" || $0.kind == "gap" }, "\(back)")
          }
          // It is live: more comes, and nothing is called stale again.
          let more = try client.collect(milliseconds: 4_000) { $0.kind == "t" }
          #expect(!more.contains { $0.kind == "stale" || $0.kind == "gap" }, "\(more)")
          #expect(try state(scene).count >= 6)
        }
      }
    }

    @Test func aStepShowsOneEventAndVouchesForNothingAfterIt() async throws {
      // Every event is the client's: there is no crypto, which its path does not carry.
      let stocks = "sim:stocks=3,crypto=0,rate=60,seconds=60,seed=5"
      try await ServiceScene.with { scene in
        try await play(scene, stocks) { ingest in
          let client = try await audience(scene)
          let before = try await ingest.replay(.pause)
          _ = try client.drain(9)
          for offset: UInt64 in 1...4 {
            let status = try await ingest.replay(.step)
            #expect(status.state == .paused)
            #expect(status.sequence.number == before.sequence.number + offset)
            let shown = try #require(try client.next(milliseconds: 1_000))
            #expect(shown.sequence[1] == Int64(status.sequence.number), "\(shown)")
            let notice = try #require(try client.next(milliseconds: 1_000))
            #expect(notice.kind == "stale" && notice.symbol == shown.symbol, "\(notice)")
            #expect(try client.drain().isEmpty)
          }
          _ = try await ingest.replay(.resume)
          await #expect(throws: ReplayRefusal.self) { try await ingest.replay(.step) }
        }
      }
    }

    /// Goal: after any seek no client sees an older value after a newer one. Method: back and forth
    /// under way, for a client of each encoding.
    @Test func seeksGoForwardByEpochAndNumber() async throws {
      try await ServiceScene.with { scene in
        try await play(scene, speed: "4") { ingest in
          let clients = [
            try await audience(scene), try await audience(scene, .messagePack),
          ]
          var seen: [[WireValue]] = [[], []]
          var epochs: Set<UInt64> = []
          for command in [
            ReplayCommand.seek(try #require(FeedMoment(parsing: "13:30:20"))),
            .seekBy(nanoseconds: -15_000_000_000), .restart, .seekBy(nanoseconds: 30_000_000_000),
            .seekBy(nanoseconds: -60_000_000_000_000), .seekBy(nanoseconds: 1),
          ] {
            _ = try await ingest.replay(command)
            let status = try await untilState(ingest, .playing)
            #expect(epochs.insert(status.sequence.epoch).inserted, "a new epoch")
            for (index, client) in clients.enumerated() {
              // The symbols' quotes come in the new epoch, and trades go on.
              seen[index] += try client.collect {
                $0.kind == "t" && $0.sequence[0] == Int64(status.sequence.epoch)
              }
            }
          }
          for messages in seen { expectOrder(messages) }
        }
      }
    }

    /// Twenty seconds of the feed are passed over: none of their events is anybody's, and that trades are
    /// missing is said.
    @Test(arguments: StreamClient.Encoding.allCases)
    func whatIsPassedOverIsShownToNobody(_ encoding: StreamClient.Encoding) async throws {
      try await ServiceScene.with { scene in
        try await play(scene) { ingest in
          let client = try await audience(scene, encoding)
          _ = try client.collect { $0.kind == "t" }
          let before = try #require(await ingest.replayStatus())
          _ = try await ingest.replay(.seekBy(nanoseconds: 20_000_000_000))
          let epoch = try await untilState(ingest, .playing).sequence.epoch
          #expect(epoch > before.sequence.epoch)
          let messages = try client.collect {
            $0.kind == "t" && $0.sequence[0] == Int64(epoch)
          }
          let after = messages.filter { $0["E"]?.integer == Int64(epoch) }
          // A state may be of any time before the place, an event of none.
          let trade = try #require(after.last)
          #expect(trade.sequence[1] > Int64(before.sequence.number) + 1_000, "\(trade)")
          #expect(after.count < 100)
          let gap = messages.last { $0.kind == "gap" }
          #expect(gap?.symbol == trade.symbol && gap?["missed"] == .null)
          #expect(!messages.contains { $0.kind == "stale" })
        }
      }
    }

    /// One event a second: the three symbols begin one after the other, and are quiet for seconds.
    private static let quietMarket = "sim:stocks=3,rate=1,seconds=3600,seed=5"

    /// A client of the quiet market, ten minutes after its beginning, when all symbols have values.
    private func tenMinutesOn(
      _ scene: ServiceScene, _ ingest: IngestService
    ) async throws -> StreamClient {
      _ = try await ingest.replay(.seekBy(nanoseconds: 600_000_000_000))
      _ = try await untilState(ingest, .playing)
      let client = try await audience(scene)
      #expect(try await until { try state(scene).count >= 6 })
      return client
    }

    /// What has not happened yet at the new place is not shown there as a live price.
    @Test func aSeekBackWithdrawsWhatHasNotHappenedYet() async throws {
      try await ServiceScene.with { scene in
        try await play(scene, Self.quietMarket) { ingest in
          let client = try await tenMinutesOn(scene, ingest)
          _ = try client.drain()
          _ = try await ingest.replay(.restart)
          _ = try await untilState(ingest, .playing)
          // Long before a lease ends: the first symbol's quote alone is there.
          #expect(try await until(milliseconds: 900) { try state(scene).count <= 1 }, "withdrawn")
          let told = try client.collect { $0.kind == "stale" && $0["c"]?.string == "quotes" }
          #expect(told.allSatisfy { $0.kind == "stale" || $0.sequence[1] <= 2 }, "\(told)")
          let late = try StreamClient.ready(scene)
          try late.subscribe(quotes: ["*"])
          #expect(try late.next("stale") != nil)
        }
      }
    }

    /// A quiet symbol's value has not changed in the pause: it comes again as it was.
    @Test func whatIsQuietIsVouchedForAgainAfterAPause() async throws {
      try await ServiceScene.with { scene in
        try await play(scene, Self.quietMarket) { ingest in
          let client = try await tenMinutesOn(scene, ingest)
          _ = try await ingest.replay(.pause)
          try await Task.sleep(for: .milliseconds(2_300))
          #expect(try state(scene).isEmpty)
          _ = try client.drain()
          let resumed = try await ingest.replay(.resume)
          let deadline = Deadline(milliseconds: 700)
          var back: Set<String> = []
          while back.count < 6,
            let message = try client.next(milliseconds: deadline.millisecondsLeft)
          {
            #expect(message.kind != "stale" && message.kind != "gap", "\(message)")
            #expect(message.sequence[0] == Int64(resumed.sequence.epoch))
            if message.kind != "t" { back.insert("\(message.kind) \(message.symbol)") }
          }
          #expect(back.count == 6, "\(back)")
        }
      }
    }

    @Test func anEndedPlayGoesOnElsewhere() async throws {
      try await ServiceScene.with { scene in
        try await play(scene, "sim:stocks=3,rate=60,seconds=5,seed=5", speed: "max") { ingest in
          let ended = try await untilState(ingest, .ended)
          let beyond = try await ingest.replay(.seekBy(nanoseconds: 60_000_000_000))
          #expect(beyond.state == .ended && beyond.sequence == ended.sequence)
          await #expect(throws: ReplayRefusal.self) {
            _ = try await ingest.replay(.pause)
            return try await ingest.replay(.step)
          }
          _ = try await ingest.replay(.speed(.realTime))
          _ = try await ingest.replay(.resume)
          _ = try await ingest.replay(.restart)
          let client = try await audience(scene)
          _ = try client.collect { $0.kind == "t" }
          #expect(await ingest.replayStatus()?.state == .playing)
          _ = try await ingest.replay(.loop(true))
          _ = try await ingest.replay(.speed(.max))
          let deadline = Deadline(milliseconds: 5_000)
          while await ingest.replayStatus()?.passes ?? 0 < 3, !deadline.hasPassed {
            try await Task.sleep(for: .milliseconds(5))
          }
          #expect(await ingest.replayStatus()?.passes ?? 0 >= 3)
        }
      }
    }

    /// Goal: a tape's end is its end, however one got there. Method: the final state of every symbol,
    /// played through, and played with seeks back and forth, pauses and steps; original timestamps.
    @Test func theFinalStateIsTheSameOnEveryWay() async throws {
      let market = "sim:stocks=5,crypto=1,rate=500,seconds=40,seed=9"
      var straight: [String: String] = [:]
      try await ServiceScene.with { scene in
        try await play(scene, market, speed: "max", timestamps: .original) { ingest in
          try await untilSaid(scene) { $0.state == .ended }
          straight = try state(scene)
        }
      }
      #expect(straight.count >= 18, "\(straight.keys.sorted())")
      let ways: [[ReplayCommand]] = [
        [],
        [.seekBy(nanoseconds: 30_000_000_000), .seekBy(nanoseconds: -25_000_000_000)],
        [.restart, .step, .step, .seekBy(nanoseconds: 39_000_000_000)],
        [
          .seekBy(nanoseconds: 20_000_000_000), .restart, .seekBy(nanoseconds: 10_000_000_000),
          .step,
        ],
      ]
      for way in ways {
        try await ServiceScene.with { scene in
          try await play(scene, market, speed: "1", timestamps: .original) { ingest in
            _ = try await untilState(ingest, .playing)
            _ = try await ingest.replay(.pause)
            for command in way {
              _ = try await ingest.replay(command)
              _ = try await untilState(ingest, .paused)
            }
            _ = try await ingest.replay(.speed(.max))
            _ = try await ingest.replay(.resume)
            _ = try await untilState(ingest, .ended)
            try await untilSaid(scene) { $0.state == .ended }
            #expect(try state(scene) == straight, "\(way)")
          }
        }
      }
    }

    @Test func theDoorTakesCommandsFromThisMachineAlone() async throws {
      try await ServiceScene.with { scene in
        try await play(scene) { ingest in
          let door = ReplayDoor(ingest)
          // An address that is not this machine's.
          let elsewhere = await door.answer(HTTPRequest(method: .get, path: ReplayDoor.path))
          #expect(elsewhere.status == 403)
        }
      }
    }
  }
}
