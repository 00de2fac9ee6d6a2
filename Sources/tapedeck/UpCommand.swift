import ArgumentParser
import Credentials
import EventLoops
import Feeds
import Glibc
import History
import Ingest
import Logging
import Portfolio
import PostgresClient
import RedisClient
import ServiceSupport
import WebTransport

/// Everything on private servers: the demo, and a development machine's market.
struct UpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract:
      "Play a tape through private servers to ws://127.0.0.1:8080, everything in one process.")

  @OptionGroup var feed: FeedOptions
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var keeping: KeepingOptions
  @OptionGroup var logs: LogOptions

  @Option(
    help: ArgumentHelp(
      "Where the private Redis and PostgreSQL live: DIR/redis.sock, DIR/postgres (default: in the "
        + "user's cache).", valueName: "dir"))
  var state: String?

  /// The name of the one feed in the private Redis.
  private static let feedName = "main"

  func run() throws {
    let command = self
    try runProcess("tapedeck up", logs) { host, source in try await command.start(on: host, source)
    }
  }

  private func start(on host: ProcessHost, _ source: OptionSource) async throws {
    let (play, tapeName) = try feed.play(
      source, fallback: Fixture.session(), loopsByDefault: true)
    let keys = try source.keys()
    // Ctrl-C is to be quick; nobody waits elsewhere for the demo's clients.
    let settings = try gateway.settings(source, drainSecondsDefault: 0)
    let directory = try StateDirectory.open(
      source.string("state", flag: state) ?? StateDirectory.defaultPath())
    let servers = try await PrivateServers.start(in: directory, on: host)
    try await MigrateCommand.migrate(
      servers.postgres, on: host, seed: true, report: { host.logger.info("\($0)") },
      then: { try await UpCommand.use(keys, $0) })
    let metrics = PrometheusRegistry()
    let historyFeed =
      play.argument.isReplay ? HistoryWriter.Configuration.replayFeed : UpCommand.feedName
    // Of its own: prices flow on, and the gateway is ready, when only PostgreSQL is away.
    let portfolioReadiness = Readiness([PortfolioService.checkName])
    var accounts = PortfolioService.Configuration(
      postgres: servers.postgres, marketRedis: servers.redis, cacheRedis: servers.redis,
      durableRedis: servers.durable, feed: UpCommand.feedName, historyFeed: historyFeed)
    accounts.proxies = settings.proxies
    let portfolio = try await PortfolioHost.start(
      configuration: accounts,
      web: nil, readiness: portfolioReadiness, metrics: metrics, logger: host.logger)
    host.onStop("portfolio") { await portfolio.close() }

    try await startHistory(servers, metrics, source, on: host)
    var ingestion = IngestLoop.Configuration(redis: servers.redis, feed: UpCommand.feedName)
    ingestion.history = HistoryWriter.Configuration(redis: servers.durable, feed: historyFeed)
    let ingest = try await IngestService.start(
      play, configuration: ingestion, metrics: metrics, logger: host.logger)
    host.onStop("ingest") { await ingest.close() }
    let (address, readiness) = try await settings.start(
      on: host, redis: servers.redis, feed: UpCommand.feedName,
      doors: .credentials(portfolio.credentials), metrics: metrics,
      routes: { router, loop in
        portfolio.door.addRoutes(to: &router, on: loop)
        let replay = ReplayDoor(ingest)
        for method in [HTTPMethod.get, .post] {
          portfolio.door.addRoute(method, ReplayDoor.path, to: &router, on: loop) {
            await replay.answer($0)
          }
        }
      })
    // Last, so that the terminal is itself again before anything else stops.
    let keyboard = try ReplayKeyboard.start(on: host, ingest)

    while !(readiness.isReady && portfolioReadiness.isReady), host.stopReason == nil {
      await host.loop.sleep(milliseconds: 10)
    }
    guard host.stopReason == nil else { return }
    let demo = keys == nil ? " key=demo secret=demo" : ""
    keyboard?.clear()
    print("tapedeck ready \(address)\(demo) tape=\(tapeName)")
    fflush(nil)
    keyboard?.begin()
  }

  private func startHistory(
    _ servers: PrivateServers, _ metrics: PrometheusRegistry, _ source: OptionSource,
    on host: ProcessHost
  ) async throws {
    var configuration = HistoryWorker.Configuration(
      redis: servers.durable, postgres: servers.postgres)
    configuration.keepDays = try keeping.days(source)
    let history = try await HistoryHost.start(
      configuration: configuration, readiness: Readiness([HistoryWorker.checkName]),
      metrics: metrics, logger: host.logger)
    host.onStop("history") { await history.close() }
  }

  /// The keys of the settings open the demo's first account, instead of the seed's.
  private static func use(_ keys: APIKeys?, _ pool: PostgresPool) async throws {
    guard let keys else { return try await DemoKeys.useSeeded(pool) }
    let entries = keys.entries
    guard entries.allSatisfy({ PresentedCredentials.isKeyID($0.id) }) else {
      throw ServiceSupportError(
        .setting, "TAPEDECK_KEYS: the ids of keys in a database have only letters, digits, _ and -")
    }
    try await DemoKeys.use(entries.map { ($0.id, $0.digest.bytes) }, pool)
  }
}
