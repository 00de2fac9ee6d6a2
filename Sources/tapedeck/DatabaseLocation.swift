import ArgumentParser
import PostgresClient
import ServiceSupport

/// The Postgres of a service that runs as a process of its own.
struct DatabaseLocation: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "postgresql://[user:password@]host:port,host:port/database, or libpq's key=value. A password "
        + "is better given by TAPEDECK_POSTGRES: other users can read a command line.",
      valueName: "url"))
  var postgres: String?

  /// Nil when none is given.
  func optional(_ source: OptionSource) throws -> PostgresLocation? {
    guard let text = source.string("postgres", flag: postgres) else { return nil }
    if let postgres { HiddenCredentials.hide(in: postgres) }
    do {
      return try PostgresLocation(text)
    } catch {
      let place = postgres == nil ? OptionSource.variable(for: "postgres") : "--postgres"
      throw ServiceSupportError(.setting, "\(place): \(error)")
    }
  }

  func location(_ source: OptionSource) throws -> PostgresLocation {
    guard let location = try optional(source) else {
      throw ServiceSupportError(
        .setting, "give --postgres postgresql://[user:password@]host:port/database")
    }
    return location
  }
}
