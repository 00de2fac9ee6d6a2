import ArgumentParser
import Feeds
import Ingest
import ServiceSupport

/// The ingester as a process of its own.
struct IngestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest", abstract: "Play a tape or another source into a Redis.")

  @OptionGroup var feed: FeedOptions
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
      let (play, _) = try command.feed.play(source, fallback: nil, loopsByDefault: false)
      if let durable = try RedisLocation.url("durable-redis", flag: command.durableRedis, source) {
        configuration.history = HistoryWriter.Configuration(
          redis: durable,
          feed: play.argument.isReplay ? HistoryWriter.Configuration.replayFeed : configuration.feed
        )
      }
      let ingest = try await IngestService.start(
        play, configuration: configuration, metrics: PrometheusRegistry(), logger: host.logger)
      host.onStop("ingest") { await ingest.close() }
    }
  }
}
