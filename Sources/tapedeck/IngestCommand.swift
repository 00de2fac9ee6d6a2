import ArgumentParser
import Ingest
import Logging
import RedisClient
import ServiceSupport

/// The ingester as a process of its own.
struct IngestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest", abstract: "Play a tape or another source into a Redis.")

  @OptionGroup var feed: FeedOptions
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
    let status = ProcessHost.run(name: "tapedeck ingest", logger: logger) { host in
      let url = try redisURL(source, flag: command.redis)
      let (play, _) = try command.feed.play(source, fallback: nil, loopsByDefault: false)
      let name = try Tapedeck.feedName(source, flag: command.feedName)
      let ingest = try await IngestService.start(
        play, configuration: IngestLoop.Configuration(redis: url, feed: name),
        metrics: PrometheusRegistry(), logger: logger)
      host.onStop("ingest") { await ingest.close() }
    }
    try finish(status)
  }
}
