import ArgumentParser
import Credentials
import Glibc
import ServiceSupport

/// The gateway as a process of its own.
struct GatewayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway", abstract: "Serve the market data of a Redis to WebSocket clients.",
    discussion: """
      Who may come in: with --postgres the keys and sessions of that database, else the keys in \
      TAPEDECK_KEYS or TAPEDECK_KEYS_FILE.
      """)

  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var location: RedisLocation
  @OptionGroup var credentials: CredentialLocations
  @OptionGroup var logs: LogOptions

  #if DEBUG
    @Flag(help: .hidden) var echo = false
  #endif

  func run() throws {
    #if DEBUG
      if echo { return try runEcho() }
    #endif
    let command = self
    try runProcess("tapedeck gateway", logs) { host, source in
      let url = try command.location.url(source)
      let feed = try command.location.feed(source)
      let settings = try command.gateway.settings(source)
      let metrics = PrometheusRegistry()
      let doors: GatewayOptions.Doors
      if let configuration = try command.credentials.configuration(source, market: url) {
        let service = try await CredentialService.start(
          configuration, metrics: metrics, logger: host.logger)
        host.onStop("credentials") { await service.close() }
        doors = .credentials(service.gate)
      } else if let keys = try source.keys() {
        doors = .keys(keys)
      } else {
        throw ServiceSupportError(
          .setting,
          "no API keys: give --postgres, or set TAPEDECK_KEYS=key:secret,... or TAPEDECK_KEYS_FILE")
      }
      let (address, _) = try await settings.start(
        on: host, redis: url, feed: feed, doors: doors, metrics: metrics)
      print("tapedeck gateway listening \(address)")
      fflush(nil)
    }
  }
}
