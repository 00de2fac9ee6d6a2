// How often somebody may fail: a token bucket for each key and for each address. Pure; time is given.
//
// A bucket is one number, the moment from which it is full again: a failure moves it by the time that
// one token takes to come back, and the bucket is empty while that moment is more than `burst - 1`
// tokens away. An entry whose moment has passed is the same as none, so a table forgets by itself.
//
// Secrets of ours have 256 bits: the limit is not what keeps them from being guessed. It bounds the
// look-ups that a storm of wrong credentials causes, and protects keys whose secret a person chose.
//
// A key that a stranger fails with on purpose must not be lost to its owner: who was let in with this
// key from this address within the hour is not stopped, until a failure of the two together.

/// What one kind of bucket allows.
public struct FailureRule: Sendable, Hashable {
  /// Failures at once.
  public var burst: UInt64
  /// One more after each of these.
  public var refillMilliseconds: UInt64

  public init(burst: UInt64, refillMilliseconds: UInt64) {
    precondition(burst > 0 && refillMilliseconds > 0)
    self.burst = burst
    self.refillMilliseconds = refillMilliseconds
  }
}

public struct FailureRules: Sendable, Hashable {
  /// 10, then 10 a minute: the official SDK with a wrong secret tries 4 times in 6 s, then each 15 to
  /// 30 s for ever.
  public var key = FailureRule(burst: 10, refillMilliseconds: 6_000)
  /// 60, then 1 a second: an office or a proxy is one address.
  public var address = FailureRule(burst: 60, refillMilliseconds: 1_000)
  /// How long a success with a key lets its address pass.
  public var trustMilliseconds: UInt64 = 3_600_000
  public var entriesMax = CredentialsLimits.failureEntriesMax

  public init() {}
}

struct FailureLimiter {
  private let rules: FailureRules
  private var keys: FailureTable
  private var addresses: FailureTable
  private var trusted: FailureTable

  init(_ rules: FailureRules) {
    self.rules = rules
    keys = FailureTable(entriesMax: rules.entriesMax)
    addresses = FailureTable(entriesMax: rules.entriesMax)
    trusted = FailureTable(entriesMax: rules.entriesMax)
  }

  /// Milliseconds until an attempt is allowed; nil when it is now. `name` is the key's or session's
  /// id; nil when the credentials have none.
  func wait(name: String?, address: ClientAddress, now: UInt64) -> UInt64? {
    if let name, trusted.holds(Pair(name: name, address: address), now: now) { return nil }
    let byName = name.map { keys.wait($0, rules.key, now: now) } ?? 0
    let wait = max(byName, addresses.wait(address, rules.address, now: now))
    return wait > 0 ? wait : nil
  }

  mutating func failed(name: String?, address: ClientAddress, now: UInt64) {
    if let name {
      keys.take(name, rules.key, now: now)
      trusted.forget(Pair(name: name, address: address))
    }
    addresses.take(address, rules.address, now: now)
  }

  mutating func succeeded(name: String, address: ClientAddress, now: UInt64) {
    trusted.hold(
      Pair(name: name, address: address), until: now &+ rules.trustMilliseconds, now: now)
  }

  private struct Pair: Hashable {
    var name: String
    var address: ClientAddress
  }

  /// Entries of the three tables, for metrics and tests.
  var counts: (keys: Int, addresses: Int, trusted: Int) {
    (keys.count, addresses.count, trusted.count)
  }
}
