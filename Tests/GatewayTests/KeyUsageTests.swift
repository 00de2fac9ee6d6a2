import Credentials
import TestSupport
import Testing

@testable import Gateway

@Suite struct KeyUsageTests {
  private func usage(connections: Int = 2, subscriptions: Int = 10) -> KeyUsage {
    var bounds = KeyUsage.Bounds()
    bounds.connectionsMax = connections
    bounds.subscriptionsMax = subscriptions
    return KeyUsage(bounds)
  }

  @Test func aKeyHasSoManyConnectionsAndOthersTheirOwn() throws {
    let usage = usage()
    let first = try #require(usage.enter(.key("k")))
    #expect(usage.enter(.key("k")) == first)
    #expect(usage.enter(.key("k")) == nil)
    #expect(usage.enter(.key("other")) != nil)
    #expect(usage.enter(.user("k")) != nil, "a user of the same name is somebody else")
    usage.leave(first, subscriptions: 0)
    #expect(usage.enter(.key("k")) == first)
    #expect(usage.enter(.key("k")) == nil)
  }

  @Test func namesAreClaimedAllOrNone() throws {
    let usage = usage()
    let one = try #require(usage.enter(.key("k")))
    let two = try #require(usage.enter(.key("k")))
    let other = try #require(usage.enter(.key("other")))
    #expect(usage.claim(one, subscriptions: 6))
    #expect(!usage.claim(two, subscriptions: 5))
    #expect(usage.claim(two, subscriptions: 4))
    #expect(!usage.claim(two, subscriptions: 1))
    #expect(usage.claim(other, subscriptions: 10))
    usage.giveBack(one, subscriptions: 2)
    #expect(usage.claim(two, subscriptions: 2))
    usage.leave(two, subscriptions: 6)
    #expect(usage.totals == (2, 2, 14))
    #expect(usage.claim(one, subscriptions: 6))
  }

  /// Sessions of one user are counted together, and apart from his keys.
  @Test func whoIsCountedTogether() {
    func holder(_ key: String?, _ session: String?) -> KeyUsage.Holder {
      KeyUsage.Holder(
        Principal(userID: "u", accountID: "a", keyID: key, sessionID: session))
    }
    #expect(holder("k", nil) == .key("k"))
    #expect(holder("k", "s") == .user("u"))
    #expect(holder(nil, "s") == .user("u"))
  }

  /// Goal: nothing is lost or kept, whatever the order. Method: random steps beside a plain model.
  @Test func theTableAgreesWithAModel() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    let usage = usage(connections: 3, subscriptions: 20)
    var open: [(holder: String, entry: KeyUsage.Entry, held: Int)] = []
    for _ in 0..<20_000 {
      let holder = "k\(Int.random(in: 0..<8, using: &random))"
      let ofHolder = open.filter { $0.holder == holder }
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        let entry = usage.enter(.key(holder))
        #expect((entry == nil) == (ofHolder.count == 3), "seed \(seed)")
        if let entry { open.append((holder, entry, 0)) }
      case 1:
        guard let place = open.indices.randomElement(using: &random) else { continue }
        let gone = open.remove(at: place)
        usage.leave(gone.entry, subscriptions: gone.held)
      default:
        guard let place = open.indices.randomElement(using: &random) else { continue }
        let count = Int.random(in: 0..<12, using: &random)
        let held = open.filter { $0.holder == open[place].holder }.reduce(0) { $0 + $1.held }
        if Bool.random(using: &random) {
          let claimed = usage.claim(open[place].entry, subscriptions: count)
          #expect(claimed == (held + count <= 20), "seed \(seed)")
          if claimed { open[place].held += count }
        } else {
          let given = min(count, open[place].held)
          usage.giveBack(open[place].entry, subscriptions: given)
          open[place].held -= given
        }
      }
    }
    for one in open { usage.leave(one.entry, subscriptions: one.held) }
    #expect(usage.totals == (0, 0, 0), "seed \(seed)")
  }
}

@Suite struct TokenBucketTests {
  @Test func aBurstAndThenTheRate() {
    let rule = RateRule(burst: 4, perSecond: 2)
    var bucket = TokenBucket()
    func spend(_ tokens: UInt64, _ now: UInt64) -> Bool { bucket.spend(tokens, rule, now: now) }
    let start: UInt64 = 1_000_000_000
    for _ in 0..<4 { #expect(spend(1, start)) }
    #expect(!spend(1, start))
    #expect(!spend(1, start + 499_999))
    #expect(spend(1, start + 500_000))
    #expect(!spend(1, start + 500_000))
    // After a long silence the burst again, and no more.
    for _ in 0..<4 { #expect(spend(1, start + 1 << 40)) }
    #expect(!spend(1, start + 1 << 40))
  }

  @Test func whatIsRefusedIsNotSpent() {
    let rule = RateRule(burst: 100, perSecond: 10)
    var bucket = TokenBucket()
    func spend(_ tokens: UInt64, _ now: UInt64) -> Bool { bucket.spend(tokens, rule, now: now) }
    #expect(!spend(101, 5))
    #expect(spend(100, 5))
    #expect(!spend(1, 5))
  }

  /// What the official SDK says when a user subscribes to 6,000 symbols on one channel after the
  /// other, and what it is answered, at once and by the defaults.
  @Test func theSDKsRepetitionsFit() {
    var messages = TokenBucket()
    var bytes = TokenBucket()
    var held = 0
    for channel in 1...6 {
      held += channel == 1 ? 3 : 1
      let said = UInt64((channel + held) * 6_000 * 8)
      let fits =
        messages.spend(1, GatewayLimits.messageRate, now: 1)
        && bytes.spend(said, GatewayLimits.messageBytesRate, now: 1)
      #expect(fits)
    }
  }

  /// Bytes at the production rate: no overflow, no rounding that gives something away for long.
  @Test func bytesAreCounted() {
    let rule = GatewayLimits.messageBytesRate
    var bucket = TokenBucket()
    func spend(_ tokens: UInt64, _ now: UInt64) -> Bool { bucket.spend(tokens, rule, now: now) }
    for _ in 0..<16 { #expect(spend(1 << 20, 7)) }
    #expect(!spend(1_000, 7))
    #expect(spend(1 << 20, 1_000_007))
  }
}

@Suite struct ClientMemoryTests {
  /// The sum that is stated is the sum that is measured.
  @Test func whatASilentClientCostsIsBelow96KiB() {
    #expect(GatewayLimits.memoryOfSilentClient(subscriptions: 100) == 97312)
    #expect(GatewayLimits.memoryOfSilentClient(subscriptions: 100) < 96 << 10)
  }
}
