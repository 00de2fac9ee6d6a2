import MarketData
import Testing

@testable import Gateway

private func event(
  _ number: UInt64, after previous: UInt64?, epoch: UInt64 = 1, of previousEpoch: UInt64? = nil
) -> MessageHeader {
  let previous = previous.map { SequenceNumber(epoch: previousEpoch ?? epoch, number: $0) }
  return MessageHeader(
    sequence: SequenceNumber(epoch: epoch, number: number), previous: previous, kind: .trade)
}

private func state(_ number: UInt64, epoch: UInt64 = 1) -> MessageHeader {
  event(number, after: nil, epoch: epoch)
}

private func marker(_ number: UInt64) -> MessageHeader {
  MessageHeader(
    sequence: SequenceNumber(epoch: 1, number: number), kind: .stale)
}

@Suite struct TopicStateTests {
  @Test func whatIsNotNewerIsDropped() {
    var topic = TopicState(carriesEvents: false)
    #expect(topic.receive(state(5)) == .deliver)
    #expect(topic.receive(state(5)) == .drop)
    #expect(topic.receive(state(4)) == .drop)
    #expect(topic.receive(state(1, epoch: 2)) == .deliver)
    #expect(topic.receive(state(9)) == .drop)
  }

  @Test func aValueReadAtTheJoinIsDeliveredUnlessALiveOneIsNewer() {
    var topic = TopicState(carriesEvents: false)
    let first = topic.subscribed()
    #expect(topic.read(state(3), generation: first, feedIsLive: true) == .deliver)
    let second = topic.subscribed()
    #expect(topic.receive(state(8)) == .deliver)
    #expect(topic.read(state(7), generation: second, feedIsLive: true) == .drop)
  }

  @Test func theAnswerToAnOlderReadIsIgnored() {
    var topic = TopicState(carriesEvents: false)
    let old = topic.subscribed()
    topic.linkLost()
    let new = topic.subscribed()
    #expect(topic.read(state(3), generation: old, feedIsLive: true) == .drop)
    #expect(topic.phase == .reading)
    #expect(topic.read(state(4), generation: new, feedIsLive: true) == .deliver)
  }

  @Test func aKeyThatOutlivesItsFeedIsNotShown() {
    var topic = TopicState(carriesEvents: false)
    let join = topic.subscribed()
    #expect(topic.read(state(3), generation: join, feedIsLive: false) == .drop)
  }

  @Test func anEventReadAtTheJoinIsNotDelivered() {
    var topic = TopicState(carriesEvents: true)
    let join = topic.subscribed()
    #expect(topic.read(event(3, after: 1), generation: join, feedIsLive: true) == .drop)
    #expect(topic.receive(event(7, after: 3)) == .deliver)
  }

  @Test func aLossBetweenJoinAndFirstEventIsAnnounced() {
    var topic = TopicState(carriesEvents: true)
    let join = topic.subscribed()
    #expect(topic.read(event(3, after: 1), generation: join, feedIsLive: true) == .drop)
    #expect(topic.receive(event(9, after: 7)) == .deliverAfterGap)
  }

  @Test func anEventOvertakenByTheReadIsStillDelivered() {
    var topic = TopicState(carriesEvents: true)
    let join = topic.subscribed()
    #expect(topic.read(event(9, after: 7), generation: join, feedIsLive: true) == .drop)
    #expect(topic.receive(event(7, after: 3)) == .deliver)
    #expect(topic.receive(event(9, after: 7)) == .deliver)
  }

  @Test func aPreviousNumberThatWasNotSeenIsAGap() {
    var topic = TopicState(carriesEvents: true)
    #expect(topic.receive(event(2, after: 1)) == .deliver)
    #expect(topic.receive(event(5, after: 2)) == .deliver)
    #expect(topic.receive(event(9, after: 7)) == .deliverAfterGap)
    #expect(topic.receive(event(10, after: 9)) == .deliver)
  }

  @Test func aLoopOfTheTapeIsNoGapAndARestartOfTheIngesterIs() {
    var topic = TopicState(carriesEvents: true)
    #expect(topic.receive(event(100, after: 90)) == .deliver)
    #expect(topic.receive(event(4, after: 100, epoch: 2, of: 1)) == .deliver)
    #expect(topic.receive(event(4, after: 0, epoch: 3)) == .deliverAfterGap)
  }

  @Test func aWholeLostPassOfTheTapeIsAGapThoughNumbersRepeat() {
    var topic = TopicState(carriesEvents: true)
    #expect(topic.receive(event(100, after: 90)) == .deliver)
    #expect(topic.receive(event(4, after: 100, epoch: 3, of: 2)) == .deliverAfterGap)
  }

  @Test func aMarkerIsAnnouncedOnceAndTheNextValueClearsIt() {
    var topic = TopicState(carriesEvents: false)
    #expect(topic.receive(state(5)) == .deliver)
    #expect(topic.receive(marker(6)) == .announceStale)
    #expect(topic.receive(marker(7)) == .drop)
    #expect(topic.receive(state(5)) == .drop)
    #expect(topic.isStale)
    #expect(topic.receive(state(8)) == .deliver)
    #expect(!topic.isStale)
  }

  @Test func afterAStopTheSameValueWrittenAgainClearsStaleness() {
    var topic = TopicState(carriesEvents: false)
    #expect(topic.receive(state(5)) == .deliver)
    let (first, again) = (topic.feedStopped(), topic.feedStopped())
    #expect(first && !again)
    #expect(topic.receive(state(5)) == .deliver)
    #expect(!topic.isStale)
  }

  @Test func afterAStopAnEventIsNotRepeated() {
    var topic = TopicState(carriesEvents: true)
    #expect(topic.receive(event(5, after: 4)) == .deliver)
    let told = topic.feedStopped()
    #expect(told)
    #expect(topic.receive(event(5, after: 4)) == .drop)
  }

  // MARK: - Verifying

  private func joinedQuote(_ number: UInt64 = 5) -> TopicState {
    var topic = TopicState(carriesEvents: false)
    let join = topic.subscribed()
    #expect(topic.read(state(number), generation: join, feedIsLive: true) == .deliver)
    return topic
  }

  @Test func aQuietStateIsVerifiedAndABusyOneIsNot() {
    let quiet = UInt64(GatewayLimits.verifyQuietMilliseconds)
    var topic = joinedQuote()
    #expect(topic.receive(state(6), nowMilliseconds: 10_000) == .deliver)
    #expect(!topic.wantsVerifying(nowMilliseconds: 10_000 + quiet - 1))
    #expect(topic.wantsVerifying(nowMilliseconds: 10_000 + quiet))
    // Modulo 2^32.
    #expect(topic.receive(state(7), nowMilliseconds: (1 << 32) - 100) == .deliver)
    #expect(!topic.wantsVerifying(nowMilliseconds: (1 << 32) + 100))
    #expect(topic.wantsVerifying(nowMilliseconds: (1 << 32) + quiet))
  }

  @Test func aStateLostOnItsChannelIsFoundInItsKey() {
    var topic = joinedQuote()
    let look = topic.generation
    #expect(topic.verify(state(5), generation: look, isNamedStale: false) == .drop)
    #expect(topic.verify(state(8), generation: look, isNamedStale: false) == .deliver)
    #expect(topic.receive(state(8)) == .drop, "not twice")
    #expect(topic.verify(state(7), generation: look, isNamedStale: false) == .drop, "not back")
  }

  @Test func aKeyThatIsGoneTwiceIsCalledStale() {
    var topic = joinedQuote()
    #expect(topic.verify(nil, generation: topic.generation, isNamedStale: false) == .drop)
    #expect(topic.verify(state(5), generation: topic.generation, isNamedStale: false) == .drop)
    #expect(topic.verify(nil, generation: topic.generation, isNamedStale: false) == .drop)
    #expect(topic.verify(nil, generation: topic.generation, isNamedStale: false) == .announceStale)
    #expect(topic.verify(nil, generation: topic.generation, isNamedStale: false) == .drop, "once")
    #expect(topic.wantsVerifying(nowMilliseconds: 0))
    #expect(topic.verify(state(5), generation: topic.generation, isNamedStale: false) == .deliver)
    #expect(!topic.isStale)
  }

  @Test func aMessageBetweenTwoLooksIsASignOfLife() {
    var topic = joinedQuote()
    #expect(topic.verify(nil, generation: topic.generation, isNamedStale: false) == .drop)
    #expect(topic.receive(state(6)) == .deliver)
    #expect(topic.verify(nil, generation: topic.generation, isNamedStale: false) == .drop)
  }

  @Test func aKeyThatIsGoneOfASymbolNamedStaleIsCalledStaleAtOnce() {
    var topic = joinedQuote()
    #expect(topic.verify(nil, generation: topic.generation, isNamedStale: true) == .announceStale)
  }

  /// Goal: what was read before a marker came does not undo it.
  @Test func aLookFromBeforeAMarkerIsIgnored() {
    var topic = joinedQuote()
    let look = topic.generation
    #expect(topic.receive(marker(5)) == .announceStale)
    #expect(topic.verify(state(5), generation: look, isNamedStale: false) == .drop)
    #expect(topic.isStale)
  }

  @Test func aNoticeOnATopicThatNeverHadAValueIsTakenBack() {
    var topic = TopicState(carriesEvents: false)
    let told = topic.feedStopped()
    let join = topic.subscribed()
    #expect(told)
    #expect(topic.read(nil, generation: join, feedIsLive: true) == .drop)
    #expect(topic.verify(nil, generation: join, isNamedStale: true) == .drop)
    #expect(topic.isStale)
    #expect(topic.verify(nil, generation: join, isNamedStale: false) == .withdrawNotice)
    #expect(!topic.isStale && topic.joinedWithoutValue)
  }

  @Test func aStaleEventTopicIsVouchedForByItsKey() {
    var topic = TopicState(carriesEvents: true)
    let join = topic.subscribed()
    #expect(topic.read(event(3, after: 1), generation: join, feedIsLive: true) == .drop)
    #expect(!topic.wantsVerifying(nowMilliseconds: 60_000))
    let told = topic.feedStopped()
    #expect(told && topic.wantsVerifying(nowMilliseconds: 60_000))
    #expect(
      topic.verify(event(3, after: 1), generation: topic.generation, isNamedStale: false) == .drop)
    #expect(!topic.isStale)
  }

  // MARK: - Joining late

  @Test func aTopicThatIsNotJoinedAgainInTimeIsOverdue() {
    let ageMax = GatewayLimits.heartbeatAgeMaxMilliseconds
    var topic = joinedQuote()
    #expect(!topic.isOverdue(nowMilliseconds: 90_000))
    topic.linkLost(sinceMilliseconds: 90_000)
    #expect(!topic.isOverdue(nowMilliseconds: 90_000 + ageMax))
    #expect(topic.isOverdue(nowMilliseconds: 90_001 + ageMax))
    // An acknowledgement and another loss do not make it younger.
    _ = topic.subscribed(nowMilliseconds: 91_000)
    topic.linkLost(sinceMilliseconds: 91_000)
    #expect(topic.isOverdue(nowMilliseconds: 90_001 + ageMax))
    let told = topic.feedStopped()
    #expect(told && !topic.isOverdue(nowMilliseconds: 99_000))
  }

  @Test func aLiveMessageJoinsAsTheReadDoes() {
    var topic = joinedQuote()
    topic.linkLost(sinceMilliseconds: 90_000)
    let join = topic.subscribed(nowMilliseconds: 90_100)
    #expect(topic.receive(state(4)) == .drop)
    #expect(topic.phase == .reading, "an older one says nothing")
    #expect(topic.receive(state(6)) == .deliver)
    #expect(topic.phase == .joined && !topic.isOverdue(nowMilliseconds: 99_000))
    #expect(topic.read(state(7), generation: join, feedIsLive: true) == .drop)
  }
}
