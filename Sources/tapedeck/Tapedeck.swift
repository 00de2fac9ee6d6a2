import ArgumentParser
import Glibc

/// The command line: parse, wire, run. Each command runs the process to its end and exits with its
/// status; nothing here is async, because the main thread runs the main loop.
struct Tapedeck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tapedeck",
    abstract:
      "A trading platform's backend: a feed goes through Redis to WebSocket clients, portfolios "
      + "come from Postgres over REST.",
    discussion: """
      Every option has an environment variable: --flush-ms is TAPEDECK_FLUSH_MS. API keys have no \
      option: they come from TAPEDECK_KEYS (key:secret,key:secret) or from the file that \
      TAPEDECK_KEYS_FILE names.
      """,
    version: "0.1.0",
    subcommands: [
      UpCommand.self, IngestCommand.self, GatewayCommand.self, PortfolioCommand.self,
      HistoryCommand.self, MigrateCommand.self, SimulateCommand.self, RecordCommand.self,
      InspectCommand.self,
    ])
}

extension ParsableCommand {
  /// Ends the process with `status`.
  func finish(_ status: Int32) throws {
    fflush(nil)
    throw ExitCode(status)
  }
}
