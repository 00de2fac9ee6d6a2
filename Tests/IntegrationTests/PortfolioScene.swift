// The portfolio service as its own process runs it, on a private PostgreSQL with the demo's rows and a
// private Redis, and asked over HTTP.
import Credentials
import EventLoops
import Glibc
import Portfolio
import PostgresClient
import RedisClient
import ServiceSupport
import TestSupport
import Testing
import WebTransport

/// One thread at a time.
final class PortfolioScene {
  let postgres: TestSupport.PrivatePostgres
  let redis: TestSupport.PrivateRedis
  let host: PortfolioHost
  var port: UInt16 { host.port }

  private init(
    _ postgres: TestSupport.PrivatePostgres, _ redis: TestSupport.PrivateRedis,
    _ host: PortfolioHost
  ) {
    self.postgres = postgres
    self.redis = redis
    self.host = host
  }

  /// Servers, schema, demo and service, ended whatever happens.
  static func with(
    _ configure: (inout PortfolioService.Configuration) -> Void = { _ in },
    _ body: (PortfolioScene) async throws -> Void
  ) async throws {
    let postgres = try TestSupport.PrivatePostgres()
    defer { postgres.close() }
    let redis = try TestSupport.PrivateRedis()
    defer { redis.close() }
    try await migrate(postgres.url)
    let url = try RedisURL(redis.url)
    var configuration = PortfolioService.Configuration(
      postgres: try PostgresLocation(postgres.url), marketRedis: url, cacheRedis: url,
      durableRedis: url, feed: "test")
    configuration.postgresOptions.reconnectDelayBaseMilliseconds = 10
    configuration.postgresOptions.reconnectDelayMaxMilliseconds = 100
    configure(&configuration)
    let host = try await PortfolioHost.start(
      configuration: configuration, web: WebServerConfiguration(host: "127.0.0.1", port: 0),
      readiness: Readiness([PortfolioService.checkName]), metrics: PrometheusRegistry(),
      logger: ServiceScene.quiet)
    let scene = PortfolioScene(postgres, redis, host)
    do {
      try await scene.untilReady()
      try await body(scene)
    } catch {
      await host.close()
      throw error
    }
    await host.close()
  }

  static func migrate(_ url: String) async throws {
    try await withLoop("migrate") { loop in
      let pool = try await PostgresPool.ready(loop, url)
      let now = EventLoop.wallNanoseconds / 1_000
      do {
        try await SchemaSetup.run(pool, seed: true, microsecondsNow: now, report: { _ in })
      } catch {
        pool.close()
        throw error
      }
      pool.close()
    }
  }

  func untilReady(_ ready: Bool = true) async throws {
    let came = try await until(milliseconds: 10_000) {
      try self.raw("GET", "/readyz").status == (ready ? 200 : 503)
    }
    try #require(came, "readiness did not become \(ready)")
  }

  // MARK: - HTTP

  func raw(
    _ method: String, _ target: String, headers: String = "", body: String? = nil
  ) throws -> RawAnswer {
    try #require(
      try RawSocket(port: port).request(method, target, headers: headers, body: body),
      "\(method) \(target) was not answered")
  }

  static func key(_ name: String) -> String {
    "APCA-API-KEY-ID: \(name)\r\nAPCA-API-SECRET-KEY: \(name)\r\n"
  }

  /// As a user of the demo. A body is sent as JSON.
  func ask(
    _ method: String, _ target: String, _ body: String? = nil, as key: String = "demo"
  ) throws -> RawAnswer {
    let type = body == nil ? "" : "Content-Type: application/json\r\n"
    return try raw(method, target, headers: PortfolioScene.key(key) + type, body: body)
  }

  /// The answer's JSON; fails unless its status is `status`.
  func json(
    _ method: String, _ target: String, _ body: String? = nil, as key: String = "demo",
    status: Int = 200
  ) throws -> WireValue {
    let answer = try ask(method, target, body, as: key)
    try #require(answer.status == status, "\(method) \(target): \(answer.status) \(answer.text)")
    return try WireValue(json: answer.body)
  }

  func get(_ target: String, as key: String = "demo") throws -> WireValue {
    try json("GET", target, as: key)
  }

  /// Status and message of an error, whose body must be what SDKs read.
  func refusal(
    _ method: String, _ target: String, _ body: String? = nil, as key: String = "demo"
  ) throws -> String {
    let answer = try ask(method, target, body, as: key)
    let json = try WireValue(json: answer.body)
    let code = try #require(json["code"]?.integer, "\(answer.text)")
    #expect(code / 100_000 == Int64(answer.status), "\(answer.text)")
    return "\(answer.status) \(try #require(json["message"]?.string))"
  }

  /// Asks until the answer is kept in Redis, which is not believed before this process listens to the
  /// database.
  func untilCached(_ pattern: String, _ target: String) async throws -> WireValue {
    var answer = WireValue.null
    let cached = try await until {
      answer = try self.get(target)
      return self.redis.command("KEYS", pattern) != "*0\r\n"
    }
    try #require(cached, "\(target) is not cached")
    return answer
  }

  // MARK: - The database

  @discardableResult
  func psql(_ sql: String) throws -> String { try postgres.psql(sql) }

  /// What ingesters write: a trade that lives two seconds.
  func trade(_ symbol: String, _ price: String, at time: String = "2026-11-21T06:23:00Z") {
    _ = redis.command(
      "SET", "stock:\(symbol):price",
      #"{"E":1,"N":7,"P":5,"T":"t","S":"\#(symbol)","t":"\#(time)","p":\#(price),"s":1}"#, "PX",
      "60000")
  }

  func last(_ symbol: String, _ price: String, at time: String = "2026-11-20T20:00:00Z") {
    _ = redis.command(
      "SET", "stock:\(symbol):last",
      #"{"E":1,"N":7,"T":"last","S":"\#(symbol)","p":\#(price),"as_of":"\#(time)"}"#, "PX",
      "60000")
  }
}
