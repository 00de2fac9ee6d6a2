// Authorities as they run in processes: each on a loop of its own with its own links, all on one
// private PostgreSQL and two private Redis. `psql` plays the administrator.
import Caching
import EventLoops
import Glibc
import PostgresClient
import RedisClient
import ServiceSupport
import TestSupport
import Testing

@testable import Credentials
@testable import Portfolio

/// What one process has. `@unchecked Sendable`: the parts are touched on `loop` only.
final class AuthorityProcess: @unchecked Sendable {
  let loop: EventLoop
  private let pool: PostgresPool
  private let feed: InvalidationFeed
  private let keys: CacheAside
  private let durable: CacheAside
  let authority: CredentialAuthority
  let gate: CredentialGate

  private init(_ loop: EventLoop, _ scene: CredentialsScene, _ options: CredentialOptions) throws {
    self.loop = loop
    let location = try PostgresLocation(scene.postgres.url)
    // As `tapedeck` would, but impatient.
    var quick = PostgresOptions()
    quick.reconnectDelayMaxMilliseconds = 200
    pool = PostgresPool(loop: loop, location: location, options: quick)
    var forKeys = CacheOptions()
    forKeys.policies = [CachePolicies.apiKey]
    keys = CacheAside(
      loop: loop,
      redis: RedisConnection(loop: loop, url: try RedisURL(scene.cache.url), options: quickOptions),
      options: forKeys, subscriberOptions: quickOptions)
    var forSessions = CacheOptions()
    forSessions.policies = [CachePolicies.session]
    durable = CacheAside(
      loop: loop,
      redis: RedisConnection(
        loop: loop, url: try RedisURL(scene.durable.url), options: quickOptions),
      options: forSessions, subscriberOptions: quickOptions)
    feed = InvalidationFeed(
      loop: loop, location: try PostgresLocation(scene.postgres.url(user: "feed")), database: pool,
      caches: [keys, durable], options: quick)
    let pool = pool
    let sessions = WriteThrough(cache: durable) { key in
      try await InvalidationLog.enter(key, in: pool)
    }
    authority = CredentialAuthority(
      loop: loop, keys: keys, sessions: sessions, database: pool, feed: feed, options: options)
    gate = CredentialGate(authority)
    pool.start()
    keys.start()
    durable.start()
    feed.start()
    authority.start()
  }

  static func start(
    _ scene: CredentialsScene, _ options: CredentialOptions = CredentialOptions()
  ) async throws -> AuthorityProcess {
    let loop = try EventLoop.start(name: "authority")
    let box = Unchecked(scene)
    let process: AuthorityProcess
    do {
      process = try await loop.run { try AuthorityProcess(loop, box.value, options) }
    } catch {
      loop.stop()
      loop.join()
      throw error
    }
    let ready = try await until(milliseconds: 10_000) {
      process.isListening && process.cachesServe
    }
    #expect(ready, "the authority's links")
    return process
  }

  private func onLoop<T: Sendable>(_ body: @escaping @Sendable () -> T) -> T {
    let result = Locked<T?>(nil)
    loop.submit {
      let value = body()
      result.withLock { $0 = value }
    }
    while true {
      if let value = result.withLock({ $0 }) { return value }
      usleep(200)
    }
  }

  var isListening: Bool { onLoop { self.feed.isListening } }
  var cachesServe: Bool { onLoop { self.keys.isAvailable && self.durable.isAvailable } }
  var keysServe: Bool { onLoop { self.keys.isAvailable } }
  var streams: Int { onLoop { self.authority.streamCount } }
  var counters: CredentialAuthority.Counters { onLoop { self.authority.counters } }
  var keyOutcomes: CacheStatistics { onLoop { self.keys.statistics } }

  /// Runs on the authority's loop, as a request handler there would.
  func ask<T: Sendable>(
    _ body: @escaping @Sendable (CredentialAuthority) async throws -> T
  ) async throws -> T {
    try await Task(executorPreference: loop) { try await body(self.authority) }.value
  }

  func authenticate(
    _ id: String, _ secret: String
  ) async throws -> Result<Principal, CredentialFailure> {
    try await ask { authority in
      await authority.authenticate(
        PresentedCredentials.key(id: id, secret: secret), address: ClientAddress("192.0.2.1"))
    }
  }

  func bearer(_ token: String) async throws -> Result<Principal, CredentialFailure> {
    try await ask { authority in
      await authority.authenticate(
        PresentedCredentials.bearer(token), address: ClientAddress("192.0.2.1"))
    }
  }

  func openSession(_ principal: Principal) async throws -> OpenedSession {
    try await ask { try await $0.createSession(for: principal) }
  }

  /// An open stream as the gateway has it.
  func stream(_ presented: PresentedCredentials?) async throws -> OpenStream {
    let stream = OpenStream()
    let ticket = WatchTicket(number: OpenStream.next())
    let result = try await ask { authority in
      await authority.openStream(ticket, presented, address: ClientAddress("192.0.2.1")) { _ in
        stream.endedAt.withLock { $0 = EventLoop.monotonicNanoseconds }
      }
    }
    _ = try result.get()
    return stream
  }

  func close() async {
    await Task(executorPreference: loop) {
      self.authority.close()
      self.feed.close()
      self.keys.close()
      self.durable.close()
      self.pool.close()
    }.value
    loop.stop()
    loop.join()
  }
}

/// A stream and when it was told that its credentials are no good any more.
final class OpenStream: Sendable {
  let endedAt = Locked<UInt64?>(nil)
  private static let numbers = Locked<UInt64>(0)

  static func next() -> UInt64 {
    numbers.withLock { number in
      number += 1
      return number
    }
  }

  var hasEnded: Bool { endedAt.withLock { $0 } != nil }

  /// Milliseconds from `began`; nil when it was not told within the time.
  func ended(since began: UInt64, within milliseconds: Int32 = 6_000) async throws -> Double? {
    _ = try await until(milliseconds: milliseconds) { hasEnded }
    return endedAt.withLock { $0 }.map { (Double($0) - Double(began)) / 1e6 }
  }
}

/// `@unchecked Sendable`: handed to one loop while the test waits for it.
private struct Unchecked<T>: @unchecked Sendable {
  let value: T
  init(_ value: T) { self.value = value }
}

/// One thread at a time.
final class CredentialsScene {
  let postgres: TestSupport.PrivatePostgres
  let cache: TestSupport.PrivateRedis
  let durable: TestSupport.PrivateRedis
  private(set) var processes: [AuthorityProcess] = []

  static let user = "00000000-0000-0000-0000-000000000001"
  static let account = "00000000-0000-0000-0000-0000000000a1"
  static let demo = Principal(userID: user, accountID: account, keyID: "demo")

  private init() throws {
    postgres = try TestSupport.PrivatePostgres(settings: ["log_statement=all"])
    cache = try TestSupport.PrivateRedis()
    durable = try TestSupport.PrivateRedis(
      arguments: ["--appendonly", "yes", "--appendfsync", "always"])
    for migration in Migration.all {
      try postgres.psql(String(decoding: migration.script, as: UTF8.self))
    }
    try postgres.psql(
      """
      INSERT INTO users (id, email, name) VALUES ('\(CredentialsScene.user)', 'a@b', 'A');
      INSERT INTO accounts (id, user_id, account_number, cash)
        VALUES ('\(CredentialsScene.account)', '\(CredentialsScene.user)', 'PA1', 0);
      CREATE ROLE feed LOGIN SUPERUSER;
      """)
    try addKey("demo", secret: "demo")
  }

  func addKey(_ id: String, secret: String) throws {
    let digest = SHA256Digest(of: secret).hexadecimal
    try postgres.psql(
      """
      INSERT INTO api_keys (id, user_id, account_id, secret_sha256)
        VALUES ('\(id)', '\(CredentialsScene.user)', '\(CredentialsScene.account)', '\\x\(digest)')
      """)
  }

  /// As an administrator would; gives the moment of its commit.
  func revoke(_ id: String) throws -> UInt64 {
    try postgres.psql("UPDATE api_keys SET revoked_at = now() WHERE id = '\(id)'")
    return EventLoop.monotonicNanoseconds
  }

  /// Nobody can LISTEN any more; statements are answered as before.
  func cutListen() throws {
    try postgres.psql("ALTER ROLE feed NOLOGIN")
    try postgres.psql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'feed'")
  }

  static func with(
    processes count: Int = 2, _ options: CredentialOptions = CredentialOptions(),
    _ body: (CredentialsScene, [AuthorityProcess]) async throws -> Void
  ) async throws {
    let scene = try CredentialsScene()
    defer {
      scene.postgres.close()
      scene.cache.close()
      scene.durable.close()
    }
    var processes: [AuthorityProcess] = []
    let result: Result<Void, any Error>
    do {
      for _ in 0..<count { processes.append(try await AuthorityProcess.start(scene, options)) }
      try await body(scene, processes)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    for process in processes { await process.close() }
    try result.get()
  }

  /// All values of a Redis, as one text.
  func contents(_ redis: TestSupport.PrivateRedis) throws -> String {
    let keys = try #require(redis.command("KEYS", "*")).split(separator: "\r\n")
    var text = ""
    for key in keys.dropFirst() where !key.hasPrefix("$") {
      text += "\(key)=\(redis.command("GET", String(key)) ?? "")\n"
    }
    return text
  }

  func timeToLive(_ redis: TestSupport.PrivateRedis, _ key: String) throws -> Int {
    let answer = try #require(redis.command("PTTL", key))
    return try #require(Int(answer.filter { $0 == "-" || $0.isWholeNumber }))
  }
}
