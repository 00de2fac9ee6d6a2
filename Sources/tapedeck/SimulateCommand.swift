import ArgumentParser
import Feeds
import Glibc

/// Writes a simulated session as a native tape.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "Write a simulated session as a tape.")

  @Option(
    help: ArgumentHelp("What to simulate: sim:stocks=27,crypto=2,seconds=300,seed=1.", valueName: "spec"))
  var spec: String

  @Option(help: ArgumentHelp("The tape to write; .gz is compressed.", valueName: "file"))
  var out: String

  func run() throws {
    do {
      let result = try SimulatedSession.write(spec: try SimulationSpec(parsing: spec), to: out)
      print("\(out): \(result)")
    } catch {
      fputs("tapedeck simulate: \(error)\n", stderr)
      throw ExitCode(1)
    }
  }
}
