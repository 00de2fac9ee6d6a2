import TestSupport
import Testing

@testable import Caching

@Suite struct LocalCacheTests {
  private func entry(_ text: String, until: UInt64 = 1_000) -> LocalCache.Entry {
    LocalCache.Entry(
      envelope: CacheEnvelope(number: 1, value: Array(text.utf8)), expiresAt: until)
  }

  private func listening(entries: Int = 100, bytes: Int = 10_000) -> LocalCache {
    var cache = LocalCache(entriesMax: entries, bytesMax: bytes)
    cache.listening()
    return cache
  }

  private func text(_ cache: inout LocalCache, _ key: String, now: UInt64 = 0) -> String? {
    cache.find(key, now: now)?.envelope.value.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func keepsWhatItsReservationBrought() throws {
    var cache = listening()
    let held = cache.reserve("a")
    let ticket = try #require(held)
    expectEqual(cache.fill("a", ticket, entry("1"), now: 0), true)
    expectEqual(text(&cache, "a"), "1")
    #expect(cache.reservationCount == 0)
  }

  /// The placeholder rule: read old, invalidate, late fill.
  @Test func invalidationThatOvertakesAFillWins() throws {
    var cache = listening()
    let held = cache.reserve("a")
    let ticket = try #require(held)
    cache.drop("a")
    expectEqual(cache.fill("a", ticket, entry("old"), now: 0), false)
    expectEqual(text(&cache, "a"), nil)
    // Also when another reader has reserved since.
    let heldNewer = cache.reserve("a")
    let newer = try #require(heldNewer)
    expectEqual(cache.fill("a", ticket, entry("old"), now: 0), false)
    expectEqual(cache.fill("a", newer, entry("new"), now: 0), true)
    expectEqual(text(&cache, "a"), "new")
  }

  @Test func patternOvertakesAFillToo() throws {
    var cache = listening()
    let held = cache.reserve("user:1:x")
    let ticket = try #require(held)
    cache.drop { $0.hasPrefix("user:1:") }
    expectEqual(cache.fill("user:1:x", ticket, entry("old"), now: 0), false)
  }

  @Test func isEmptyAfterALossAndKeepsNothingUntilItListensAgain() throws {
    var cache = listening()
    let heldKept = cache.reserve("a")
    let kept = try #require(heldKept)
    cache.fill("a", kept, entry("1"), now: 0)
    let heldBefore = cache.reserve("b")
    let before = try #require(heldBefore)
    cache.lost()
    #expect(cache.count == 0)
    expectEqual(cache.reserve("c"), nil)
    cache.listening()
    expectEqual(cache.fill("b", before, entry("old"), now: 0), false, "reserved before the loss")
    expectEqual(text(&cache, "a"), nil)
  }

  @Test func expires() throws {
    var cache = listening()
    let held = cache.reserve("a")
    let ticket = try #require(held)
    cache.fill("a", ticket, entry("1", until: 10), now: 0)
    expectEqual(text(&cache, "a", now: 9), "1")
    expectEqual(text(&cache, "a", now: 10), nil)
    #expect(cache.bytes == 0)
  }

  @Test func absenceIsKeptToo() throws {
    var cache = listening()
    let held = cache.reserve("a")
    let ticket = try #require(held)
    let absent = LocalCache.Entry(
      envelope: CacheEnvelope(number: 1, value: nil), expiresAt: 10)
    cache.fill("a", ticket, absent, now: 0)
    expectEqual(cache.find("a", now: 5)?.envelope.content, .absent)
  }

  @Test func oldestGivesWay() throws {
    var cache = listening(entries: 3)
    for key in ["a", "b", "c", "d"] {
      let held = cache.reserve(key)
      let ticket = try #require(held)
      cache.fill(key, ticket, entry(key), now: 0)
    }
    #expect(cache.count == 3)
    expectEqual(text(&cache, "a"), nil)
    expectEqual(text(&cache, "d"), "d")
  }

  /// Goal: bounds hold and nothing is ever returned that was dropped. Method: random steps beside a
  /// dictionary of what may be there.
  @Test(arguments: seeds(count: 10)) func boundsHoldOverRandomSteps(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var cache = listening(entries: 20, bytes: 300)
    var allowed: [String: String] = [:]
    var tickets: [(String, LocalCache.Ticket, valid: Bool)] = []
    for step in 0..<5_000 {
      let key = "k\(Int.random(in: 0..<40, using: &random))"
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1:
        if let ticket = cache.reserve(key) { tickets.append((key, ticket, true)) }
      case 2, 3:
        guard !tickets.isEmpty else { continue }
        let (key, ticket, valid) = tickets.remove(
          at: Int.random(in: 0..<tickets.count, using: &random))
        let value =
          String(repeating: "x", count: Int.random(in: 0..<40, using: &random)) + "\(step)"
        let filled = cache.fill(key, ticket, entry(value), now: 0)
        #expect(filled == valid, "seed \(seed) step \(step)")
        if filled { allowed[key] = value }
      case 4:
        cache.drop(key)
        allowed[key] = nil
        for at in tickets.indices where tickets[at].0 == key { tickets[at].valid = false }
      default:
        let found = text(&cache, key)
        #expect(found == nil || found == allowed[key], "seed \(seed) step \(step)")
      }
      #expect(cache.count <= 20 && cache.bytes <= 300, "seed \(seed) step \(step)")
    }
  }
}
