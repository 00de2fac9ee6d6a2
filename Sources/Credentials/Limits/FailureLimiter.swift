// How often somebody may fail: a token bucket for each key and for each address. Pure; time is given.
//
// A bucket is one number, the moment from which it is full again: a failure moves it by the time that
// one token takes to come back, and the bucket is empty while that moment is more than `burst - 1`
// tokens away. An entry whose moment has passed is the same as none, so a table forgets by itself.
//
// Secrets of ours have 256 bits: the limit is not what keeps them from being guessed. It bounds the
// look-ups that a storm of wrong credentials causes, and protects keys whose secret a person chose.
//
// A key that a stranger fails with on purpose must not be lost to its owner. Who was let in with this
// key from this address within the hour is not stopped, until a failure of the two together; and the
// key's bucket stops only those who have failed with it from their address within the hour. So a storm
// on a key touches nobody elsewhere, and one who guesses from many addresses has one guess from each,
// and then what the key's bucket allows all of them together.

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
  /// How long a success with a key lets its address pass, and a failure binds it to the key's bucket.
  public var trustMilliseconds: UInt64 = 3_600_000
  public var entriesMax = CredentialsLimits.failureEntriesMax

  public init() {}
}

struct FailureLimiter {
  private let rules: FailureRules
  private var keys: FailureTable
  private var addresses: FailureTable
  private var trusted: FailureTable
  private var suspected: FailureTable

  init(_ rules: FailureRules) {
    self.rules = rules
    keys = FailureTable(entriesMax: rules.entriesMax)
    addresses = FailureTable(entriesMax: rules.entriesMax)
    trusted = FailureTable(entriesMax: rules.entriesMax)
    suspected = FailureTable(entriesMax: rules.entriesMax)
  }

  /// Milliseconds until an attempt is allowed; nil when it is now. `name` is the key's or session's
  /// id; nil when the credentials have none.
  func wait(name: String?, address: ClientAddress, now: UInt64) -> UInt64? {
    var byName: UInt64 = 0
    if let name {
      let pair = Pair(name: name, address: address)
      if trusted.holds(pair, now: now) { return nil }
      // With no room left for suspects everybody is one.
      if suspected.isFull || suspected.holds(pair, now: now) {
        byName = keys.wait(name, rules.key, now: now)
      }
    }
    let wait = max(byName, addresses.wait(address, rules.address, now: now))
    return wait > 0 ? wait : nil
  }

  mutating func failed(name: String?, address: ClientAddress, now: UInt64) {
    if let name {
      let pair = Pair(name: name, address: address)
      keys.take(name, rules.key, now: now)
      trusted.forget(pair)
      suspected.hold(pair, until: now &+ rules.trustMilliseconds, now: now)
    }
    addresses.take(address, rules.address, now: now)
  }

  mutating func succeeded(name: String, address: ClientAddress, now: UInt64) {
    let pair = Pair(name: name, address: address)
    suspected.forget(pair)
    trusted.hold(pair, until: now &+ rules.trustMilliseconds, now: now)
  }

  private struct Pair: Hashable {
    var name: String
    var address: ClientAddress
  }

  /// Entries of the tables, for metrics and tests.
  var counts: (keys: Int, addresses: Int, trusted: Int, suspected: Int) {
    (keys.count, addresses.count, trusted.count, suspected.count)
  }
}
