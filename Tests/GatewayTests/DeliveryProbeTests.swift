import Testing

@testable import Gateway

@Suite struct DeliveryProbeTests {
  private let period = GatewayLimits.probeMilliseconds
  private let patience = GatewayLimits.probeAnswerMilliseconds
  private let ageMax = GatewayLimits.probeAgeMaxMilliseconds

  @Test func nothingIsKnownBeforeTheFirstCameBack() {
    var probe = DeliveryProbe(nowMilliseconds: 5_000)
    #expect(!probe.isPassing(nowMilliseconds: 5_000))
    #expect(probe.next(nowMilliseconds: 5_000, canSend: true) == 1)
    #expect(probe.next(nowMilliseconds: 5_100, canSend: true) == nil)
    let came = probe.returned(1, nowMilliseconds: 5_003)
    #expect(came && probe.isPassing(nowMilliseconds: 5_003) && probe.isPrompt)
  }

  @Test func oneThatComesBackIsFollowedByTheNext() {
    var probe = DeliveryProbe(nowMilliseconds: 0)
    for step in 0..<100 as Range<UInt64> {
      let now = step * period
      #expect(probe.next(nowMilliseconds: now, canSend: true) == step + 1)
      let came = probe.returned(step + 1, nowMilliseconds: now + 40)
      #expect(came && probe.isPassing(nowMilliseconds: now + period))
    }
    #expect(probe.counters.sent == 100 && probe.counters.failures == 0)
  }

  @Test func oneThatDoesNotComeBackFailsInTimeAndTheNextRepairsIt() {
    var probe = DeliveryProbe(nowMilliseconds: 0)
    _ = probe.next(nowMilliseconds: 0, canSend: true)
    _ = probe.returned(1, nowMilliseconds: 10)
    #expect(probe.next(nowMilliseconds: period, canSend: true) == 2)
    #expect(probe.isPassing(nowMilliseconds: ageMax))
    #expect(!probe.isPassing(nowMilliseconds: ageMax + 1))
    #expect(probe.next(nowMilliseconds: period + patience - 1, canSend: true) == nil)
    #expect(probe.next(nowMilliseconds: period + patience, canSend: true) == 3)
    #expect(probe.counters.failures == 1)
    // The one that was given up says nothing of now.
    let late = probe.returned(2, nowMilliseconds: 2_000)
    #expect(!late && !probe.isPassing(nowMilliseconds: 2_000))
    let came = probe.returned(3, nowMilliseconds: 2_001)
    #expect(came && probe.isPassing(nowMilliseconds: 2_001) && !probe.isPrompt)
  }

  @Test func aLinkThatIsNotThereIsAFailure() {
    var probe = DeliveryProbe(nowMilliseconds: 0)
    _ = probe.next(nowMilliseconds: 0, canSend: true)
    _ = probe.returned(1, nowMilliseconds: 1)
    for step in 1...10 as ClosedRange<UInt64> {
      #expect(probe.next(nowMilliseconds: step * period, canSend: false) == nil)
    }
    #expect(probe.counters.failures == 10)
    #expect(!probe.isPassing(nowMilliseconds: 10 * period))
    #expect(probe.next(nowMilliseconds: 11 * period, canSend: true) == 2)
  }

  @Test func whatNobodySentIsNoAnswer() {
    var probe = DeliveryProbe(nowMilliseconds: 0)
    let first = probe.returned(0, nowMilliseconds: 1)
    _ = probe.next(nowMilliseconds: 1, canSend: true)
    let (other, once, twice) = (
      probe.returned(7, nowMilliseconds: 2), probe.returned(1, nowMilliseconds: 2),
      probe.returned(1, nowMilliseconds: 2)
    )
    #expect(!first && !other && once && !twice)
  }
}
