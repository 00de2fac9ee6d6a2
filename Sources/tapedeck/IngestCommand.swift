import ArgumentParser
import Feeds
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
  @Option(
    help: ArgumentHelp(
      "A Redis with an append-only file: bars and trades go to its stream `history`, from where "
        + "`tapedeck history` brings them to Postgres (default: none, nothing is kept).",
      valueName: "url"))
  var durableRedis: String?

  @OptionGroup var logs: LogOptions

  func run() throws {
    let command = self
    try runProcess("tapedeck ingest", logs) { host, source in
      var configuration = IngestLoop.Configuration(
        redis: try command.location.url(source), feed: try command.location.feed(source))
      let durable = try RedisLocation.url("durable-redis", flag: command.durableRedis, source)
      func keep(as feed: String) {
        configuration.history = durable.map { HistoryWriter.Configuration(redis: $0, feed: feed) }
      }
      let ingest: IngestService
      if let from = try command.feed.upstream(source) {
        keep(as: configuration.feed)
        ingest = try await IngestService.start(
          upstream: try command.upstream.configuration(from: from, source),
          configuration: configuration, metrics: PrometheusRegistry(), logger: host.logger)
      } else {
        let (play, _) = try command.feed.play(source, fallback: nil, loopsByDefault: false)
        keep(
          as: play.argument.isReplay
            ? HistoryWriter.Configuration.replayFeed : configuration.feed)
        ingest = try await IngestService.start(
          play, configuration: configuration, metrics: PrometheusRegistry(), logger: host.logger)
      }
      host.onStop("ingest") { await ingest.close() }
    }
  }
}
