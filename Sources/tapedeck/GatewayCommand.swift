import ArgumentParser
import Gateway
import Glibc
import Logging
import RedisClient
import ServiceSupport
import WebTransport

/// The gateway as a process of its own.
struct GatewayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway", abstract: "Serve the market data of a Redis to WebSocket clients.")

  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var logs: LogOptions

  @Option(
    help: ArgumentHelp(
      "redis://[user:password@]host:port/db or unix:///path. A password is better given by "
        + "TAPEDECK_REDIS: other users can read a command line.", valueName: "url"))
  var redis: String?

  @Option(help: "The feed's name in Redis' keys (default: main).")
  var feedName: String?

  func run() throws {
    let source = OptionSource()
    let logger: Logger
    do {
      logger = try logs.logger("tapedeck", source)
    } catch {
      throw ValidationError("\(error)")
    }
    let command = self
    let status = ProcessHost.run(name: "tapedeck gateway", logger: logger) { host in
      try await command.start(on: host, source)
    }
    try finish(status)
  }

  private func start(on host: ProcessHost, _ source: OptionSource) async throws {
    let url = try redisURL(source, flag: redis)
    guard let keys = try source.keys() else {
      throw ServiceSupportError(
        .setting, "no API keys: set TAPEDECK_KEYS=key:secret,... or TAPEDECK_KEYS_FILE")
    }
    let web = try gateway.services(source)
    let metrics = PrometheusRegistry()
    let readiness = Readiness((0..<web.loops).map(GatewayService.checkName))
    var configuration = StreamLoop.Configuration(
      redis: url, feed: try Tapedeck.feedName(source, flag: feedName), web: web.configuration,
      keys: keys)
    web.apply(to: &configuration)
    let service = try await GatewayService.start(
      loops: web.loops, configuration: configuration, readiness: readiness, metrics: metrics,
      logger: host.logger)
    host.onStop("gateway") { await service.close() }
    print("tapedeck gateway listening http://\(web.configuration.host):\(service.port)")
    fflush(nil)
  }
}
