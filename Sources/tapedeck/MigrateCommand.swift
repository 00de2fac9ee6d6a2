import ArgumentParser
import EventLoops
import Glibc
import Logging
import Portfolio
import PostgresClient
import ServiceSupport

/// Brings a database to this executable's schema.
struct MigrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Make or update the tables of a Postgres database.",
    discussion: """
      Each script is applied once, in order, under a lock: running it again, or twice at a time, is \
      safe. The database must be there; its owner is who logs in.
      """)

  @OptionGroup var location: DatabaseLocation

  @Flag(
    help: "Also insert the demo: three users, whose keys demo, demo2, demo3 are their own secrets.")
  var seed = false

  @OptionGroup var logs: LogOptions

  func run() throws {
    let command = self
    try runProcess("tapedeck migrate", logs) { host, source in
      let location = try command.location.location(source)
      try await MigrateCommand.migrate(location, on: host, seed: command.seed) { line in
        print(line)
        fflush(nil)
      }
      host.requestStop("the schema is there")
    }
  }

  /// Also what `tapedeck up` does with its own database.
  static func migrate(
    _ location: PostgresLocation, on host: ProcessHost, seed: Bool,
    report: @escaping (String) -> Void,
    then finish: (PostgresPool) async throws -> Void = { _ in }
  ) async throws {
    let pool = PostgresPool(loop: host.loop, location: location, options: Migrator.poolOptions)
    pool.start()
    let result: Result<Void, any Error>
    do {
      try await SchemaSetup.run(
        pool, seed: seed, microsecondsNow: EventLoop.wallNanoseconds / 1_000, report: report)
      try await finish(pool)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    pool.close()
    try result.get()
  }
}
