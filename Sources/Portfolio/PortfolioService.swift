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
    package var cacheOptions = CacheOptions()
    package var durableOptions = CacheOptions.durable
    package var credentials = CredentialOptions()
    /// Proxies whose word on clients' addresses is taken.
    package var proxies = TrustedProxies()
    /// The feed's name in Redis' keys, whose time is the market's.
    package var feed: String
    /// The feed whose bars and trades are shown: a replay's are kept apart.
    package var historyFeed: String

    package init(
      postgres: PostgresLocation, marketRedis: RedisURL, cacheRedis: RedisURL,
      durableRedis: RedisURL, feed: String, historyFeed: String? = nil
    ) {
      self.postgres = postgres
      self.marketRedis = marketRedis
      self.cacheRedis = cacheRedis
      self.durableRedis = durableRedis
      self.feed = feed
      self.historyFeed = historyFeed ?? feed
    }
  }

  /// The name of its readiness check.
  package static let checkName = "portfolio"

  package let loop: EventLoop
  /// The pool, the caches and the authority, which this service shares.
  package let parts: CredentialParts
  package var pool: PostgresPool { parts.pool }
  package var cache: CacheAside { parts.cache }
  package var authority: CredentialAuthority { parts.authority }
  let store: PortfolioStore
  let prices: MarketPrices
  let live: LiveMarket
  let previousDays: PreviousDays
  let recorded: RecordedMarket
  let historyFeed: String
  let watchlists: Watchlists
  let profiles: Profiles
  let assets: AssetCatalogue

  private let market: RedisConnection
  private let housekeeping: Housekeeping
  private let readiness: Readiness
  private let log: RateLimitedLog
  private let proxies: TrustedProxies
  private(set) var counters = RequestCounters()

  /// Starts nothing yet. On the loop's thread.
  package init(
    loop: EventLoop, configuration: Configuration, readiness: Readiness, log: RateLimitedLog
  ) {
    loop.preconditionInLoop()
    self.loop = loop
    self.readiness = readiness
    self.log = log
    proxies = configuration.proxies
    var parts = CredentialParts.Configuration(
      postgres: configuration.postgres, cache: configuration.cacheRedis,
      durable: configuration.durableRedis)
    parts.postgresOptions = configuration.postgresOptions
    parts.cacheOptions = configuration.cacheOptions
    parts.durableOptions = configuration.durableOptions
    parts.redisOptions = configuration.redisOptions
    parts.credentialOptions = configuration.credentials
    self.parts = CredentialParts(loop: loop, configuration: parts, log: log)
    let pool = self.parts.pool
    let cache = self.parts.cache
    market = RedisConnection(
      loop: loop, url: configuration.marketRedis, options: configuration.redisOptions)
    store = PortfolioStore(pool: pool)
    recorded = RecordedMarket(pool: pool)
    historyFeed = configuration.historyFeed
    prices = MarketPrices(redis: market, feed: configuration.feed)
    live = LiveMarket(
      redis: market, feed: configuration.feed,
      report: { log.log(.warning, kind: "market", "\($0)") })
    previousDays = PreviousDays(
      pool: pool, feed: configuration.historyFeed,
      report: { log.log(.warning, kind: "days", "\($0)") })
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
    parts.onPostgres = { [unowned self] isThere in
      if isThere {
        readiness.pass(PortfolioService.checkName)
      } else {
        readiness.fail(PortfolioService.checkName, "no PostgreSQL")
      }
    }
    parts.start()
    market.start()
    housekeeping.start()
  }

  /// Requests under way fail; nothing is left on the loop.
  package func close() {
    loop.preconditionInLoop()
    housekeeping.close()
    market.close()
    parts.close()
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

  /// What a request gets that presents no credentials, or none that are good.
  func refusal(_ request: HTTPRequest) async -> HTTPResponse? {
    do {
      _ = try await authenticate(request)
      return nil
    } catch {
      return .error(RequestFailure(error, method: request.method).response)
    }
  }

  private func authenticate(_ request: HTTPRequest) async throws -> Principal {
    let presented: PresentedCredentials?
    switch PresentedCredentials.read({ request.header($0) }) {
    case .absent: throw RequestFailure.unauthorized("no credentials: send an API key or a token")
    case .malformed: presented = nil
    case .present(let credentials): presented = credentials
    }
    let address = proxies.client(
      remote: request.remoteAddress.text, forwarded: request.header("x-forwarded-for"))
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
