import Testing

@testable import Credentials

@Suite struct FailureLimiterTests {
  private let home = ClientAddress("192.0.2.1")
  private let away = ClientAddress("192.0.2.2")

  private func limiter(
    key: UInt64 = 3, address: UInt64 = 5, entriesMax: Int = 100
  ) -> FailureLimiter {
    var rules = FailureRules()
    rules.key = FailureRule(burst: key, refillMilliseconds: 1_000)
    rules.address = FailureRule(burst: address, refillMilliseconds: 100)
    rules.trustMilliseconds = 10_000
    rules.entriesMax = entriesMax
    return FailureLimiter(rules)
  }

  @Test func aKeyFailsSoOftenAtOnceAndThenOnceForEachRefill() {
    var limiter = limiter()
    for _ in 0..<3 {
      #expect(limiter.wait(name: "k", address: home, now: 0) == nil)
      limiter.failed(name: "k", address: home, now: 0)
    }
    #expect(limiter.wait(name: "k", address: home, now: 0) == 1_000)
    #expect(limiter.wait(name: "k", address: away, now: 0) == nil, "who did nothing there")
    #expect(limiter.wait(name: "other", address: home, now: 0) == nil)
    #expect(limiter.wait(name: "k", address: home, now: 999) == 1)
    #expect(limiter.wait(name: "k", address: home, now: 1_000) == nil)
    limiter.failed(name: "k", address: home, now: 1_000)
    #expect(limiter.wait(name: "k", address: home, now: 1_000) == 1_000)
    // Idle for long enough, and all of it is back, but no more.
    for _ in 0..<3 { limiter.failed(name: "k", address: away, now: 60_000) }
    #expect(limiter.wait(name: "k", address: away, now: 60_000) == 1_000)
  }

  @Test func anAddressFailsSoOftenWhateverItTries() {
    var limiter = limiter()
    for attempt in 0..<5 { limiter.failed(name: "k\(attempt)", address: home, now: 0) }
    #expect(limiter.wait(name: "new", address: home, now: 0) == 100)
    #expect(limiter.wait(name: nil, address: home, now: 0) == 100)
    #expect(limiter.wait(name: "new", address: away, now: 0) == nil)
    // What cannot be read counts for the address alone.
    var second = self.limiter()
    for _ in 0..<5 { second.failed(name: nil, address: home, now: 0) }
    #expect(second.wait(name: nil, address: home, now: 0) == 100)
    #expect(second.counts.keys == 0)
  }

  /// A stranger who fails with somebody's key on purpose does not shut its owner out.
  @Test func whoWasLetInFromAnAddressPassesUntilAFailureThere() {
    var limiter = limiter()
    limiter.succeeded(name: "k", address: home, now: 0)
    for _ in 0..<10 { limiter.failed(name: "k", address: away, now: 10) }
    #expect(limiter.wait(name: "k", address: away, now: 10) != nil)
    #expect(limiter.wait(name: "k", address: home, now: 10) == nil)
    limiter.failed(name: "k", address: home, now: 11)
    #expect(limiter.wait(name: "k", address: home, now: 11) != nil, "one guess, no more")
  }

  /// Goal: a storm on a key from one address stops nobody who shows the key elsewhere, and yet who
  /// guesses from many addresses has no more in all than the key's bucket, but for one from each.
  @Test func whoGuessesFromManyAddressesHasOneGuessFromEach() {
    var limiter = limiter(address: 1_000)
    for _ in 0..<3 { limiter.failed(name: "k", address: home, now: 0) }
    for number in 1...50 {
      let address = ClientAddress("198.51.100.\(number)")
      #expect(limiter.wait(name: "k", address: address, now: 0) == nil, "its first")
      limiter.failed(name: "k", address: address, now: 0)
      #expect(limiter.wait(name: "k", address: address, now: 0) != nil, "its second")
    }
    #expect(limiter.wait(name: "k", address: away, now: 0) == nil)
    limiter.succeeded(name: "k", address: away, now: 0)
    #expect(limiter.wait(name: "k", address: away, now: 1) == nil)
    #expect(limiter.counts.suspected == 51)
  }

  /// Goal: with no room for suspects the key's bucket holds for everybody, rather than for nobody.
  @Test func withoutRoomForSuspectsEverybodyIsOne() {
    var limiter = limiter(address: 1_000, entriesMax: 4)
    for number in 0..<4 { limiter.failed(name: "k\(number)", address: home, now: 0) }
    for _ in 0..<3 { limiter.failed(name: "k0", address: home, now: 0) }
    #expect(limiter.wait(name: "k0", address: away, now: 0) != nil)
    #expect(limiter.wait(name: "k1", address: away, now: 0) == nil, "its bucket has some left")
  }

  @Test func trustEnds() {
    var limiter = limiter()
    limiter.succeeded(name: "k", address: home, now: 0)
    // Somebody else of the same address keeps failing.
    for _ in 0..<50 { limiter.failed(name: "other", address: home, now: 9_000) }
    #expect(limiter.wait(name: "k", address: home, now: 9_999) == nil)
    #expect(limiter.wait(name: "k", address: home, now: 10_000) != nil)
  }

  /// Goal: a table that an attacker filled neither grows nor stops limiting.
  @Test func aFullTableStillLimits() {
    var limiter = limiter(address: 1_000_000, entriesMax: 50)
    for name in 0..<50 { limiter.failed(name: "k\(name)", address: home, now: 0) }
    for _ in 0..<3 { limiter.failed(name: "late", address: home, now: 0) }
    #expect(limiter.counts.keys == 50)
    #expect(limiter.wait(name: "late", address: home, now: 0) == 1_000)
    // A second later the 50 are over and make room.
    limiter.failed(name: "later", address: home, now: 1_001)
    #expect(limiter.counts.keys == 1)
  }

  @Test func forgettingIsNotFasterThanRefilling() {
    var limiter = limiter(entriesMax: 1)
    for _ in 0..<3 { limiter.failed(name: "k", address: home, now: 0) }
    for other in 0..<1_000 { limiter.failed(name: "x\(other)", address: away, now: 2_000) }
    #expect(limiter.counts.keys == 1)
    #expect(limiter.wait(name: "k", address: home, now: 2_000) == nil, "one is back at 1,000")
    limiter.failed(name: "k", address: home, now: 2_000)
    limiter.failed(name: "k", address: home, now: 2_000)
    #expect(limiter.wait(name: "k", address: home, now: 2_000) != nil)
  }
}
