import ArgumentParser
import EventLoops
import Feeds
import Gateway
import Glibc
import Ingest
import Logging
import RedisClient
import ServiceSupport
import WebTransport

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

  func run() throws {
    let source = OptionSource()
    let logger: Logger
    do {
      logger = try logs.logger("tapedeck", source)
    } catch {
      throw ValidationError("\(error)")
    }
    let command = self
    let status = ProcessHost.run(name: "tapedeck up", logger: logger) { host in
      try await command.start(on: host, source)
    }
    try finish(status)
  }

  private func start(on host: ProcessHost, _ source: OptionSource) async throws {
    let (play, tapeName) = try feed.play(
      source, fallback: Fixture.session(), loopsByDefault: true)
    let demo = try APIKeys(parsing: "demo:demo")
    let keys = try source.keys()
    let directory = try StateDirectory.open(
      source.string("state", flag: state) ?? StateDirectory.defaultPath())
    let redis = PrivateRedis(
      loop: host.loop, directory: directory, role: .market, logger: host.logger)
    host.onStop("redis") { await redis.stop() }
    try await redis.start()
    let url = try RedisURL(redis.url)
    let web = try gateway.services(source)
    let metrics = PrometheusRegistry()
    let readiness = Readiness((0..<web.loops).map(GatewayService.checkName))
    let feedName = "main"

    let ingest = try await IngestService.start(
      play, configuration: IngestLoop.Configuration(redis: url, feed: feedName), metrics: metrics,
      logger: host.logger)
    host.onStop("ingest") { await ingest.close() }
    var configuration = StreamLoop.Configuration(
      redis: url, feed: feedName, web: web.configuration, keys: keys ?? demo)
    web.apply(to: &configuration)
    let service = try await GatewayService.start(
      loops: web.loops, configuration: configuration, readiness: readiness, metrics: metrics,
      logger: host.logger)
    host.onStop("gateway") { await service.close() }

    while !readiness.isReady, host.stopReason == nil { await host.loop.sleep(milliseconds: 10) }
    guard host.stopReason == nil else { return }
    let credentials = keys == nil ? " key=demo secret=demo" : ""
    print(
      "tapedeck ready http://\(web.configuration.host):\(service.port)\(credentials) "
        + "tape=\(tapeName)")
    fflush(nil)
  }
}
