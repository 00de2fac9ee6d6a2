import Feeds
import MarketData
import Testing

/// Ten events a second apart, at 0 to 9 s of the feed, unless said otherwise.
@Suite struct FeedPlayerControlTests {
  private let monotonicStart: UInt64 = 50_000_000_000
  private let wallStart: Int64 = 1_700_000_000_000_000_000
  private let source: ListedSource
  private let player: FeedPlayer

  init() {
    source = ListedSource(milliseconds: (0...9).map { $0 * 1_000 })
    player = FeedPlayer(source: source)
  }

  private func now(_ milliseconds: Int64) -> UInt64 {
    monotonicStart + UInt64(milliseconds * 1_000_000)
  }

  private func wall(_ milliseconds: Int64) -> Timestamp {
    Timestamp(nanoseconds: wallStart + milliseconds * 1_000_000)
  }

  private func feed(_ milliseconds: Int64) -> Timestamp {
    Timestamp(nanoseconds: milliseconds * 1_000_000)
  }

  private func text(_ step: FeedStep?) -> String {
    func item(_ item: FeedItem) -> String {
      guard case .quote(let quote) = item.event else { return "?" }
      return "\(item.position)@\((quote.timestamp.nanoseconds - wallStart) / 1_000_000)"
    }
    switch step {
    case nil: return "nil"
    case .item(let given): return item(given)
    case .passed(let given): return "passed \(item(given))"
    case .idle(.max): return "idle"
    case .idle(let until):
      return "idle \((Int64(clamping: until) - Int64(monotonicStart)) / 1_000_000)"
    case .restarted: return "restarted"
    case .ended: return "ended"
    }
  }

  /// Steps until something else than an item comes.
  private func steps(_ player: FeedPlayer, _ milliseconds: Int64) throws -> [String] {
    var steps: [String] = []
    while true {
      let step = try player.step(
        monotonicNanoseconds: now(milliseconds), wall: wall(milliseconds))
      steps.append(text(step))
      switch step {
      case .item, .passed: continue
      default: return steps
      }
    }
  }

  private func next(_ player: FeedPlayer, _ milliseconds: Int64) throws -> String {
    text(
      try player.takeNext(monotonicNanoseconds: now(milliseconds), wall: wall(milliseconds)))
  }

  @Test func aPauseStopsTheClockAndResumingGoesOnFromThere() throws {
    #expect(try steps(player, 0) == ["1@0", "idle 1000"])
    player.pause(monotonicNanoseconds: now(400))
    #expect(player.feedTime(monotonicNanoseconds: now(9_000)) == feed(400))
    #expect(try steps(player, 30_000) == ["idle"])
    player.resume()
    // 600 ms of the feed are left to the second event; its time is now, not that of the pause.
    #expect(try steps(player, 50_000) == ["idle 50600"])
    #expect(try steps(player, 50_600) == ["2@50600", "idle 51600"])
  }

  @Test func aPauseOfAFeedThatIsBehindGivesNothingAway() throws {
    _ = try steps(player, 0)
    player.pause(monotonicNanoseconds: now(5_500))
    // The second event was due at 1,000 and had not been asked for.
    #expect(player.feedTime(monotonicNanoseconds: now(5_500)) == feed(1_000))
    player.resume()
    #expect(try steps(player, 6_000) == ["2@6000", "idle 7000"])
  }

  @Test func aStepTakesOneEventAndStaysThere() throws {
    _ = try steps(player, 0)
    #expect(try next(player, 10) == "nil")
    player.pause(monotonicNanoseconds: now(100))
    #expect(try next(player, 20_000) == "2@20000")
    #expect(try steps(player, 20_500) == ["idle"])
    #expect(try next(player, 21_000) == "3@21000")
    #expect(player.feedTime(monotonicNanoseconds: now(22_000)) == feed(2_000))
    player.resume()
    #expect(try steps(player, 30_000) == ["idle 31000"])
  }

  @Test func stepsGoOverTheEndAndTheSeam() throws {
    player.pause(monotonicNanoseconds: now(0))
    for number in 1...10 { #expect(try next(player, Int64(number)) == "\(number)@\(number)") }
    #expect(try next(player, 11) == "ended")
    #expect(try player.seek(to: feed(9_000)))
    player.loops = true
    #expect(try next(player, 12) == "nil")
    #expect(try steps(player, 12).last == "idle")
    #expect(try next(player, 13) == "10@13")
    #expect(try next(player, 13) == "restarted")
    #expect(try next(player, 13) == "1@13")
  }

  @Test func aSeekAheadPassesOverWhatLiesBetween() throws {
    _ = try steps(player, 0)
    #expect(try player.seek(to: feed(4_500)) == false)
    #expect(player.isPassing)
    // Timestamps lie before now as far as the events lie before the place.
    #expect(
      try steps(player, 500) == [
        "passed 2@-3000", "passed 3@-2000", "passed 4@-1000", "passed 5@0", "idle 1000",
      ])
    #expect(!player.isPassing && source.rewinds == 0)
    #expect(player.feedTime(monotonicNanoseconds: now(700)) == feed(4_700))
    #expect(try steps(player, 1_000) == ["6@1000", "idle 2000"])
  }

  @Test func aSeekBackReadsFromTheBeginningAndPlaysWhatIsAtThePlace() throws {
    _ = try steps(player, 0)
    for second in 1...5 { _ = try steps(player, Int64(second) * 1_000) }
    #expect(player.position == 6)
    #expect(try player.seek(to: feed(2_000)))
    #expect(try steps(player, 5_500) == ["passed 1@3500", "passed 2@4500", "3@5500", "idle 6500"])
    #expect(source.rewinds == 1)
  }

  /// An event at the place may have been played already: it is behind then.
  @Test func aSeekToWherePlayIsGoesBack() throws {
    _ = try steps(player, 0)
    _ = try steps(player, 1_000)
    #expect(try player.seek(to: feed(1_000)))
    #expect(try steps(player, 1_500) == ["passed 1@500", "2@1500", "idle 2500"])
  }

  @Test func aSeekBeforeTheFirstEventDoesNotWaitForIt() throws {
    _ = try steps(player, 0)
    #expect(try player.seek(to: feed(-86_400_000)))
    #expect(try steps(player, 70) == ["1@70", "idle 1070"])
  }

  @Test func aSeekPastTheEndIsTheEnd() throws {
    _ = try steps(player, 0)
    #expect(try player.seek(to: feed(60_000)) == false)
    #expect(try steps(player, 10).suffix(2) == ["passed 10@-50990", "ended"])
    #expect(!player.isPassing && player.hasEnded)
    #expect(try player.seek(to: feed(70_000)) == false)
    #expect(try steps(player, 11) == ["ended"])
    #expect(try player.seek(to: feed(9_000)))
    #expect(try steps(player, 12).suffix(2) == ["10@12", "ended"])
    let looping = FeedPlayer(source: source, loops: true)
    source.index = 0
    _ = try looping.seek(to: feed(60_000))
    #expect(try steps(looping, 20).last == "restarted")
    #expect(try steps(looping, 20) == ["1@20", "idle 1020"])
  }

  @Test func aPausedPlayGoesToAPlaceAndStaysPaused() throws {
    _ = try steps(player, 0)
    player.pause(monotonicNanoseconds: now(10))
    _ = try player.seek(to: feed(3_000))
    #expect(try next(player, 10) == "nil")
    #expect(try steps(player, 20).last == "idle")
    #expect(player.position == 3 && player.feedTime(monotonicNanoseconds: now(90)) == feed(3_000))
    #expect(try next(player, 30) == "4@30")
  }

  @Test func restartGoesToTheBeginningAlsoFromTheEnd() throws {
    _ = try steps(player, 0)
    for second in 1...10 { _ = try steps(player, Int64(second) * 1_000) }
    #expect(player.hasEnded)
    try player.restart()
    #expect(!player.hasEnded)
    #expect(try steps(player, 20_000) == ["1@20000", "idle 21000"])
  }

  @Test func anotherSpeedGoesOnFromWhereTheClockIs() throws {
    _ = try steps(player, 0)
    player.setSpeed(try FeedSpeed(parsing: "2"), monotonicNanoseconds: now(500))
    #expect(try steps(player, 500) == ["idle 750"])
    player.setSpeed(try FeedSpeed(parsing: "0.1"), monotonicNanoseconds: now(600))
    // 700 ms of the feed are over, 300 are left.
    #expect(try steps(player, 600) == ["idle 3600"])
    player.setSpeed(.max, monotonicNanoseconds: now(700))
    #expect(try steps(player, 700).count == 10)
    #expect(player.hasEnded)
  }

  @Test func loopingCanBeTurnedOnAndOff() throws {
    let player = FeedPlayer(
      source: ListedSource(milliseconds: [0, 10]), clock: FeedClock(speed: .max), loops: true)
    #expect(try steps(player, 0) == ["1@0", "2@0", "restarted"])
    player.loops = false
    #expect(try steps(player, 0) == ["1@0", "2@0", "ended"])
    try player.restart()
    player.loops = true
    #expect(try steps(player, 0).last == "restarted")
  }

  @Test func aFeedWithAStartPassesOverWhatIsBeforeItInEachPass() throws {
    let bounded = BoundedFeed(
      source, try FeedBounds(start: .instant(feed(8_000)), end: .instant(feed(9_000))))
    let player = FeedPlayer(source: bounded, loops: true)
    let pass = try steps(player, 0)
    #expect(pass.count == 10 && pass[0] == "passed 1@-8000" && pass[7] == "passed 8@-1000")
    #expect(pass.suffix(2) == ["9@0", "restarted"])
    #expect(try steps(player, 5).suffix(2) == ["9@5", "restarted"])
    // A place before the start is the start.
    _ = try player.seek(to: feed(1_000))
    #expect(try steps(player, 7).suffix(2) == ["9@7", "restarted"])
  }

  @Test func theEndsOfTimeDoNotTrap() throws {
    for time in [Int64.min, .max] {
      for speed in ["max", "1000000", "0.000000001"] {
        let player = FeedPlayer(
          source: ListedSource(milliseconds: [0, 1_000]),
          clock: FeedClock(speed: try FeedSpeed(parsing: speed)))
        _ = try steps(player, 0)
        _ = try player.seek(to: Timestamp(nanoseconds: time))
        _ = player.feedTime(monotonicNanoseconds: .max)
        _ = try steps(player, 10)
        player.pause(monotonicNanoseconds: .max)
        player.setSpeed(try FeedSpeed(parsing: "3"), monotonicNanoseconds: 0)
        player.resume()
        _ = try steps(player, 20)
      }
    }
  }

  /// FNV-1a of what a play hands out, with original timestamps.
  private func hash(_ player: FeedPlayer, until last: Timestamp? = nil) throws -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    while true {
      guard case .item(let item) = try player.step(monotonicNanoseconds: now(0), wall: wall(0))
      else { return hash }
      for byte in item.text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      if let last, item.time >= last { return hash }
    }
  }

  /// The same tape gives the same events each time, and behind a place the same whatever was before.
  @Test func theEventsAreTheSameEachTimeAndOnEveryWay() throws {
    let spec = try SimulationSpec(parsing: "sim:stocks=20,crypto=2,rate=1000,seconds=10,seed=3")
    func player() throws -> FeedPlayer {
      FeedPlayer(
        source: try SimulatedFeed(spec, context: FeedContext()),
        clock: FeedClock(speed: .max, timestamps: .original))
    }
    let whole = try hash(try player())
    #expect(try hash(try player()) == whole)
    func start(_ seconds: Int64) -> Timestamp {
      Timestamp(nanoseconds: SimulatedFeed.sessionStart.nanoseconds + seconds * 1_000_000_000)
    }
    /// Passes over what lies before, and gives the hash of the rest.
    func rest(_ player: FeedPlayer, from place: Timestamp) throws -> UInt64 {
      _ = try player.seek(to: place)
      while player.isPassing {
        player.pause(monotonicNanoseconds: now(0))
        _ = try player.step(monotonicNanoseconds: now(0), wall: wall(0))
      }
      player.resume()
      return try hash(player)
    }
    let tail = try rest(try player(), from: start(6))
    #expect(tail != whole)
    let wanderer = try player()
    _ = try hash(wanderer, until: start(8))
    #expect(try rest(wanderer, from: start(6)) == tail)
    _ = try rest(wanderer, from: start(2))
    #expect(try rest(wanderer, from: start(6)) == tail)
    try wanderer.restart()
    #expect(try hash(wanderer) == whole)
  }
}
