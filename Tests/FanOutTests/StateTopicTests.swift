import Testing

@testable import FanOut

@Suite struct StateTopicTests {
  @Test func newSubscriptionGetsTheNewestValueOnce() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let client = scene.client()
    scene.offer(quote, #"{"v":1}"#)
    scene.offer(quote, #"{"v":2}"#)
    #expect(scene.distributor.subscribe(client, to: quote) == .added)
    #expect(scene.flush() == [.text(#"{"v":2}"#)])
    #expect(scene.flush().isEmpty)
  }

  @Test func aTopicWithoutValueSendsNothingUntilItHasOne() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    scene.distributor.subscribe(scene.client(), to: quote)
    #expect(scene.flush().isEmpty)
    scene.offer(quote, #"{"v":1}"#)
    #expect(scene.distributor.hasPending)
    #expect(scene.flush() == [.text(#"{"v":1}"#)])
    #expect(!scene.distributor.hasPending)
  }

  @Test func aStateThatIsTakenBackIsGivenToNobodyElse() {
    let scene = Scene()
    let before = scene.distributor.memory.arenaBytesUsed
    let group = scene.distributor.addGroup(.state, channel: "quotes")
    let quote = scene.topic(.state, "AAPL", in: group)
    let early = scene.client()
    scene.distributor.subscribe(early, to: quote)
    scene.offer(quote, #"{"v":1}"#)
    #expect(scene.flush() == [.text(#"{"v":1}"#)])
    scene.distributor.withdrawState(quote)
    scene.distributor.withdrawState(quote)
    #expect(!scene.distributor.hasMessages(quote))
    scene.distributor.subscribe(scene.client(), to: quote)
    scene.distributor.subscribeAll(scene.client(), of: group)
    #expect(scene.flush().isEmpty)
    scene.offer(quote, #"{"v":2}"#)
    #expect(scene.flush() == Array(repeating: .text(#"{"v":2}"#), count: 3))
    scene.distributor.removeTopic(quote)
    #expect(scene.distributor.memory.arenaBytesUsed == before)
  }

  @Test func subscribingAgainRepeatsNothing() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let client = scene.client()
    scene.offer(quote, #"{"v":1}"#)
    scene.distributor.subscribe(client, to: quote)
    _ = scene.flush()
    #expect(scene.distributor.subscribe(client, to: quote) == .alreadyHeld)
    #expect(scene.flush().isEmpty)
    #expect(scene.distributor.subscriptionCount(of: client) == 1)
  }

  @Test func statesThatWereOvertakenAreSkippedAndCounted() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let client = scene.client()
    scene.distributor.subscribe(client, to: quote)
    scene.offer(quote, #"{"v":1}"#)
    _ = scene.flush()
    for version in 2...9 { scene.offer(quote, "{\"v\":\(version)}") }
    #expect(scene.flush() == [.text(#"{"v":9}"#)])
    #expect(scene.distributor.counters(of: client)?.conflated == 7)
    #expect(scene.distributor.counters(of: client)?.messages == 2)
  }

  @Test func aStaleNoticeIsTheNewestValueForLateSubscribersToo() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let early = scene.client()
    scene.distributor.subscribe(early, to: quote)
    scene.offer(quote, #"{"v":1}"#)
    scene.distributor.offerNotice(quote, #"{"T":"stale"}"#)
    #expect(scene.flush(early) == [.text(#"{"T":"stale"}"#)])
    let late = scene.client()
    scene.distributor.subscribe(late, to: quote)
    #expect(scene.flush() == [.text(#"{"T":"stale"}"#)])
  }

  @Test func whatWasUnsubscribedIsNotSentAnyMore() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let client = scene.client()
    scene.offer(quote, #"{"v":1}"#)
    scene.distributor.subscribe(client, to: quote)
    #expect(scene.distributor.unsubscribe(client, from: quote))
    #expect(!scene.distributor.unsubscribe(client, from: quote))
    #expect(scene.flush().isEmpty)
    #expect(scene.distributor.subscriberCount(of: quote) == 0)
  }

  @Test func eachVariantIsDerivedOncePerMessage() {
    let scene = Scene()
    let book = scene.topic(.book, "AAPL", "orderbooks")
    for encoding in [ClientEncoding.json, .messagePack] {
      for depth in [BookDepth.full, .five, .one] {
        for _ in 0..<3 {
          scene.distributor.subscribe(scene.client(encoding), to: book, depth: depth)
        }
      }
    }
    scene.offer(book, #"{"v":1}"#)
    let messages = scene.flush()
    #expect(scene.deriver.calls == 5)
    #expect(messages.count == 18)
    for text in [#"{"v":1}"#, #"{"v":1,"cut":5}"#, #"{"v":1,"cut":1}"#] {
      #expect(messages.count { $0 == .text(text) } == 6)
    }
  }

  @Test func askingForAnotherDepthSendsTheBookInIt() {
    let scene = Scene()
    let book = scene.topic(.book, "AAPL", "orderbooks")
    let client = scene.client()
    scene.offer(book, #"{"v":1}"#)
    scene.distributor.subscribe(client, to: book)
    _ = scene.flush()
    #expect(scene.distributor.subscribe(client, to: book, depth: .one) == .alreadyHeld)
    #expect(scene.flush() == [.text(#"{"v":1,"cut":1}"#)])
  }

  @Test func aMessageThatCannotBeDerivedIsSkippedForThatVariantAndCounted() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let json = scene.client()
    let packed = [scene.client(.messagePack), scene.client(.messagePack)]
    for client in packed + [json] { scene.distributor.subscribe(client, to: quote) }
    scene.offer(quote, #"{"v":1,"bad":1}"#)
    #expect(scene.flushFrames().map(\.client) == [json])
    #expect(scene.distributor.counters.derivationFailures == 1)
    scene.offer(quote, #"{"v":2}"#)
    #expect(scene.flush().count == 3)
  }

  @Test func aRefusedValueLeavesTheOldOne() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    scene.offer(quote, #"{"v":1}"#)
    #expect(scene.offer(quote, "") == .badSize)
    #expect(scene.offer(quote, String(repeating: "x", count: 65_537)) == .badSize)
    scene.distributor.subscribe(scene.client(), to: quote)
    #expect(scene.flush() == [.text(#"{"v":1}"#)])
    #expect(scene.distributor.counters.refusedForSize == 2)
  }
}
