import MarketData
import Testing

@testable import Gateway

private func heartbeat(
  _ number: UInt64, epoch: UInt64 = 1, _ state: FeedHeartbeat.State = .live
) -> FeedHeartbeat {
  FeedHeartbeat(
    sequence: SequenceNumber(epoch: epoch, number: number),
    timestamp: Timestamp(nanoseconds: 0), state: state, speedThousandths: 1_000,
    symbolsVersion: 1, stale: .symbols([]))
}

@Suite struct FeedWatchTests {
  private let silence = GatewayLimits.heartbeatAgeMaxMilliseconds

  @Test func aFeedThatIsNeverHeardOfBecomesStale() {
    var watch = FeedWatch(nowMilliseconds: 1_000)
    #expect(watch.condition == .unknown)
    #expect(watch.isLive)
    #expect(watch.tick(nowMilliseconds: 1_000 + silence) == nil)
    #expect(watch.condition == .unknown)
    #expect(watch.tick(nowMilliseconds: 1_001 + silence) == .becameStale)
    #expect(!watch.isLive)
    #expect(watch.tick(nowMilliseconds: 1_101 + silence) == nil)
  }

  @Test func theFirstHeartbeatIsNoChange() {
    var watch = FeedWatch(nowMilliseconds: 0)
    #expect(watch.receive(heartbeat(5), nowMilliseconds: 100) == nil)
    #expect(watch.condition == .live)
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
}
