import ArgumentParser
import Feeds

/// Writes a simulated session as a native tape.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "Write a simulated session as a tape.")

  @Option(
    help: ArgumentHelp(
      "What to simulate: sim:stocks=27,crypto=2,seconds=300,seed=1.", valueName: "spec"))
  var spec: String

  @Option(help: ArgumentHelp("The tape to write; .gz is compressed.", valueName: "file"))
  var out: String

  func run() throws {
    do {
      let events = try SimulatedSession.write(try SimulationSpec(parsing: spec), to: out)
      print("\(out): \(events) events")
    } catch {
      throw ValidationError("\(error)")
    }
  }
}
