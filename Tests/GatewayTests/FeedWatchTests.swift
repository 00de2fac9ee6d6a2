import MarketData
import Testing

@testable import Gateway

private func heartbeat(
  _ number: UInt64, epoch: UInt64 = 1, _ state: FeedHeartbeat.State = .live, run: UInt64 = 0,
  made: UInt64? = nil
) -> FeedHeartbeat {
  FeedHeartbeat(
    sequence: SequenceNumber(epoch: epoch, number: number),
    timestamp: Timestamp(nanoseconds: 0), state: state, speedThousandths: 1_000,
    symbolsVersion: 1, run: run, madeMilliseconds: made, stale: .symbols([]))
}

@Suite struct FeedWatchTests {
  private let silence = GatewayLimits.heartbeatAgeMaxMilliseconds

  @Test func aFeedThatIsNeverHeardOfBecomesStale() {
    var watch = FeedWatch(nowMilliseconds: 1_000)
    #expect(watch.condition == .unknown)
    #expect(!watch.isLive && !watch.isStale)
    #expect(watch.tick(nowMilliseconds: 1_000 + silence) == nil)
    #expect(watch.condition == .unknown)
    #expect(watch.tick(nowMilliseconds: 1_001 + silence) == .becameStale)
    #expect(watch.isStale)
    #expect(watch.tick(nowMilliseconds: 1_101 + silence) == nil)
  }

  @Test func theFirstHeartbeatMakesItLive() {
    var watch = FeedWatch(nowMilliseconds: 0)
    #expect(!watch.isHeard(nowMilliseconds: 0))
    #expect(watch.receive(heartbeat(5), nowMilliseconds: 100) == .becameLive)
    #expect(watch.isLive && watch.isHeard(nowMilliseconds: 100))
  }

  @Test func silenceMakesItStaleAndAHeartbeatLive() {
    var watch = FeedWatch(nowMilliseconds: 0)
    _ = watch.receive(heartbeat(5), nowMilliseconds: 100)
    #expect(watch.tick(nowMilliseconds: 100 + silence) == nil)
    #expect(watch.tick(nowMilliseconds: 101 + silence) == .becameStale)
    // The same numbers: the feed is quiet, but lives.
    #expect(watch.receive(heartbeat(5), nowMilliseconds: 5_000) == .becameLive)
    #expect(watch.tick(nowMilliseconds: 5_000 + silence) == nil)
    #expect(watch.condition == .live)
  }

  @Test func heartbeatsKeepItLive() {
    var watch = FeedWatch(nowMilliseconds: 0)
    _ = watch.receive(heartbeat(1), nowMilliseconds: 10)
    for step in 1...100 as ClosedRange<UInt64> {
      #expect(watch.receive(heartbeat(step), nowMilliseconds: step * 250) == nil)
      #expect(watch.tick(nowMilliseconds: step * 250 + 249) == nil)
    }
  }

  /// Goal: a former leader that was only asleep does not keep a dead feed alive, nor end a live one.
  @Test func anOlderHeartbeatIsIgnored() {
    var watch = FeedWatch(nowMilliseconds: 0)
    _ = watch.receive(heartbeat(5, epoch: 2), nowMilliseconds: 0)
    #expect(watch.receive(heartbeat(900, epoch: 1, .ended), nowMilliseconds: 1_400) == nil)
    #expect(watch.condition == .live)
    #expect(watch.heartbeat?.sequence == SequenceNumber(epoch: 2, number: 5))
    #expect(watch.receive(heartbeat(4, epoch: 2), nowMilliseconds: 1_400) == nil)
    #expect(watch.tick(nowMilliseconds: 1_501) == .becameStale)
  }

  @Test func aNewEpochStartsBelowTheOldNumbers() {
    var watch = FeedWatch(nowMilliseconds: 0)
    _ = watch.receive(heartbeat(90_000, epoch: 1), nowMilliseconds: 0)
    #expect(watch.receive(heartbeat(0, epoch: 2), nowMilliseconds: 1_400) == nil)
    #expect(watch.tick(nowMilliseconds: 1_600) == nil)
  }

  @Test(arguments: [FeedHeartbeat.State.paused, .ended])
  func aFeedThatSaysItIsNotLiveIsStale(state: FeedHeartbeat.State) {
    var watch = FeedWatch(nowMilliseconds: 0)
    _ = watch.receive(heartbeat(5), nowMilliseconds: 0)
    #expect(watch.receive(heartbeat(5, state), nowMilliseconds: 250) == .becameStale)
    #expect(!watch.isLive)
    #expect(watch.receive(heartbeat(5, state), nowMilliseconds: 500) == nil)
    #expect(watch.tick(nowMilliseconds: 10_000) == nil)
    #expect(watch.receive(heartbeat(6), nowMilliseconds: 10_250) == .becameLive)
  }

  @Test func aFeedThatIsNotLiveWhenFirstHeardOfIsStale() {
    var watch = FeedWatch(nowMilliseconds: 0)
    #expect(watch.receive(heartbeat(5, .ended), nowMilliseconds: 10) == .becameStale)
  }

  // MARK: - Heartbeats that waited

  /// A feed whose writer's clock is far from ours, heard 8 times at its usual pace.
  private func watchInPace(run: UInt64 = 0) -> FeedWatch {
    var watch = FeedWatch(nowMilliseconds: 0)
    for step in 0..<8 as Range<UInt64> {
      let late: UInt64 = step % 3 * 40
      _ = watch.receive(
        heartbeat(step, run: run, made: 900_000 + step * 250),
        nowMilliseconds: 1_000 + step * 250 + late)
    }
    return watch
  }

  /// Goal: what waited in a Redis that stood still makes nothing live, though it comes now.
  @Test func aHeartbeatThatWaitedCountsFromWhenItWasMade() {
    var watch = watchInPace()
    #expect(watch.isLive)
    // The last was made at 2,750 of our clock. Redis stops; three more wait in it until 7,000.
    #expect(watch.tick(nowMilliseconds: 4_251) == .becameStale)
    for step in 8...10 as ClosedRange<UInt64> {
      #expect(
        watch.receive(heartbeat(step, made: 900_000 + step * 250), nowMilliseconds: 7_000) == nil)
      #expect(watch.isStale && !watch.isHeard(nowMilliseconds: 7_000))
    }
    #expect(
      watch.receive(heartbeat(11, made: 906_100), nowMilliseconds: 7_100) == .becameLive)
  }

  @Test func aHeartbeatThatWaitedALittleVouchesForALittleLess() {
    var watch = watchInPace()
    _ = watch.receive(heartbeat(8, made: 902_000), nowMilliseconds: 4_000)  // 1,000 late
    #expect(watch.isLive)
    #expect(watch.tick(nowMilliseconds: 3_000 + silence) == nil)
    #expect(watch.tick(nowMilliseconds: 3_010 + silence) == .becameStale)
  }

  /// Goal: a writer whose machine was asleep is believed again, for its clock goes on from there.
  @Test func aClockThatFellBackIsLearnedAnew() {
    var watch = watchInPace()
    var changes: [FeedWatch.Change] = []
    for step in 0..<20 as Range<UInt64> {
      let change = watch.receive(
        heartbeat(8 + step, made: 903_000 + step * 250), nowMilliseconds: 60_000 + step * 250)
      if let change { changes.append(change) }
    }
    #expect(changes == [.becameStale, .becameLive])
  }

  /// Goal: heartbeats that are late all the time, since our own link lags behind, are never believed.
  @Test func aLinkThatLagsIsNotAnotherClock() {
    var watch = watchInPace()
    for step in 0..<100 as Range<UInt64> {
      _ = watch.receive(
        heartbeat(8 + step, made: 903_000 + step * 250), nowMilliseconds: 6_100 + step * 250,
        isPrompt: false)
      #expect(watch.isStale)
    }
  }

  /// Goal: clocks that drift apart by 100 ppm do not make a living feed late.
  @Test func clocksMayDrift() {
    var watch = FeedWatch(nowMilliseconds: 0)
    for step in 0..<100_000 as Range<UInt64> {
      let made = 5_000 + step * 250
      let change = watch.receive(
        heartbeat(step, made: made), nowMilliseconds: 1_000 + step * 250 + step / 40)
      #expect(change == (step == 0 ? .becameLive : nil))
    }
    #expect(watch.silence(nowMilliseconds: 1_000 + 99_999 * 250 + 99_999 / 40) < 50)
  }

  @Test(arguments: [0, UInt64(Int64.max)])
  func anyTimeOfMakingIsSurvived(made: UInt64) {
    var watch = watchInPace()
    _ = watch.receive(heartbeat(90, made: made), nowMilliseconds: 3_000)
    _ = watch.receive(heartbeat(91, made: UInt64(Int64.max) - made), nowMilliseconds: 3_100)
    _ = watch.tick(nowMilliseconds: 5_000)
  }

  // MARK: - Runs

  @Test func anEarlierRunsValuesEndWithItsOwnLastHeartbeat() {
    var watch = watchInPace(run: 10)  // heard last at 2,750 of our clock
    #expect(watch.earlierRunEnds(nowMilliseconds: 100_000) == false)
    #expect(watch.receive(heartbeat(0, epoch: 20, run: 20, made: 5), nowMilliseconds: 3_900) == nil)
    #expect(watch.run == 20)
    #expect(watch.earlierRunEnds(nowMilliseconds: 2_750 + silence) == false)
    #expect(watch.earlierRunEnds(nowMilliseconds: 2_751 + silence + 40) == true)
    #expect(watch.earlierRunEnds(nowMilliseconds: 10_000) == false, "once")
  }
}
