// What an authority stands on, on one loop: the pool, the cache and the sessions with the feed of the
// database's invalidations, and the authority itself. A gateway needs no more of the database than
// this; the portfolio service uses the same pool and cache for its own reads.
//
// Everything is made, used and closed on the loop's thread.
public import Caching
public import EventLoops
import Logging
public import PostgresClient
public import RedisClient
public import ServiceSupport

public final class CredentialParts {
  /// Which servers.
  public struct Configuration: Sendable {
    public var postgres: PostgresLocation
    public var postgresOptions = PostgresOptions()
    /// Of the `cache` role.
    public var cache: RedisURL
    public var cacheOptions = CacheOptions()
    /// Of the `durable` role.
    public var durable: RedisURL
    public var durableOptions = CacheOptions.durable
    public var redisOptions = RedisOptions()
    public var credentialOptions = CredentialOptions()

    public init(postgres: PostgresLocation, cache: RedisURL, durable: RedisURL) {
      self.postgres = postgres
      self.cache = cache
      self.durable = durable
    }
  }

  public let loop: EventLoop
  public let pool: PostgresPool
  public let cache: CacheAside
  public let sessions: WriteThrough
  public let feed: InvalidationFeed
  public let authority: CredentialAuthority
  /// Postgres is there, or has gone.
  public var onPostgres: ((Bool) -> Void)?
  private let log: RateLimitedLog

  /// Starts nothing yet.
  public init(loop: EventLoop, configuration: Configuration, log: RateLimitedLog) {
    loop.preconditionInLoop()
    self.loop = loop
    self.log = log
    let pool = PostgresPool(
      loop: loop, location: configuration.postgres, options: configuration.postgresOptions)
    self.pool = pool
    func cacheOver(_ url: RedisURL, _ options: CacheOptions) -> CacheAside {
      var options = options
      // A server that only hangs is away too: what is in Redis decides then, as when it is down.
      options.isDatabaseAway = { ($0 as? PostgresError)?.isUnavailable ?? false }
      return CacheAside(
        loop: loop,
        redis: RedisConnection(loop: loop, url: url, options: configuration.redisOptions),
        options: options, subscriberOptions: configuration.redisOptions)
    }
    cache = cacheOver(configuration.cache, configuration.cacheOptions)
    let durable = cacheOver(configuration.durable, configuration.durableOptions)
    sessions = WriteThrough(cache: durable) { key in
      try await InvalidationLog.enter(key, in: pool)
    }
    feed = InvalidationFeed(
      loop: loop, location: configuration.postgres, database: pool, caches: [cache, durable],
      options: configuration.postgresOptions)
    authority = CredentialAuthority(
      loop: loop, keys: cache, sessions: sessions, database: pool, feed: feed,
      options: configuration.credentialOptions)
  }

  public func start() {
    loop.preconditionInLoop()
    let log = log
    pool.onReady = { [unowned self] in
      log.log(.info, kind: "postgres ready", "connected to PostgreSQL")
      onPostgres?(true)
    }
    pool.onDown = { [unowned self] reason in
      log.log(.warning, kind: "postgres down", "no connection to PostgreSQL: \(reason)")
      onPostgres?(false)
    }
    pool.onProblem = { log.log(.warning, kind: "postgres", "PostgreSQL: \($0)") }
    for (name, one) in [("cache", cache), ("sessions", sessions.cache)] {
      one.onProblem = { log.log(.warning, kind: name, "\(name): \($0)") }
      one.onHitRates = { lines in
        for line in lines {
          log.log(
            line.isBelowWanted ? .warning : .info, kind: "hit rate \(line.policy)", "\(line)")
        }
      }
    }
    feed.onProblem = { log.log(.warning, kind: "feed", "invalidations: \($0)") }
    authority.onProblem = { log.log(.warning, kind: "credentials", "credentials: \($0)") }
    pool.start()
    cache.start()
    sessions.cache.start()
    feed.start()
    authority.start()
  }

  /// Authority first: it must not be asked any more.
  public func close() {
    loop.preconditionInLoop()
    // What they say of their own end is no news.
    for one in [cache, sessions.cache] { one.onProblem = nil }
    authority.close()
    feed.close()
    sessions.cache.close()
    cache.close()
    pool.close()
    log.flush(all: true)
  }
}
