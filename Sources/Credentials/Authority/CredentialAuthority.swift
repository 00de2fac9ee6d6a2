// Decides who somebody is, for one process: keys through the cache, sessions through the write-through
// cache of the durable Redis, both out of Postgres. Everything here belongs to one loop; other loops
// ask by a `CredentialClient`.
//
// Timing tells nothing about which ids exist: an unknown id is compared with a digest that nothing has,
// and a refusal leaves at a multiple of `refusalMilliseconds` after the question came, so it does not
// show either whether the answer was in the cache or in Postgres.
//
// What happens when something is away:
// - Redis: every question goes to Postgres (CacheAside); slower, nobody is refused for it.
// - Postgres: what the caches still hold decides: a key for the 60 s of its entry, a session for as
//   long as it is used. Open streams stay. Nobody can revoke anything in a database that is down; in a
//   mere partition this is how long a revocation may go unseen by those on the wrong side. What is not
//   in a cache is refused as `unavailable`, not as wrong, and does not count as a failure.
// - Both: everything is `unavailable`; open streams stay.
public import Caching
public import EventLoops
public import PostgresClient
import ServiceSupport

/// Times and bounds of an authority; the defaults are the production values.
public struct CredentialOptions: Sendable {
  public var failures = FailureRules()
  /// How often the invalidation log is read. With LISTEN a revocation takes milliseconds; this is for
  /// the one whose notification was lost: 1 s and a query are within the promised 2 s.
  public var pollMilliseconds: UInt64 = 1_000
  /// How far back each look into the log goes: an entry is dated when it is written and seen when it
  /// is committed, so this is the longest transaction whose lost notification is still found.
  public var logWindowMilliseconds: UInt64 = 60_000
  /// Refusals leave at multiples of this.
  public var refusalMilliseconds: UInt64 = 50
  /// An open stream is a use of its session; its row is told so this often.
  public var streamUseMilliseconds: UInt64 = 300_000
  public var pendingMax = CredentialsLimits.pendingMax
  public var watchesMax = CredentialsLimits.watchesMax
  public var lastSeenMilliseconds = CredentialsLimits.lastSeenMilliseconds

  public init() {}
}

public final class CredentialAuthority {
  public struct Counters: Sendable, Hashable {
    public var accepted: UInt64 = 0
    public var refused: UInt64 = 0
    public var limited: UInt64 = 0
    public var unavailable: UInt64 = 0
    /// Streams ended because of a revocation.
    public var revokedStreams: UInt64 = 0
    /// Cached values that were not as they should be.
    public var malformedValues: UInt64 = 0
    /// Times that all open streams were checked against Postgres.
    public var rechecks: UInt64 = 0
    public var logReadFailures: UInt64 = 0
  }

  public let loop: EventLoop
  let keys: CacheAside
  let sessions: WriteThrough
  let database: any CredentialDatabase
  let feed: InvalidationFeed?
  let options: CredentialOptions
  let now: () -> UInt64
  public internal(set) var counters = Counters()
  /// Something worth a log line, without anything that was presented. At most one a second.
  public var onProblem: ((String) -> Void)?

  var limiter: FailureLimiter
  var lastSeen: LastSeenRule
  var watches: Watches
  var log = LogReading()
  var timer: LoopTimer?
  private var pending = 0
  private let decoy = SHA256Digest(of: RandomText.make(bytes: 32))
  private var problemAfter: UInt64 = 0

  /// - Parameters:
  ///   - keys: the cache of the `cache` role.
  ///   - sessions: the write-through cache of the `durable` role.
  ///   - feed: of both caches. Its `onKey`, `onListening` and `onLost` are the authority's.
  public convenience init(
    loop: EventLoop, keys: CacheAside, sessions: WriteThrough, database: PostgresPool,
    feed: InvalidationFeed, options: CredentialOptions = CredentialOptions()
  ) {
    self.init(
      loop: loop, keys: keys, sessions: sessions, database: PostgresCredentials(database),
      feed: feed, options: options)
  }

  /// With another database and another clock, for tests.
  init(
    loop: EventLoop, keys: CacheAside, sessions: WriteThrough, database: any CredentialDatabase,
    feed: InvalidationFeed?, options: CredentialOptions,
    now: (() -> UInt64)? = nil
  ) {
    loop.preconditionInLoop()
    self.loop = loop
    self.keys = keys
    self.sessions = sessions
    self.database = database
    self.feed = feed
    self.options = options
    self.now = now ?? { loop.nowMilliseconds }
    limiter = FailureLimiter(options.failures)
    lastSeen = LastSeenRule(everyMilliseconds: options.lastSeenMilliseconds)
    watches = Watches(watchesMax: options.watchesMax)
  }

  /// Who presents these. `nil` stands for credentials that could not be read. Every refusal but
  /// `unavailable` counts against the address and, where there is one, the key.
  public func authenticate(
    _ presented: PresentedCredentials?, address: ClientAddress
  ) async -> Result<Principal, CredentialFailure> {
    loop.preconditionInLoop()
    let began = now()
    let name = presented?.name
    if let wait = limiter.wait(name: name?.description, address: address, now: began) {
      counters.limited &+= 1
      return .failure(.tooManyFailures(retryAfterSeconds: Int((wait + 999) / 1_000)))
    }
    guard pending < options.pendingMax else {
      counters.unavailable &+= 1
      return .failure(.unavailable)
    }
    pending += 1
    defer { pending -= 1 }
    let result = await lookUp(presented)
    switch result {
    case .success:
      counters.accepted &+= 1
      if let name {
        limiter.succeeded(name: name.description, address: address, now: now())
      }
    case .failure(.unavailable):
      counters.unavailable &+= 1
    case .failure:
      counters.refused &+= 1
      limiter.failed(name: name?.description, address: address, now: now())
      await waitForRefusal(since: began)
    }
    return result
  }

  private func waitForRefusal(since began: UInt64) async {
    guard options.refusalMilliseconds > 0 else { return }
    let step = options.refusalMilliseconds
    await loop.sleep(milliseconds: step - (now() &- began) % step)
  }

  private func lookUp(
    _ presented: PresentedCredentials?
  ) async -> Result<Principal, CredentialFailure> {
    do {
      switch presented {
      case .key(let id, let secret): return try await lookUpKey(id, secret)
      case .session(let id, let secret): return try await lookUpSession(id, secret)
      case nil: return .failure(.invalid)
      }
    } catch {
      problem("credentials could not be looked up: \(error)")
      return .failure(.unavailable)
    }
  }

  // MARK: - Keys

  private func lookUpKey(
    _ id: String, _ secret: PresentedSecret
  ) async throws -> Result<Principal, CredentialFailure> {
    let database = database
    let answer = try await keys.read("apikey:\(id)", CachePolicies.apiKey) {
      try await database.key(id)?.encode()
    }
    var stored = answer.value.flatMap { StoredKey(decoding: $0) }
    if stored == nil, answer.value != nil {
      counters.malformedValues &+= 1
      stored = try await database.key(id)
    }
    let matches = (stored?.digest ?? decoy).matches(secret.digest)
    guard let stored, matches else { return .failure(.invalid) }
    guard !stored.isRevoked else { return .failure(.revoked) }
    return .success(Principal(userID: stored.userID, accountID: stored.accountID, keyID: id))
  }

  // MARK: - Sessions

  private func lookUpSession(
    _ id: String, _ secret: PresentedSecret
  ) async throws -> Result<Principal, CredentialFailure> {
    let database = database
    let answer = try await sessions.read("session:\(id)", CachePolicies.session) {
      try await database.session(id).map { row in
        VersionedValue(version: row.version, bytes: row.session.encode())
      }
    }
    var stored = answer.value.flatMap { StoredSession(decoding: $0) }
    if stored == nil, answer.value != nil {
      counters.malformedValues &+= 1
      stored = try await database.session(id)?.session
    }
    let matches = (stored?.digest ?? decoy).matches(secret.digest)
    guard let stored, matches else { return .failure(.invalid) }
    guard await isStillOpen(id) else { return .failure(.revoked) }
    return .success(
      Principal(
        userID: stored.userID, accountID: stored.accountID, keyID: stored.keyID, sessionID: id))
  }

  /// Once a minute a use of the session is told to Postgres, and Postgres says whether the session is
  /// open. So Redis is believed for a minute at the most, whatever was lost on the way, and who knows
  /// no more than the id of a session cannot keep it alive: reading its key prolongs it in Redis, but
  /// only the right secret gets here. When Postgres is away, Redis alone decides.
  private func isStillOpen(_ id: String) async -> Bool {
    guard lastSeen.isDue(id, now: now()) else { return true }
    do {
      if try await database.touch(id) { return true }
    } catch {
      lastSeen.failed(id)
      return true
    }
    lastSeen.forget(id)
    await sessions.cache.invalidate(["session:\(id)"])
    return false
  }

  func problem(_ text: @autoclosure () -> String) {
    guard let onProblem, now() >= problemAfter else { return }
    problemAfter = now() &+ 1_000
    onProblem(text())
  }
}

extension PresentedCredentials {
  var name: CredentialName {
    switch self {
    case .key(let id, _): CredentialName(.key, id)
    case .session(let id, _): CredentialName(.session, id)
    }
  }
}
