import ArgumentParser
import Ingest
import ServiceSupport

/// The ingester as a process of its own.
struct IngestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest", abstract: "Play a tape or another source into a Redis.")

  @OptionGroup var feed: FeedOptions
  @OptionGroup var location: RedisLocation
  @OptionGroup var logs: LogOptions

  func run() throws {
    let command = self
    try runProcess("tapedeck ingest", logs) { host, source in
      let configuration = IngestLoop.Configuration(
        redis: try command.location.url(source), feed: try command.location.feed(source))
      let (play, _) = try command.feed.play(source, fallback: nil, loopsByDefault: false)
      let ingest = try await IngestService.start(
        play, configuration: configuration, metrics: PrometheusRegistry(), logger: host.logger)
      host.onStop("ingest") { await ingest.close() }
    }
  }
}
