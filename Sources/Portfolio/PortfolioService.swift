// The portfolio service: everything that a request needs, on one loop. One of it in a process, so that
// equal reads join and what is kept here is kept once; more processes make it larger.
//
// Money comes from Postgres at each request. Watchlists, profiles and assets come through the cache,
// prices from the market Redis. Without Postgres the cached part goes on; without Redis everything
// does, more slowly and with stale prices.
package import Caching
package import Credentials
package import EventLoops
import Logging
import MarketData
package import PostgresClient
package import RedisClient
package import ServiceSupport
import WebTransport

package final class PortfolioService {
  package struct Configuration: Sendable {
    package var postgres: PostgresLocation
    package var postgresOptions = PostgresOptions()
    package var marketRedis: RedisURL
    package var cacheRedis: RedisURL
    package var durableRedis: RedisURL
    package var redisOptions = RedisOptions()
    package var credentials = CredentialOptions()
    /// The feed's name in Redis' keys, whose time is the market's.
    package var feed: String

    package init(
      postgres: PostgresLocation, marketRedis: RedisURL, cacheRedis: RedisURL,
      durableRedis: RedisURL, feed: String
    ) {
      self.postgres = postgres
      self.marketRedis = marketRedis
      self.cacheRedis = cacheRedis
      self.durableRedis = durableRedis
      self.feed = feed
    }
  }

  /// The name of its readiness check.
  package static let checkName = "portfolio"

  package let loop: EventLoop
  package let pool: PostgresPool
  package let cache: CacheAside
  /// Of sessions.
  package let durable: CacheAside
  package let authority: CredentialAuthority
  let store: PortfolioStore
  let prices: MarketPrices
  let watchlists: Watchlists
  let profiles: Profiles
  let assets: AssetCatalogue

  private let market: RedisConnection
  private let feed: InvalidationFeed
  private let housekeeping: Housekeeping
  private let readiness: Readiness
  private let log: RateLimitedLog
  private(set) var counters = RequestCounters()

  /// Starts nothing yet. On the loop's thread.
  package init(
    loop: EventLoop, configuration: Configuration, readiness: Readiness, log: RateLimitedLog
  ) {
    loop.preconditionInLoop()
    self.loop = loop
    self.readiness = readiness
    self.log = log
    func redis(_ url: RedisURL) -> RedisConnection {
      RedisConnection(loop: loop, url: url, options: configuration.redisOptions)
    }
    pool = PostgresPool(
      loop: loop, location: configuration.postgres, options: configuration.postgresOptions)
    var options = CacheOptions()
    options.isDatabaseAway = { ($0 as? PostgresError)?.isUnavailable ?? false }
    cache = CacheAside(
      loop: loop, redis: redis(configuration.cacheRedis), options: options,
      subscriberOptions: configuration.redisOptions)
    var durableOptions = CacheOptions.durable
    durableOptions.isDatabaseAway = options.isDatabaseAway
    durable = CacheAside(
      loop: loop, redis: redis(configuration.durableRedis), options: durableOptions,
      subscriberOptions: configuration.redisOptions)
    feed = InvalidationFeed(
      loop: loop, location: configuration.postgres, database: pool, caches: [cache, durable],
      options: configuration.postgresOptions)
    let pool = pool
    authority = CredentialAuthority(
      loop: loop, keys: cache,
      sessions: WriteThrough(
        cache: durable, logInvalidation: { try await InvalidationLog.enter($0, in: pool) }),
      database: pool,
      listener: PostgresListener(
        loop: loop, location: configuration.postgres, channels: [InvalidationFeed.channel],
        options: configuration.postgresOptions),
      options: configuration.credentials)
    market = redis(configuration.marketRedis)
    store = PortfolioStore(pool: pool)
    prices = MarketPrices(redis: market, feed: configuration.feed)
    watchlists = Watchlists(cache: cache, store: store)
    profiles = Profiles(cache: cache, store: store)
    assets = AssetCatalogue(loop: loop, cache: cache, store: store)
    let prices = prices
    housekeeping = Housekeeping(
      pool: pool,
      prices: { symbols in
        await prices.marks(symbols).compactMapValues { mark in
          mark.price.map { .init(price: ExactDecimal($0.price), isStale: mark.isStale) }
        }
      },
      report: { log.log(.warning, kind: "housekeeping", "\($0)") })
  }

  package func start() {
    loop.preconditionInLoop()
    pool.onReady = { [unowned self] in
      readiness.pass(PortfolioService.checkName)
      log.log(.info, kind: "postgres", "connected to PostgreSQL")
    }
    pool.onDown = { [unowned self] reason in
      readiness.fail(PortfolioService.checkName, "no PostgreSQL")
      log.log(.warning, kind: "postgres", "no connection to PostgreSQL: \(reason)")
    }
    pool.onProblem = { [unowned self] reason in
      log.log(.warning, kind: "postgres-problem", "PostgreSQL: \(reason)")
    }
    for (name, cache) in [("cache", cache), ("sessions", durable)] {
      cache.onProblem = { [unowned self] text in
        log.log(.warning, kind: "\(name)", "\(name): \(text)")
      }
      cache.onHitRates = { [unowned self] lines in
        for line in lines {
          log.log(line.isBelowWanted ? .warning : .info, kind: "hits-\(line.policy)", "\(line)")
        }
      }
    }
    feed.onProblem = { [unowned self] text in log.log(.warning, kind: "feed", "\(text)") }
    authority.onProblem = { [unowned self] text in log.log(.warning, kind: "credentials", "\(text)")
    }
    pool.start()
    feed.start()
    cache.start()
    durable.start()
    market.start()
    authority.start()
    housekeeping.start()
  }

  /// Requests under way fail; nothing is left on the loop.
  package func close() {
    loop.preconditionInLoop()
    housekeeping.close()
    authority.close()
    feed.close()
    cache.close()
    durable.close()
    market.close()
    pool.close()
  }

  // MARK: - Requests

  /// Answers a request of one of `RouteTable.all`. Every failure is an answer.
  func answer(_ route: Route, _ request: HTTPRequest) async -> HTTPResponse {
    loop.preconditionInLoop()
    guard counters.underWay < RESTLimits.requestsMax else {
      counters.refused += 1
      return .error(.unavailable("too many requests are being answered"))
    }
    counters.underWay += 1
    defer { counters.underWay -= 1 }
    counters.requests += 1
    do {
      let principal = route.access == .credentials ? try await authenticate(request) : nil
      let arguments = try Arguments(request, route)
      var response = try await route.handler(
        Call(service: self, principal: principal, arguments: arguments, request: request))
      // Somebody's own: for no cache between.
      if principal != nil, !response.headers.contains(where: { $0.name == "cache-control" }) {
        response.headers.append(.init(name: "cache-control", value: "no-store"))
      }
      return response
    } catch {
      let failure = RequestFailure(error, method: request.method)
      if failure.response.status >= 500 { counters.failures += 1 }
      if let report = failure.report {
        log.log(.error, kind: "request", "\(route.operation): \(report)")
      }
      return .error(failure.response)
    }
  }

  private func authenticate(_ request: HTTPRequest) async throws -> Principal {
    let presented: PresentedCredentials?
    switch PresentedCredentials.read({ request.header($0) }) {
    case .absent: throw RequestFailure.unauthorized("no credentials: send an API key or a token")
    case .malformed: presented = nil
    case .present(let credentials): presented = credentials
    }
    let address = ClientAddress(request.remoteAddress.text)
    return try await authority.authenticate(presented, address: address).get()
  }

  // MARK: - Account

  struct RequestCounters: Sendable {
    var requests: UInt64 = 0
    var underWay = 0
    /// 503 since too many were under way.
    var refused: UInt64 = 0
    /// Answered 500 or 503.
    var failures: UInt64 = 0
  }
}
