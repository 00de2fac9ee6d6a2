import ArgumentParser
import Ingest
import ServiceSupport

/// The ingester as a process of its own.
struct IngestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest", abstract: "Play a tape, a live upstream or another source into a Redis.",
    discussion: """
      --from wss://host/v2/iex --symbols AAPL,MSFT is a live upstream: any server of the Alpaca \
      market-data stream, a Tapedeck gateway included. Its key and secret come from \
      TAPEDECK_UPSTREAM_KEY and TAPEDECK_UPSTREAM_SECRET, or from APCA_API_KEY_ID and \
      APCA_API_SECRET_KEY; there is no option for them.
      """)

  @OptionGroup var feed: FeedOptions
  @OptionGroup var upstream: UpstreamOptions
  @OptionGroup var location: RedisLocation
  @OptionGroup var logs: LogOptions

  func run() throws {
    let command = self
    try runProcess("tapedeck ingest", logs) { host, source in
      let configuration = IngestLoop.Configuration(
        redis: try command.location.url(source), feed: try command.location.feed(source))
      let ingest: IngestService
      if let from = try command.feed.upstream(source) {
        ingest = try await IngestService.start(
          upstream: try command.upstream.configuration(from: from, source),
          configuration: configuration, metrics: PrometheusRegistry(), logger: host.logger)
      } else {
        let (play, _) = try command.feed.play(source, fallback: nil, loopsByDefault: false)
        ingest = try await IngestService.start(
          play, configuration: configuration, metrics: PrometheusRegistry(), logger: host.logger)
      }
      host.onStop("ingest") { await ingest.close() }
    }
  }
}
