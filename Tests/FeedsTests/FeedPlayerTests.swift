import Feeds
import MarketData
import Testing

@Suite struct FeedPlayerTests {
  /// Monotonic zero and its wall time, apart so that they cannot be confused.
  private let monotonicStart: UInt64 = 50_000_000_000
  private let wallStart: Int64 = 1_700_000_000_000_000_000

  private func step(_ player: FeedPlayer, atMilliseconds: Int64) throws -> String {
    let step = try player.step(
      monotonicNanoseconds: monotonicStart + UInt64(atMilliseconds * 1_000_000),
      wall: Timestamp(nanoseconds: wallStart + atMilliseconds * 1_000_000))
    switch step {
    case .item(let item):
      guard case .quote(let quote) = item.event else { return "?" }
      return "\(item.position)@\((quote.timestamp.nanoseconds - wallStart) / 1_000_000)"
    case .idle(let until): return "idle \((Int64(until) - Int64(monotonicStart)) / 1_000_000)"
    case .passed(let item): return "passed \(item.position)"
    case .restarted: return "restarted"
    case .ended: return "ended"
    }
  }

  @Test func itemsComeWhenTheyAreDueWithTimesMovedToNow() throws {
    let player = FeedPlayer(source: ListedSource(milliseconds: [7_000, 7_010, 7_010, 7_500]))
    #expect(try step(player, atMilliseconds: 0) == "1@0")
    #expect(try step(player, atMilliseconds: 0) == "idle 10")
    #expect(try step(player, atMilliseconds: 9) == "idle 10")
    #expect(try step(player, atMilliseconds: 12) == "2@10")
    #expect(try step(player, atMilliseconds: 12) == "3@10")
    #expect(player.time == Timestamp(nanoseconds: 7_010_000_000) && player.position == 3)
    #expect(try step(player, atMilliseconds: 600) == "4@500")
    #expect(try step(player, atMilliseconds: 600) == "ended")
    #expect(try step(player, atMilliseconds: 600) == "ended")
  }

  @Test func aPullerThatWasAwayGoesOnFromWhereItWas() throws {
    let player = FeedPlayer(source: ListedSource(milliseconds: [0, 100, 200, 4_000]))
    #expect(try step(player, atMilliseconds: 0) == "1@0")
    #expect(try step(player, atMilliseconds: 50) == "idle 100")
    // Stopped for ten seconds: the second item comes now, the third 100 ms after it.
    #expect(try step(player, atMilliseconds: 10_050) == "2@10050")
    #expect(try step(player, atMilliseconds: 10_060) == "idle 10150")
    #expect(try step(player, atMilliseconds: 10_150) == "3@10150")
    // Nothing was due meanwhile: this is no absence, only a quiet feed.
    #expect(try step(player, atMilliseconds: 13_950) == "4@13950")
  }

  @Test func aPullerThatIsOnlySlowCatchesUp() throws {
    let player = FeedPlayer(source: ListedSource(milliseconds: [0, 1, 2, 3]))
    #expect(try step(player, atMilliseconds: 0) == "1@0")
    #expect(try step(player, atMilliseconds: 900) == "2@1")
    #expect(try step(player, atMilliseconds: 1_800) == "3@2")
    #expect(try step(player, atMilliseconds: 2_700) == "4@3")
  }

  @Test func aFactorPlaysFasterOrSlower() throws {
    let fast = FeedPlayer(
      source: ListedSource(milliseconds: [0, 1_000]),
      clock: FeedClock(speed: try FeedSpeed(parsing: "2.5")))
    _ = try step(fast, atMilliseconds: 0)
    #expect(try step(fast, atMilliseconds: 0) == "idle 400")
    #expect(try step(fast, atMilliseconds: 400) == "2@400")
    let slow = FeedPlayer(
      source: ListedSource(milliseconds: [0, 1_000]),
      clock: FeedClock(speed: try FeedSpeed(parsing: "0.1")))
    _ = try step(slow, atMilliseconds: 0)
    #expect(try step(slow, atMilliseconds: 0) == "idle 10000")
  }

  @Test func atFullSpeedNothingWaits() throws {
    let player = FeedPlayer(
      source: ListedSource(milliseconds: [0, 1_000_000, 2_000_000]), clock: FeedClock(speed: .max))
    #expect(try step(player, atMilliseconds: 0) == "1@0")
    #expect(try step(player, atMilliseconds: 3) == "2@3")
    #expect(try step(player, atMilliseconds: 4) == "3@4")
    #expect(try step(player, atMilliseconds: 4) == "ended")
  }

  @Test func aLoopSaysThatItRestartsAndTimesGoOn() throws {
    let player = FeedPlayer(source: ListedSource(milliseconds: [100, 200]), loops: true)
    #expect(try step(player, atMilliseconds: 0) == "1@0")
    #expect(try step(player, atMilliseconds: 100) == "2@100")
    #expect(try step(player, atMilliseconds: 130) == "restarted")
    #expect(try step(player, atMilliseconds: 130) == "1@130")
    #expect(try step(player, atMilliseconds: 130) == "idle 230")
    #expect(player.passes == 1)
  }

  @Test func anEmptyLoopEnds() throws {
    let player = FeedPlayer(source: ListedSource(milliseconds: []), loops: true)
    #expect(try step(player, atMilliseconds: 0) == "ended")
  }

  @Test func originalTimestampsStayAndRebasedAreNeverAfterNow() throws {
    let source = ListedSource(milliseconds: [5_000])
    guard case .quote(var quote) = source.items[0].event else { return }
    quote.timestamp = Timestamp(nanoseconds: 6_270_000_000)  // an exchange ahead of our clock
    source.items[0].event = .quote(quote)
    #expect(try step(FeedPlayer(source: source), atMilliseconds: 0) == "1@0")
    source.index = 0
    let original = FeedPlayer(source: source, clock: FeedClock(timestamps: .original))
    #expect(
      try step(original, atMilliseconds: 0) == "1@\((6_270_000_000 - wallStart) / 1_000_000)")
  }

  @Test func extremeTimesAndSpeedsSaturate() throws {
    let times = [Int64.min, .min + 1, -1, 0, 1, .max - 1, .max]
    for speed in ["0.000000001", "0.3", "1", "1000000"] {
      for start in times {
        var clock = FeedClock(speed: try FeedSpeed(parsing: speed))
        clock.start(
          at: Timestamp(nanoseconds: start), monotonicNanoseconds: 5,
          wall: Timestamp(nanoseconds: wallStart))
        var previous: UInt64 = 0
        for time in times {
          let due = clock.dueNanoseconds(Timestamp(nanoseconds: time))
          #expect(due >= previous)
          previous = due
          let outgoing = clock.outgoing(
            Timestamp(nanoseconds: time), wall: Timestamp(nanoseconds: wallStart))
          #expect(outgoing.nanoseconds <= wallStart)
        }
      }
    }
  }

  @Test(arguments: ["", "0", "-1", "fast", "1000001", "1e99", "0.0000000001"])
  func otherSpeedsAreRefused(text: String) {
    #expect(throws: FeedsError.self) { try FeedSpeed(parsing: text) }
  }

  @Test func speedsDescribeThemselves() throws {
    #expect(try FeedSpeed(parsing: "2.50").description == "2.5")
    #expect(FeedSpeed.max.description == "max" && FeedSpeed.realTime.description == "1")
  }
}
