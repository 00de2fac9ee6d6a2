/// What `--tape` or `--from` names: a file, or a simulation.
public enum FeedArgument: Hashable, Sendable {
  /// A path; after an `@` the day of an ITCH or LOBSTER file whose name does not tell it:
  /// `day.itch@2019-01-30`.
  case file(path: String)
  case simulation(SimulationSpec)

  /// `sim:...` is a simulation, everything else a path.
  public init(parsing text: String) throws(FeedsError) {
    if text.hasPrefix(SimulationSpec.prefix) {
      self = .simulation(try SimulationSpec(parsing: text))
    } else {
      self = .file(path: text)
    }
  }

  /// Whether what comes of it is not happening now: its bars and trades are never kept as a real
  /// feed's.
  public var isReplay: Bool {
    switch self {
    case .file, .simulation: true
    }
  }

  /// Opens the feed; what a file is, its content says.
  public func open(context: FeedContext) throws(FeedsError) -> any FeedSource {
    switch self {
    case .simulation(let spec): return try SimulatedFeed(spec, context: context)
    case .file(let path):
      let tape = TapeName(path)
      switch try TapeFormat.detect(path: tape.path) {
      case .native: return try NativeTape(path: tape.path, context: context)
      case .binance: return try BinanceRecording(path: tape.path, context: context)
      case .itch: return try ITCHFeed(path: tape.path, context: context, day: tape.day)
      case .lobster: return try LobsterFeed(path: tape.path, context: context, day: tape.day)
      }
    }
  }
}
