import RedisClient
import TestSupport
import Testing

@testable import Caching

@Suite struct ValueTests {
  @Test func envelopeShowsTheValueWhole() {
    let value = CacheEnvelope(number: 1_830, value: Array("{\"a\":1}".utf8))
    #expect(String(decoding: value.encoded, as: UTF8.self) == "1830 {\"a\":1}")
    #expect(String(decoding: CacheEnvelope(number: 9, value: nil).encoded, as: UTF8.self) == "9-")
  }

  @Test(arguments: [
    CacheEnvelope(number: 0, value: []), CacheEnvelope(number: .max, value: [0, 255, 32]),
    CacheEnvelope(number: 17, value: nil), CacheEnvelope(number: 17, content: .unknown),
  ]) func envelopeComesBack(envelope: CacheEnvelope) {
    #expect(CacheEnvelope(envelope.encoded) == envelope)
  }

  @Test(arguments: [
    "", " ", "-", "?", "x", "12", "12x", "-1 a", "12-x", "12?x", "99999999999999999999 a",
    "9223372036854775808 a", "{\"a\":1}",
  ]) func whatIsNotOursIsNoEnvelope(text: String) {
    #expect(CacheEnvelope(Array(text.utf8)) == nil)
  }

  @Test(arguments: seeds(count: 20)) func randomBytesAreParsedOrRefused(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<2_000 {
      let alphabet = Array("0123456789 -?x".utf8)
      let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
        alphabet.randomElement(using: &random) ?? 0
      }
      guard let envelope = CacheEnvelope(bytes) else { continue }
      #expect(CacheEnvelope(envelope.encoded) == envelope, "seed \(seed)")
    }
  }

  @Test func leaseOfAKeySharesItsSlotByBraces() {
    let lease = CacheKey.lease(of: Array("watchlist:17".utf8))
    #expect(String(decoding: lease, as: UTF8.self) == "lease:{watchlist:17}")
    #expect(CacheKey.leased(lease) == Array("watchlist:17".utf8))
    #expect(CacheKey.leased(Array("watchlist:17".utf8)) == nil)
  }

  @Test func digestIsTheOneThatRedisComputes() {
    // printf 'return 1' | sha1sum
    #expect(CacheScript("return 1").digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
  }

  @Test(arguments: [
    ("user:17:*", "user:17:profile:v3", true), ("user:17:*", "user:170:x", false),
    ("*", "", true), ("**a", "bba", true), ("a*b*c", "a--b--c", true), ("a*b*c", "a--c", false),
    ("h?llo", "hello", true), ("h?llo", "hllo", false), ("h[ae]llo", "hallo", true),
    ("h[^e]llo", "hello", false), ("h[^e]llo", "hallo", true), ("h[a-b]llo", "hbllo", true),
    ("h[b-a]llo", "hallo", true), ("a\\*b", "a*b", true), ("a\\*b", "axb", false),
    ("", "", true), ("", "a", false), ("[abc", "a", true),
    ("lease:{user:*}", "lease:{user:1}", true),
  ]) func globMatchesAsRedisDoes(pattern: String, key: String, matches: Bool) {
    #expect(GlobPattern(pattern).matches(key) == matches)
  }

  @Test func manyStarsDoNotTakeForever() {
    let key = String(repeating: "a", count: 500)
    let pattern = String(repeating: "*a", count: 100) + "b"
    #expect(!GlobPattern(pattern).matches(key))
  }

  @Test func pendingInvalidationsAreBounded() {
    var pending = PendingInvalidations(keysMax: 3, patternsMax: 1)
    for key in ["a", "b", "c", "a"] { pending.add(key: key) }
    #expect(pending.keys == ["a", "b", "c"])
    pending.add(key: "d")
    #expect(pending.everything && pending.keys.isEmpty)
    let taken = pending.take()
    #expect(pending.isEmpty && taken.everything)
    pending.add(taken)
    #expect(pending.everything)
  }
}

@Suite struct ReadReplyTests {
  @Test func replyOfTheScriptIsRead() {
    let bytes: [UInt8] = [1, 2]
    #expect(
      ReadReply(.array([.integer(1), .bulkString(bytes), .integer(7)]))
        == .value(bytes, remainingMilliseconds: 7))
    #expect(ReadReply(.array([.integer(2)])) == .lease)
    #expect(ReadReply(.array([.integer(3)])) == .wait)
  }

  /// It was once taken for a lease, which let every reader load.
  @Test func valueWithoutATimeToLiveIsNotOurs() {
    #expect(
      ReadReply(.array([.integer(1), .bulkString([1]), .integer(-1)])) == .malformed)
    #expect(ReadReply(.null) == .malformed)
    #expect(ReadReply(.array([])) == .malformed)
  }
}
