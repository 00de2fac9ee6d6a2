import ArgumentParser
import EventLoops
import Feeds
import Glibc
import ServiceSupport

/// What is on a tape.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is on a tape: symbols, counts, span, rates, faults.",
    discussion: """
      Reads the tape once to its end, whatever its format; memory does not grow with it. An ITCH or \
      LOBSTER tape whose name does not tell its day is written TAPE@2019-01-30. Exits with 0 when it \
      could be read, also when lines of it are malformed.
      """)

  @Argument(
    help: ArgumentHelp(
      "A tape, or a simulation: sim:seconds=60. Several are read as one, by time.",
      valueName: "tape"))
  var tapes: [String]

  @OptionGroup var bounds: BoundsOptions

  @Flag(help: "One JSON object, with all symbols, instead of a table.")
  var json = false

  @Option(help: ArgumentHelp("Symbols in the table at the most (default: 20).", valueName: "count"))
  var top: Int?

  func run() throws {
    try runOnce("tapedeck inspect") {
      let source = OptionSource()
      let top = try source.integer("top", flag: top, default: 20, in: 0...65_536)
      let feed = FeedArgument.selection(
        try tapes.map { try FeedArgument(parsing: $0) }, try bounds.read(source))
      let report = try TapeReport.read(feed, progress: progress())
      let text = json ? report.json : report.text(symbolsMax: top)
      TerminalLine.clear()
      print(text, terminator: "")
      fflush(nil)
    }
  }

  /// A line that is written over and over, where somebody looks on.
  private func progress() -> (UInt64) -> Bool {
    guard isatty(STDERR_FILENO) == 1 else { return { _ in true } }
    let begun = EventLoop.monotonicNanoseconds
    var shownAt = begun
    return { events in
      let now = EventLoop.monotonicNanoseconds
      guard now - shownAt >= 500_000_000 else { return true }
      shownAt = now
      TerminalLine.show("\(Figures.count(events)) events ...")
      return true
    }
  }
}
