import Testing

@testable import FanOut

@Suite struct EventTopicTests {
  private func gap(_ missed: UInt64?) -> Received {
    .gap(symbol: "AAPL", channel: "trades", missed: missed)
  }

  private func texts(_ numbers: ClosedRange<Int>) -> [Received] {
    numbers.map { .text("{\"v\":\($0)}") }
  }

  @Test func subscribingSendsNoOldEvent() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 8), "AAPL", "trades")
    scene.offer(trades, #"{"v":1}"#)
    scene.distributor.subscribe(scene.client(), to: trades)
    #expect(scene.flush().isEmpty)
    scene.offer(trades, #"{"v":2}"#)
    scene.offer(trades, #"{"v":3}"#)
    #expect(scene.flush() == texts(2...3))
  }

  @Test(arguments: [ClientEncoding.json, .messagePack])
  func whoFellOffTheRingIsToldTheExactNumber(_ encoding: ClientEncoding) {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 8), "AAPL", "trades")
    let client = scene.client(encoding)
    scene.distributor.subscribe(client, to: trades)
    for version in 1...20 { scene.offer(trades, "{\"v\":\(version)}") }
    #expect(scene.flush() == [gap(12)] + texts(13...20))
    #expect(scene.distributor.counters(of: client)?.conflated == 12)
  }

  @Test func aRingsBoundIsRoundedUpToAPowerOfTwo() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 5), "AAPL", "trades")
    scene.distributor.subscribe(scene.client(), to: trades)
    for version in 1...9 { scene.offer(trades, "{\"v\":\(version)}") }
    #expect(scene.flush() == [gap(1)] + texts(2...9))
  }

  @Test func offeredGapsAreToldInPlaceAndNeighboursAsOne() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 8), "AAPL", "trades")
    scene.distributor.subscribe(scene.client(), to: trades)
    scene.offer(trades, #"{"v":1}"#)
    scene.distributor.offerGap(trades, missed: 3)
    scene.distributor.offerGap(trades, missed: 4)
    scene.distributor.offerGap(trades, missed: 0)
    scene.offer(trades, #"{"v":2}"#)
    scene.distributor.offerGap(trades, missed: nil)
    #expect(scene.flush() == texts(1...1) + [gap(7)] + texts(2...2) + [gap(nil)])
  }

  @Test func aGapThatWasPassedOverIsPartOfTheNumber() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    scene.distributor.subscribe(scene.client(), to: trades)
    scene.offer(trades, #"{"v":1}"#)
    scene.distributor.offerGap(trades, missed: 100)
    for version in 2...6 { scene.offer(trades, "{\"v\":\(version)}") }
    // 1, the hole of 100 and 2 have left the ring.
    #expect(scene.flush() == [gap(102)] + texts(3...6))
  }

  @Test func anUnknownGapThatWasPassedOverMakesTheNumberUnknown() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    let early = scene.client()
    scene.distributor.subscribe(early, to: trades)
    scene.distributor.offerGap(trades, missed: nil)
    let late = scene.client()
    scene.distributor.subscribe(late, to: trades)
    for version in 1...6 { scene.offer(trades, "{\"v\":\(version)}") }
    let frames = scene.flushFrames()
    #expect(frames.first { $0.client == early }?.messages == [gap(nil)] + texts(3...6))
    #expect(frames.first { $0.client == late }?.messages == [gap(2)] + texts(3...6))
  }

  @Test func aNumberBeyondReasonIsUnknown() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    scene.distributor.subscribe(scene.client(), to: trades)
    scene.distributor.offerGap(trades, missed: UInt64.max)
    #expect(scene.flush() == [gap(nil)])
    scene.distributor.offerGap(trades, missed: 1 << 20)
    #expect(scene.flush() == [gap(1 << 20)])
  }

  @Test func aNoticeTakesItsPlaceButIsNotMissed() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    scene.distributor.subscribe(scene.client(), to: trades)
    scene.offer(trades, #"{"v":1}"#)
    scene.distributor.offerNotice(trades, #"{"T":"stale"}"#)
    #expect(scene.flush() == texts(1...1) + [.text(#"{"T":"stale"}"#)])
    scene.distributor.offerNotice(trades, #"{"T":"stale"}"#)
    for version in 2...5 { scene.offer(trades, "{\"v\":\(version)}") }
    #expect(scene.flush() == texts(2...5))
  }

  @Test func aRefusedEventIsAnnounced() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    scene.distributor.subscribe(scene.client(), to: trades)
    #expect(scene.offer(trades, String(repeating: "x", count: 65_537)) == .badSize)
    scene.offer(trades, #"{"v":1}"#)
    #expect(scene.flush() == [gap(1)] + texts(1...1))
  }

  @Test func anEventThatCannotBeDerivedIsAnnouncedToThoseWhoNeededIt() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    let json = scene.client()
    let packed = scene.client(.messagePack)
    for client in [json, packed] { scene.distributor.subscribe(client, to: trades) }
    scene.offer(trades, #"{"v":1,"bad":1}"#)
    scene.offer(trades, #"{"v":2}"#)
    let frames = scene.flushFrames()
    #expect(frames.first { $0.client == packed }?.messages == [gap(1)] + texts(2...2))
    #expect(frames.first { $0.client == json }?.messages.count == 2)
  }

  @Test func slowClientsPositionsAreIndependent() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    let quick = scene.client()
    let slow = scene.client()
    for client in [quick, slow] { scene.distributor.subscribe(client, to: trades) }
    scene.distributor.clientBlocked(slow)
    var received: [Received] = []
    for version in 1...10 {
      scene.offer(trades, "{\"v\":\(version)}")
      received += scene.flush()
    }
    #expect(received == texts(1...10))
    scene.distributor.clientWritable(slow)
    #expect(scene.flush() == [gap(6)] + texts(7...10))
  }

  @Test func aFullArenaShortensRingsAndTellsWhatIsLost() {
    // Two chunks: one for the rings' first blocks of four, one for 32 messages of 8 KiB. No ring can
    // grow, so each topic keeps its newest four and the rest is told.
    let scene = Scene { $0.arenaBytesMax = 512 << 10 }
    let symbols = ["AAPL", "MSFT"]
    let topics = symbols.map { scene.topic(.events(ringMessagesMax: 64), $0, "trades") }
    let client = scene.client()
    for topic in topics { scene.distributor.subscribe(client, to: topic) }
    scene.distributor.clientBlocked(client)
    let padding = String(repeating: "x", count: 8_000)
    for version in 1...64 {
      for topic in topics {
        #expect(scene.offer(topic, "{\"v\":\(version),\"p\":\"\(padding)\"}") == .accepted)
      }
    }
    #expect(scene.distributor.counters.evictedForMemory == 120)
    #expect(scene.distributor.memory.arenaBytesReserved == 512 << 10)
    scene.distributor.clientWritable(client)
    let received = scene.flush()
    let gaps = symbols.map { Received.gap(symbol: $0, channel: "trades", missed: 60) }
    #expect([received[0], received[5]] == gaps)
    #expect(received.compactMap { $0.number("v") } == [61, 62, 63, 64, 61, 62, 63, 64])
  }

  @Test func anEventForWhichThereIsNoMemoryIsAGap() {
    // One chunk, which a state's slots of 64 B have taken: a ring of four needs 128 B.
    let scene = Scene { $0.arenaBytesMax = 256 << 10 }
    let quote = scene.topic(.state, "AAPL")
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    scene.distributor.subscribe(scene.client(), to: trades)
    #expect(scene.offer(quote, #"{"v":1}"#) == .accepted)
    #expect(scene.offer(trades, #"{"v":1}"#) == .noMemory)
    #expect(scene.offer(trades, #"{"v":2}"#) == .noMemory)
    #expect(scene.flush() == [gap(2)])
    #expect(scene.distributor.counters.refusedForMemory == 2)
  }
}
