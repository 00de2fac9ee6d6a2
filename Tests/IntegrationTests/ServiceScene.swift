// The services as they run in a process, on a private Redis: a gateway on a port that the kernel
// chose, and whatever plays the ingester. One test at a time: several of them measure times.
import EventLoops
import Feeds
import Gateway
import Ingest
import Logging
import MarketData
import RedisClient
import ServiceSupport
import TestSupport
import Testing
import WebTransport

/// All suites with services in them; serialized as a whole, see above.
@Suite(.serialized, .timeLimit(.minutes(2))) enum Services {}

/// One thread at a time.
final class ServiceScene {
  let redis: TestSupport.PrivateRedis
  private let metrics: PrometheusRegistry
  let gateway: GatewayService
  var port: UInt16 { gateway.port }
  private let isSecure: Bool

  private init(
    _ redis: TestSupport.PrivateRedis, _ gateway: GatewayService, _ metrics: PrometheusRegistry,
    isSecure: Bool
  ) {
    self.isSecure = isSecure
    self.redis = redis
    self.gateway = gateway
    self.metrics = metrics
  }

  static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  /// A Redis and a gateway, ended whatever happens.
  static func with(
    _ configure: (inout StreamLoop.Configuration) -> Void = { _ in }, loops: Int = 1,
    _ body: (ServiceScene) async throws -> Void
  ) async throws {
    let redis = try TestSupport.PrivateRedis()
    defer { redis.close() }
    var configuration = StreamLoop.Configuration(
      redis: try RedisURL(redis.url), feed: ScriptedFeed.name,
      web: WebServerConfiguration(host: "127.0.0.1", port: 0),
      keys: try APIKeys(parsing: "demo:demo"))
    configure(&configuration)
    let metrics = PrometheusRegistry()
    let readiness = Readiness((0..<loops).map(GatewayService.checkName))
    let gateway = try await GatewayService.start(
      loops: loops, configuration: configuration, readiness: readiness, metrics: metrics,
      logger: quiet)
    do {
      try await body(
        ServiceScene(redis, gateway, metrics, isSecure: configuration.web.certificate != nil))
    } catch {
      await gateway.close()
      throw error
    }
    await gateway.close()
  }

  /// With a feed that the test plays by hand.
  static func withFeed(
    _ configure: (inout StreamLoop.Configuration) -> Void = { _ in },
    _ body: (ServiceScene, ScriptedFeed) async throws -> Void
  ) async throws {
    try await with(configure) { scene in
      let feed = try await ScriptedFeed.start(scene.redis)
      do {
        try await scene.untilReady()
        try await body(scene, feed)
      } catch {
        await feed.close()
        throw error
      }
      await feed.close()
    }
  }

  /// A real ingester that plays a tape.
  func ingest(
    _ tape: String, speed: FeedSpeed = .realTime, timestamps: FeedTimestamps = .rebased,
    loops: Bool = false
  ) async throws -> IngestService {
    try await IngestService.start(
      .init(
        argument: .file(path: tape), clock: FeedClock(speed: speed, timestamps: timestamps),
        loops: loops),
      configuration: .init(redis: try RedisURL(redis.url), feed: ScriptedFeed.name),
      metrics: metrics, logger: ServiceScene.quiet)
  }

  /// Another gateway on the same Redis, to be closed by the caller.
  func secondGateway(
    _ configure: (inout StreamLoop.Configuration) -> Void
  ) async throws -> GatewayService {
    var configuration = StreamLoop.Configuration(
      redis: try RedisURL(redis.url), feed: ScriptedFeed.name,
      web: WebServerConfiguration(host: "127.0.0.1", port: 0),
      keys: try APIKeys(parsing: "demo:demo"))
    configure(&configuration)
    return try await GatewayService.start(
      loops: 1, configuration: configuration, readiness: Readiness([GatewayService.checkName(0)]),
      metrics: PrometheusRegistry(), logger: ServiceScene.quiet)
  }

  // MARK: - HTTP

  func get(_ path: String) throws -> RawAnswer {
    try #require(try socket().request("GET", path))
  }

  /// Connected to the gateway, with TLS where that speaks it.
  func socket(
    from: String? = nil, receiveBufferBytes: Int32? = nil, port other: UInt16? = nil
  ) throws -> RawSocket {
    let socket = try RawSocket(
      port: other ?? port, from: from, receiveBufferBytes: receiveBufferBytes)
    if isSecure { _ = try socket.startTLS() }
    return socket
  }

  func untilReady(_ ready: Bool = true, milliseconds: Int32 = 5_000) async throws {
    let came = try await until(milliseconds: milliseconds) {
      try self.get("/readyz").status == (ready ? 200 : 503)
    }
    try #require(came, "readiness did not become \(ready)")
  }

  /// A number of `/metrics`, labels aside.
  func metric(_ name: String) throws -> Double {
    let text = String(decoding: try get("/metrics").body, as: UTF8.self)
    let line = text.split(separator: "\n").first {
      $0.hasPrefix("\(name){") || $0.hasPrefix("\(name) ")
    }
    return try #require(line?.split(separator: " ").last.flatMap { Double($0) }, "\(name)")
  }

  func gateway(_ name: String) throws -> Double { try metric("tapedeck_gateway_\(name)") }

  // MARK: - Redis from outside

  /// Keys that fit a pattern, by SCAN.
  func keys(_ pattern: String) throws -> [String] {
    let answer = try #require(redis.command("SCAN", "0", "MATCH", pattern, "COUNT", "100000"))
    // *2, the cursor, and an array of bulk strings.
    let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false).dropFirst(4)
    return lines.enumerated().filter { $0.offset % 2 == 1 }
      .map { String($0.element) }
  }

  func timeToLive(_ key: String) throws -> Int {
    let answer = try #require(redis.command("PTTL", key))
    return try #require(Int(answer.filter { $0 == "-" || $0.isWholeNumber }))
  }
}

extension IngestService {
  /// Closed whether the body throws or not.
  func closing(after body: (IngestService) async throws -> Void) async throws {
    do {
      try await body(self)
    } catch {
      await close()
      throw error
    }
    await close()
  }
}
