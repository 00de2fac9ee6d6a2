import ArgumentParser

/// Benchmarks and load: each command prints its figures and the conditions that they hold for.
struct TapedeckBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tapedeck-bench", abstract: "Benchmarks of Tapedeck.",
    subcommands: [
      DrainCommand.self, ITCHCommand.self, LoadCommand.self, LoopCommand.self, PostgresCommand.self,
      WatchlistsCommand.self,
    ])
}
