import ArgumentParser
import History
import RedisClient
import ServiceSupport

/// The history worker as a process of its own.
struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Bring bars and trades from the Redis stream `history` into Postgres.",
    discussion: """
      `tapedeck ingest --durable-redis` writes the stream, `tapedeck migrate` makes the tables. A worker \
      that was killed goes on where it was under the same name; several share the work under several.
      """)

  @OptionGroup var database: DatabaseLocation

  @Option(
    help: ArgumentHelp(
      "The Redis with the stream: one with an append-only file. A password is better given by "
        + "TAPEDECK_DURABLE_REDIS.", valueName: "url"))
  var durableRedis: String?

  @Option(help: "This worker's name among those of the stream (default: worker).")
  var consumer: String?

  @OptionGroup var keeping: KeepingOptions
  @OptionGroup var logs: LogOptions

  func run() throws {
    let command = self
    try runProcess("tapedeck history", logs) { host, source in
      let postgres = try command.database.location(source)
      guard
        let redis = try RedisLocation.url("durable-redis", flag: command.durableRedis, source)
      else {
        throw ServiceSupportError(
          .setting, "give --durable-redis redis://[user:password@]host:port/db")
      }
      var configuration = HistoryWorker.Configuration(redis: redis, postgres: postgres)
      configuration.keepDays = try command.keeping.days(source)
      if let name = source.string("consumer", flag: command.consumer) {
        guard (1...64).contains(name.utf8.count) else {
          throw ServiceSupportError(.setting, "--consumer must be of 1 to 64 bytes")
        }
        configuration.consumer = name
      }
      let history = try await HistoryHost.start(
        configuration: configuration, readiness: Readiness([HistoryWorker.checkName]),
        metrics: PrometheusRegistry(), logger: host.logger)
      host.onStop("history") { await history.close() }
    }
  }
}

/// How long history stays.
struct KeepingOptions: ParsableArguments {
  @Option(help: "Days that single trades stay in Postgres (default: 30). Bars stay.")
  var keepDays: Int?

  func days(_ source: OptionSource) throws -> Int64 {
    Int64(
      try source.integer(
        "keep-days", flag: keepDays, default: Int(HistoryLimits.keepDays), in: 1...36_500))
  }
}
