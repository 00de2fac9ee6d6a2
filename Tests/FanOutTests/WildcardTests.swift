import Testing

@testable import FanOut

@Suite struct WildcardTests {
  private struct Market {
    let scene: Scene
    let group: GroupID
    let topics: [TopicID]

    init(
      _ kind: TopicKind, _ channel: String, topics count: Int = 4,
      _ change: (inout FanOutLimits) -> Void = { _ in }
    ) {
      let scene = Scene(change)
      let group = scene.distributor.addGroup(kind, channel: channel)
      self.scene = scene
      self.group = group
      topics = (0..<count).map { scene.topic(kind, "S\($0)", channel, in: group) }
    }

    var distributor: Distributor { scene.distributor }

    func offer(_ topic: Int, _ version: Int) {
      scene.offer(topics[topic], "{\"t\":\(topic),\"v\":\(version)}")
    }

    /// Topic * 100 + version of each message, gaps as their negative number.
    func flush() -> [Int] {
      scene.flush().map { message in
        if case .gap(_, _, let missed) = message { return missed.map { -Int($0) } ?? Int.min }
        return message.number("t")! * 100 + message.number("v")!
      }
    }
  }

  @Test func joiningSendsEveryTopicsNewestValueOnce() {
    let market = Market(.state, "quotes")
    market.offer(2, 1)
    market.offer(0, 1)
    market.offer(2, 2)
    let client = market.scene.client()
    #expect(market.distributor.subscribeAll(client, of: market.group) == .added)
    #expect(market.distributor.subscribeAll(client, of: market.group) == .alreadyHeld)
    #expect(market.flush() == [1, 202])
    #expect(market.flush().isEmpty)
    market.offer(3, 1)
    market.offer(0, 2)
    #expect(market.flush() == [301, 2])
  }

  @Test func aSlowHolderGetsEachChangedTopicOnce() {
    let market = Market(.state, "quotes")
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    market.distributor.clientBlocked(client)
    for version in 1...50 {
      market.offer(version % 3, version)
      #expect(market.flush().isEmpty)
    }
    market.distributor.clientWritable(client)
    #expect(market.flush() == [48, 149, 250])
  }

  @Test func topicsMadeLaterAreIncluded() {
    let market = Market(.events(ringMessagesMax: 8), "trades")
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    let late = market.scene.topic(
      .events(ringMessagesMax: 8), "LATE", "trades", in: market.group)
    #expect(market.distributor.subscriberCount(of: late) == 1)
    market.scene.offer(late, #"{"t":9,"v":1}"#)
    #expect(market.flush() == [901])
  }

  @Test func eventsComeInTheGroupsOrderFromNowOn() {
    let market = Market(.events(ringMessagesMax: 8), "trades")
    market.offer(0, 1)
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    for (topic, version) in [(1, 1), (0, 2), (1, 2), (3, 1)] { market.offer(topic, version) }
    #expect(market.flush() == [101, 2, 102, 301])
  }

  @Test func fallingOffTheLogIsToldWithTheExactNumber() {
    let market = Market(.events(ringMessagesMax: 64), "trades") { $0.groupLogEntriesMax = 8 }
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    for version in 1...20 { market.offer(version % 4, version) }
    let received = market.scene.flush()
    #expect(received.first == .gap(symbol: "*", channel: "trades", missed: 12))
    #expect(received.dropFirst().compactMap { $0.number("v") } == Array(13...20))
  }

  @Test func whatATopicsRingForgotIsToldWithItsName() {
    let market = Market(.events(ringMessagesMax: 2), "trades")
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    for version in 1...5 { market.offer(1, version) }
    market.offer(2, 1)
    #expect(
      market.scene.flush().first == .gap(symbol: "S1", channel: "trades", missed: 3))
    for version in 2...5 { for topic in 0...1 { market.offer(topic, version) } }
    #expect(market.scene.flush().first == .gap(symbol: "*", channel: "trades", missed: 4))
  }

  @Test(arguments: [TopicKind.state, .events(ringMessagesMax: 8)])
  func holdingASymbolAndTheWildcardRepeatsNothing(_ kind: TopicKind) {
    for explicitFirst in [true, false] {
      let market = Market(kind, "quotes")
      market.offer(1, 1)
      let client = market.scene.client()
      let isState = kind == .state
      if explicitFirst {
        market.distributor.subscribe(client, to: market.topics[1])
        #expect(market.flush() == (isState ? [101] : []))
        market.distributor.subscribeAll(client, of: market.group)
        #expect(market.flush().isEmpty)
      } else {
        market.distributor.subscribeAll(client, of: market.group)
        #expect(market.flush() == (isState ? [101] : []))
        market.distributor.subscribe(client, to: market.topics[1])
        #expect(market.flush().isEmpty)
      }
      market.offer(1, 2)
      market.offer(0, 1)
      #expect(market.flush() == [102, 1])
      #expect(market.distributor.held(by: client) == [market.topics[1]])
      #expect(market.distributor.subscriberCount(of: market.topics[1]) == 1)
    }
  }

  @Test(arguments: [TopicKind.state, .events(ringMessagesMax: 8)])
  func unsubscribingASymbolLeavesTheWildcard(_ kind: TopicKind) {
    let market = Market(kind, "quotes")
    let client = market.scene.client()
    market.distributor.subscribe(client, to: market.topics[1])
    market.offer(1, 1)
    market.distributor.subscribeAll(client, of: market.group)
    #expect(market.distributor.unsubscribe(client, from: market.topics[1]))
    #expect(market.distributor.held(by: client).isEmpty)
    #expect(market.flush() == [101])
    market.offer(1, 2)
    #expect(market.flush() == [102])
    #expect(market.distributor.unsubscribeAll(client, of: market.group))
    market.offer(1, 3)
    #expect(market.flush().isEmpty)
    #expect(market.distributor.memory.subscriptions == 0)
  }

  @Test(arguments: [TopicKind.state, .events(ringMessagesMax: 8)])
  func givingUpTheWildcardKeepsTheSymbolsWithoutHoleOrRepeat(_ kind: TopicKind) {
    let market = Market(kind, "quotes")
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    market.distributor.subscribe(client, to: market.topics[1])
    market.offer(1, 1)
    market.offer(2, 1)
    #expect(market.flush() == [101, 201])
    market.distributor.clientBlocked(client)
    market.offer(1, 2)
    market.offer(2, 2)
    _ = market.flush()
    market.distributor.unsubscribeAll(client, of: market.group)
    market.offer(1, 3)
    market.offer(2, 3)
    market.distributor.clientWritable(client)
    #expect(market.flush() == (kind == .state ? [103] : [102, 103]))
    #expect(!market.distributor.holdsWildcard(client, of: market.group))
  }

  @Test func aLossBetweenASymbolsTurnAndTheWildcardsIsTold() {
    // The client falls behind, takes the wildcard, is served for the symbol but not yet for the
    // wildcard, and gives the wildcard up: what the ring forgot in between must not go unsaid.
    let market = Market(.events(ringMessagesMax: 2), "trades")
    let scene = market.scene
    let client = scene.client()
    let wide = scene.topic(.state, "WIDE")
    market.distributor.subscribe(client, to: market.topics[1])
    market.distributor.subscribe(client, to: wide)
    market.distributor.clientBlocked(client)
    market.offer(1, 1)
    scene.offer(wide, "{\"p\":\"" + String(repeating: "x", count: 20_000) + "\"}")
    market.distributor.subscribeAll(client, of: market.group)
    for version in 2...5 { market.offer(1, version) }
    market.distributor.clientWritable(client)
    scene.transport.outcome = { _, _ in .buffered }
    #expect(scene.flush() == [.gap(symbol: "S1", channel: "trades", missed: 1)])
    market.distributor.unsubscribeAll(client, of: market.group)
    scene.transport.outcome = { _, _ in .drained }
    market.distributor.clientWritable(client)
    let trades = scene.flush().filter { $0.number("t") == 1 || $0.number("p") == nil }
    #expect(
      trades.dropFirst() == [
        .gap(symbol: "S1", channel: "trades", missed: nil),
        .text(#"{"t":1,"v":4}"#), .text(#"{"t":1,"v":5}"#),
      ])
  }

  @Test func anUnknownGapAfterTheWildcardCameIsToldOnce() {
    // Failed before: the symbol's record, marked but owed nothing, told the wildcard's gap as well.
    let market = Market(.events(ringMessagesMax: 1), "trades")
    market.distributor.subscribe(market.scene.client(.messagePack), to: market.topics[1])
    let client = market.scene.client()
    market.offer(1, 1)
    market.distributor.subscribe(client, to: market.topics[1])
    market.distributor.subscribeAll(client, of: market.group)
    market.distributor.offerGap(market.topics[1], missed: nil)
    market.offer(1, 2)
    #expect(
      market.scene.flush(client) == [
        .gap(symbol: "S1", channel: "trades", missed: nil), .text(#"{"t":1,"v":2}"#),
      ])
  }

  @Test func aNoticeThatLeftTheRingIsNoLoss() {
    // Failed before: a symbol held after the notice had gone told a gap of unknown size.
    let market = Market(.events(ringMessagesMax: 1), "trades")
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    market.distributor.offerNotice(market.topics[1], #"{"T":"stale"}"#)
    market.offer(1, 1)
    market.distributor.subscribe(client, to: market.topics[1])
    market.distributor.unsubscribeAll(client, of: market.group)
    #expect(market.flush() == [101])
  }

  @Test func askingForAnotherDepthSendsEveryBookInIt() {
    let market = Market(.book, "orderbooks")
    let client = market.scene.client()
    for topic in 0..<2 { market.offer(topic, 1) }
    market.distributor.subscribe(client, to: market.topics[1])
    market.distributor.subscribeAll(client, of: market.group)
    #expect(market.flush().count == 2)
    #expect(market.distributor.subscribeAll(client, of: market.group, depth: .one) == .alreadyHeld)
    let received = market.scene.flush()
    // The symbol held by name keeps the depth it was asked for with.
    #expect(received.map { $0.number("t") } == [0, 1])
    #expect(received.map { $0.number("cut") } == [1, nil])
  }

  @Test func aRemovedTopicsEventsAreStillAccountedFor() {
    let market = Market(.events(ringMessagesMax: 8), "trades")
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    market.offer(0, 1)
    market.offer(1, 1)
    market.offer(1, 2)
    market.distributor.removeTopic(market.topics[1])
    market.offer(0, 2)
    #expect(market.flush() == [1, -2, 2])
  }

  @Test func theListOfAStateGroupSurvivesRemovalsInAnyOrder() {
    for removed in 0..<4 {
      let market = Market(.state, "quotes")
      for topic in 0..<4 { market.offer(topic, 1) }
      market.distributor.removeTopic(market.topics[removed])
      market.distributor.subscribeAll(market.scene.client(), of: market.group)
      #expect(market.flush() == [1, 101, 201, 301].filter { $0 / 100 != removed })
    }
  }

  @Test func aWideSnapshotGoesOutInBoundedFrames() {
    let market = Market(.state, "quotes", topics: 3_000)
    for topic in 0..<3_000 { market.offer(topic, 1) }
    let client = market.scene.client()
    market.distributor.subscribeAll(client, of: market.group)
    market.scene.transport.outcome = { _, _ in .buffered }
    var count = 0
    repeat {
      let frames = market.scene.flushFrames()
      #expect(frames.count == 1 && frames[0].bytes <= 16_384)
      count += frames[0].messages.count
      market.distributor.clientWritable(client)
    } while count < 3_000
    #expect(count == 3_000)
    #expect(market.flush().isEmpty)
  }
}
