import MarketData
import TestSupport
import Testing

@testable import Ingest

/// Redis' side of the lease: when each key was written, and what it holds.
private struct Leases {
  var written: [String: UInt64] = [:]
  var values: [String: String] = [:]
  var ages: [String: UInt64] = [:]

  /// Takes what was written at `now`; gives the keys that had expired by then.
  mutating func take(_ commands: [RecordingSink.Command], now: UInt64) -> [String] {
    var expired: [String] = []
    for case .set(let key, let value, let ttl) in commands {
      if let before = written[key], now - before >= UInt64(ttl) { expired.append(key) }
      written[key] = now
      values[key] = value
    }
    return expired
  }

  /// Keys that are over their TTL at `now`.
  func overdue(now: UInt64) -> [String] {
    written.keys.filter { now - written[$0]! >= ($0.hasPrefix("depth:") ? 1_000 : 2_000) }
  }
}

@Suite struct RefreshTests {
  private func fill(_ scene: inout BoardScene, symbols: Int) throws {
    for number in 0..<symbols {
      try scene.trade("S\(number)")
      try scene.quote("S\(number)")
      try scene.depth("S\(number)")
    }
  }

  /// Goal: quiet symbols' keys live for ever. Method: ten injected seconds without an event, the
  /// timers late by up to 30 ms each, by seed.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func aQuietKeyNeverExpiresAndKeepsItsNumbers(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var scene = BoardScene()
    var leases = Leases()
    try fill(&scene, symbols: 100)
    _ = leases.take(scene.flush(at: 5_000), now: 5_000)
    let first = leases.values
    #expect(first.count == 300)
    var now: UInt64 = 5_000
    while now < 15_000 {
      now += 50 + random.next() % 30
      #expect(leases.overdue(now: now).isEmpty, "seed \(seed) at \(now)")
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: now)
      let commands = scene.sink.drain()
      let published = commands.contains { !$0.isSet }
      #expect(!published, "a refresh is never published")
      _ = leases.take(commands, now: now)
    }
    #expect(leases.values == first)
  }

  /// A burst writes everything at one moment; the refreshes must not stay one burst.
  @Test func refreshesAreSpreadEvenly() throws {
    var scene = BoardScene()
    try fill(&scene, symbols: 500)
    _ = scene.flush(at: 0)
    var perCall: [Int] = []
    for step in 1...200 {
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: UInt64(step) * 50)
      perCall.append(scene.sink.drain().count)
    }
    let steady = perCall.dropFirst(2 * IngestLimits.refreshSlices)
    let share = Double(steady.reduce(0, +)) / Double(steady.count)
    #expect(share > 0)
    #expect(Double(steady.max() ?? 0) <= 1.5 * share, "\(steady) of \(share)")
  }

  @Test func aBusyKeyIsNotRefreshed() throws {
    var scene = BoardScene()
    try scene.quote("AAPL")
    for step in 1...100 {
      let now = UInt64(step) * 50
      try scene.quote("AAPL", Int64(step))
      scene.board.flush(to: scene.sink, nowMilliseconds: now)
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: now)
    }
    #expect(scene.board.counters.refreshes == 0)
  }

  /// A value that no subscriber has seen is the flush's: it publishes too.
  @Test func aKeyThatWaitsForItsFlushIsNotRefreshed() throws {
    var scene = BoardScene()
    try scene.quote("AAPL")
    for step in 1...20 {
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: 10_000 + UInt64(step) * 50)
    }
    #expect(scene.sink.drain().isEmpty)
    #expect(scene.flush(at: 12_000).map(\.isSet) == [true, false])
  }

  /// However often it is called: only what is old enough is written.
  @Test func aKeyIsNotRefreshedMoreOftenThanItsAgeAsks() throws {
    var scene = BoardScene()
    try scene.quote("AAPL")
    _ = scene.flush(at: 0)
    for now in 1...4_000 as ClosedRange<UInt64> {
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: now)
    }
    let due = UInt64(MarketKey.quote.ttlMilliseconds) / IngestLimits.refreshAgeFraction
    #expect((1...4_000 / due).contains(scene.board.counters.refreshes))
    #expect(scene.board.counters.writes == scene.board.counters.refreshes + 1)
  }

  /// Goal: a refused slice is late by one period, not by a round. Method: a sink that is full each
  /// eighth call, which would always hit the same slice.
  @Test func aRefusedSliceIsLookedAtAgain() throws {
    var scene = BoardScene()
    var leases = Leases()
    try fill(&scene, symbols: 64)
    _ = leases.take(scene.flush(at: 0), now: 0)
    for step in 1...200 {
      let now = UInt64(step) * 50
      scene.sink.takes = { _ in step % IngestLimits.refreshSlices != 3 }
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: now)
      _ = leases.take(scene.sink.drain(), now: now)
      #expect(leases.overdue(now: now).isEmpty, "at \(now)")
    }
    #expect(scene.sink.refused > 0)
  }
}
