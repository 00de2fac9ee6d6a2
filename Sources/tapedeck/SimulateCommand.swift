import ArgumentParser
import Feeds

/// Writes a simulated session as a native tape.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Write a simulated session as a tape, or as an ITCH 5.0 file.")

  @Option(
    help: ArgumentHelp(
      "What to simulate: sim:stocks=27,crypto=2,seconds=300,seed=1.", valueName: "spec"))
  var spec: String

  @Option(
    help: ArgumentHelp(
      "The tape to write; with .itch at its end (before .gz) an ITCH file of the session's orders;"
        + " .gz is compressed.", valueName: "file"))
  var out: String

  func run() throws {
    try runOnce("tapedeck simulate") {
      let spec = try SimulationSpec(parsing: spec)
      if out.hasSuffix(".itch") || out.hasSuffix(".itch.gz") {
        print("\(out): \(try SimulatedSession.writeITCH(spec, to: out)) messages")
      } else {
        print("\(out): \(try SimulatedSession.write(spec, to: out)) events")
      }
    }
  }
}
