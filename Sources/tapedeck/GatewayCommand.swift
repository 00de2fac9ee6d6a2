import ArgumentParser
import Glibc
import ServiceSupport

/// The gateway as a process of its own.
struct GatewayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway", abstract: "Serve the market data of a Redis to WebSocket clients.")

  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var location: RedisLocation
  @OptionGroup var logs: LogOptions

  func run() throws {
    let command = self
    try runProcess("tapedeck gateway", logs) { host, source in
      let url = try command.location.url(source)
      guard let keys = try source.keys() else {
        throw ServiceSupportError(
          .setting, "no API keys: set TAPEDECK_KEYS=key:secret,... or TAPEDECK_KEYS_FILE")
      }
      let (address, _) = try await command.gateway.start(
        on: host, source, redis: url, feed: try command.location.feed(source), keys: keys,
        metrics: PrometheusRegistry())
      print("tapedeck gateway listening \(address)")
      fflush(nil)
    }
  }
}
