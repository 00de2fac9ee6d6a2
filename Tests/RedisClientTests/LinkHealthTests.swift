import Testing

@testable import RedisClient

@Suite struct LinkHealthTests {
  private let options = RedisOptions()

  private func health() -> LinkHealth { LinkHealth(options, now: 0) }

  /// The verdicts of the checks from `from` to `to`.
  private func checks(
    _ health: inout LinkHealth, _ from: UInt64, _ to: UInt64, oldest: UInt64? = nil,
    allowance: UInt64 = 0
  ) -> [UInt64: LinkHealth.Verdict] {
    var verdicts: [UInt64: LinkHealth.Verdict] = [:]
    for now in stride(from: from, through: to, by: 100) {
      verdicts[now] = health.check(now: now, oldestSentAt: oldest, allowance: allowance)
    }
    return verdicts.filter { $0.value != .alive }
  }

  @Test func idleLinkIsProbed() {
    var health = health()
    #expect(checks(&health, 100, 300) == [300: .probe])
    health.owed(now: 300)
    health.received(now: 310)
    health.settled()
    #expect(checks(&health, 400, 600).isEmpty)
    #expect(checks(&health, 700, 700) == [700: .probe])
  }

  @Test func silenceIsCountedFromTheFirstOwedAnswer() {
    var health = health()
    _ = checks(&health, 100, 300)
    health.owed(now: 300)
    health.owed(now: 900)
    #expect(checks(&health, 400, 1_100).isEmpty)
    #expect(checks(&health, 1_200, 1_200) == [1_200: .dead(.silent(milliseconds: 900))])
  }

  @Test func bytesKeepALinkWithOwedAnswersAlive() {
    var health = health()
    health.owed(now: 0)
    for now in stride(from: UInt64(100), through: 4_900, by: 100) {
      health.received(now: now)
      #expect(health.check(now: now, oldestSentAt: 0, allowance: 0) == .alive)
    }
    health.received(now: 5_000)
    #expect(
      health.check(now: 5_000, oldestSentAt: 0, allowance: 0)
        == .dead(.commandTimedOut(milliseconds: 5_000)))
  }

  @Test func allowanceLengthensBoth() {
    var health = health()
    health.owed(now: 0)
    #expect(checks(&health, 100, 2_800, oldest: 0, allowance: 2_000).isEmpty)
    #expect(
      checks(&health, 2_900, 2_900, oldest: 0, allowance: 2_000)
        == [2_900: .dead(.silent(milliseconds: 2_900))])
  }

  /// A loop that did not run (suspended, starved) has answers waiting in its socket: it must read them
  /// before it judges.
  @Test func ownPauseIsNotTakenForRedisSilence() {
    var health = health()
    _ = checks(&health, 100, 300)
    health.owed(now: 300)
    #expect(health.check(now: 60_000, oldestSentAt: 300, allowance: 0) == .alive)
    #expect(checks(&health, 60_100, 60_800).isEmpty)
    #expect(checks(&health, 60_900, 60_900) == [60_900: .dead(.silent(milliseconds: 900))])
  }
}
