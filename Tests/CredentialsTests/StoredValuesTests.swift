import ServiceSupport
import TestSupport
import Testing

@testable import Credentials

@Suite struct StoredValuesTests {
  private let user = "2a5aebb9-48c0-5e7a-ac09-c194973cae9e"
  private let account = "00000000-0000-0000-0000-00000000000f"

  @Test func aKeyComesBackAsItWas() throws {
    for isRevoked in [false, true] {
      let key = StoredKey(
        digest: SHA256Digest(of: "geheim"), userID: user, accountID: account, isRevoked: isRevoked)
      let bytes = key.encode()
      #expect(!String(decoding: bytes, as: UTF8.self).contains("geheim"))
      let back = try #require(StoredKey(decoding: bytes))
      #expect(back.digest.matches(SHA256Digest(of: "geheim")))
      #expect(!back.digest.matches(SHA256Digest(of: "anders")))
      #expect(back.userID == user && back.accountID == account && back.isRevoked == isRevoked)
    }
  }

  @Test func aSessionComesBackAsItWas() throws {
    for key in ["demo", nil] {
      let session = StoredSession(
        digest: SHA256Digest(of: "s"), userID: user, accountID: account, keyID: key)
      let back = try #require(StoredSession(decoding: session.encode()))
      #expect(back.digest.matches(SHA256Digest(of: "s")))
      #expect(back.userID == user && back.accountID == account && back.keyID == key)
    }
  }

  /// Redis is open to others: what is not exactly a value is none. Every change of one byte that still
  /// reads must have changed what it says.
  @Test func aDamagedValueIsNone() throws {
    let key = StoredKey(
      digest: SHA256Digest(of: "s"), userID: user, accountID: account, isRevoked: true)
    let bytes = key.encode()
    for length in 0..<bytes.count { #expect(StoredKey(decoding: Array(bytes[..<length])) == nil) }
    #expect(StoredKey(decoding: bytes + [0x20]) == nil)
    #expect(StoredSession(decoding: bytes) == nil)
    for seed in seeds(count: 20) {
      var random = SplitMix64(seed: seed)
      for _ in 0..<100 {
        var damaged = bytes
        damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
        guard let read = StoredKey(decoding: damaged) else { continue }
        #expect(read.encode() == damaged, "seed \(seed)")
      }
    }
  }

  @Test func aDigestIsReadFromItsBytesAndItsText() throws {
    let digest = SHA256Digest(of: "abc")
    // FIPS 180-2, B.1.
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(digest.hexadecimal == text)
    #expect(try #require(SHA256Digest(hexadecimal: text)).matches(digest))
    #expect(try #require(SHA256Digest(bytes: digest.bytes)).matches(digest))
    #expect(SHA256Digest(hexadecimal: text.uppercased()) == nil)
    #expect(SHA256Digest(hexadecimal: text.dropLast()) == nil)
    #expect(SHA256Digest(bytes: digest.bytes.dropLast()) == nil)
  }
}

@Suite struct LastSeenRuleTests {
  @Test func aSessionIsWrittenAtItsFirstUseAndThenOnceAMinute() {
    var rule = LastSeenRule(everyMilliseconds: 60_000, entriesMax: 10)
    let isDue = { rule.isDue($0, now: $1) }
    #expect(isDue("a", 5))
    #expect(!isDue("a", 60_004))
    #expect(isDue("a", 60_005))
    #expect(!isDue("a", 60_006))
    #expect(isDue("b", 60_006))
    rule.failed("a")
    #expect(isDue("a", 60_007))
  }

  @Test func whatIsRememberedIsBounded() {
    var rule = LastSeenRule(everyMilliseconds: 1_000, entriesMax: 4)
    let isDue = { rule.isDue($0, now: $1) }
    for name in 0..<4 { #expect(isDue("\(name)", 0)) }
    #expect(isDue("4", 500))
    #expect(rule.count == 1)
    for name in 5..<8 { #expect(isDue("\(name)", 600)) }
    // "4" of 500 is over at 1,500; the three of 600 are not and stay.
    #expect(isDue("8", 1_500))
    #expect(rule.count == 4)
    #expect(!isDue("7", 1_500))
  }
}

@Suite struct WatchesTests {
  private let name = CredentialName(.key, "k")

  @Test func aRevocationReachesEveryStreamUnderItsNameAndNoOther() {
    var watches = Watches(watchesMax: 10)
    var told: [Int] = []
    for number in 0..<3 {
      let name = number == 2 ? CredentialName(.session, "k") : name
      let ticket = WatchTicket(number: UInt64(number))
      let fits = watches.begin(ticket, name) { _ in told.append(number) }
      #expect(fits)
      #expect(watches.confirm(ticket) == .open)
    }
    for call in watches.revoke(name) { call(.revoked) }
    #expect(told.sorted() == [0, 1])
    #expect(watches.count == 1)
    #expect(watches.revoke(name).isEmpty)
    #expect(watches.names(.session) == ["k"])
    #expect(watches.names(.key).isEmpty)
  }

  @Test func aRevocationDuringTheLookUpIsNotLost() {
    var watches = Watches(watchesMax: 10)
    let ticket = WatchTicket(number: 1)
    let fits = watches.begin(ticket, name) { _ in Issue.record("it was never open") }
    #expect(fits)
    #expect(watches.revoke(name).isEmpty)
    #expect(watches.confirm(ticket) == .revoked)
    #expect(watches.count == 0)
  }

  @Test func whoIsGoneIsForgotten() {
    var watches = Watches(watchesMax: 1)
    let ticket = WatchTicket(number: 1)
    let first = watches.begin(ticket, name) { _ in }
    let second = watches.begin(.init(number: 2), name) { _ in }
    #expect(first && !second, "it is full")
    watches.remove(ticket)
    #expect(watches.confirm(ticket) == .gone)
    #expect(!watches.holds(name))
    let third = watches.begin(.init(number: 2), name) { _ in }
    #expect(third)
  }

  @Test func namesAreThoseOfTheLog() {
    #expect(CredentialName("apikey:demo") == CredentialName(.key, "demo"))
    #expect(CredentialName("session:a-b_C") == CredentialName(.session, "a-b_C"))
    for other in ["apikey:", "session", "asset:AAPL", "apikey:a b", "watchlist:apikey:x"] {
      #expect(CredentialName(other) == nil, "\(other)")
    }
    #expect(CredentialName(.session, "x").description == "session:x")
  }
}
