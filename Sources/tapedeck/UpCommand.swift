import ArgumentParser
import EventLoops
import Feeds
import Glibc
import Ingest
import RedisClient
import ServiceSupport

/// Everything on private servers: the demo, and a development machine's market.
struct UpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract:
      "Play a tape through a private Redis to ws://127.0.0.1:8080, everything in one process.")

  @OptionGroup var feed: FeedOptions
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var logs: LogOptions

  @Option(
    help: ArgumentHelp(
      "Where the private Redis lives; its socket is DIR/redis.sock (default: in the user's cache).",
      valueName: "dir"))
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
    let directory = try StateDirectory.open(
      source.string("state", flag: state) ?? StateDirectory.defaultPath())
    let redis = PrivateRedis(
      loop: host.loop, directory: directory, role: .market, logger: host.logger)
    host.onStop("redis") { await redis.stop() }
    try await redis.start()
    let url = try RedisURL(redis.url)
    let metrics = PrometheusRegistry()

    let ingest = try await IngestService.start(
      play, configuration: IngestLoop.Configuration(redis: url, feed: UpCommand.feedName),
      metrics: metrics, logger: host.logger)
    host.onStop("ingest") { await ingest.close() }
    let (address, readiness) = try await gateway.start(
      on: host, source, redis: url, feed: UpCommand.feedName,
      keys: keys ?? APIKeys(parsing: "demo:demo"), metrics: metrics)

    while !readiness.isReady, host.stopReason == nil { await host.loop.sleep(milliseconds: 10) }
    guard host.stopReason == nil else { return }
    let credentials = keys == nil ? " key=demo secret=demo" : ""
    print("tapedeck ready \(address)\(credentials) tape=\(tapeName)")
    fflush(nil)
  }
}
