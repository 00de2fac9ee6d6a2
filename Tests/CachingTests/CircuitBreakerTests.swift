import Testing

@testable import Caching

@Suite struct CircuitBreakerTests {
  private func breaker() -> CircuitBreaker {
    CircuitBreaker(failuresMax: 3, waitBase: 100, waitMax: 400)
  }

  @Test func opensAfterFailuresInARowOnly() {
    var breaker = breaker()
    for _ in 0..<10 {
      expectEqual(breaker.failed(now: 0), false)
      expectEqual(breaker.failed(now: 0), false)
      breaker.succeeded()
    }
    expectEqual(breaker.failed(now: 0), false)
    expectEqual(breaker.failed(now: 0), false)
    expectEqual(breaker.failed(now: 0), true, "the third in a row")
    #expect(!breaker.isClosed)
    #expect(breaker.openings == 1)
  }

  @Test func probesOnceAfterItsWaitAndClosesByTheAnswer() {
    var breaker = breaker()
    expectEqual(breaker.tripped(now: 1_000), true)
    expectEqual(breaker.takeProbe(now: 1_099), false)
    expectEqual(breaker.takeProbe(now: 1_100), true)
    expectEqual(breaker.takeProbe(now: 1_100), false, "one probe at a time")
    expectEqual(breaker.probed(answered: true, now: 1_101), true)
    #expect(breaker.isClosed)
  }

  @Test func waitDoublesToItsMaximum() {
    var breaker = breaker()
    _ = breaker.tripped(now: 0)
    var now: UInt64 = 100
    for wait: UInt64 in [200, 400, 400, 400] {
      expectEqual(breaker.takeProbe(now: now), true)
      expectEqual(breaker.probed(answered: false, now: now), false)
      expectEqual(breaker.takeProbe(now: now + wait - 1), false)
      now += wait
    }
    expectEqual(breaker.takeProbe(now: now), true)
  }

  @Test func linkThatServesAgainIsProbedAtOnce() {
    var breaker = breaker()
    _ = breaker.tripped(now: 0)
    breaker.linkReady(now: 5)
    expectEqual(breaker.takeProbe(now: 5), true)
  }

  @Test func readersOutcomesDoNotCloseAnOpenBreaker() {
    var breaker = breaker()
    _ = breaker.tripped(now: 0)
    breaker.succeeded()
    #expect(!breaker.isClosed)
    expectEqual(breaker.tripped(now: 1), false, "open already")
  }
}
