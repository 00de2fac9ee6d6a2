/// What `--tape` or `--from` names: a file, or a simulation.
public enum FeedArgument: Hashable, Sendable {
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

  /// Opens the feed; what a file is, its content says.
  ///
  /// - Parameter day: `2019-01-30`, the day of a tape whose times are counted from midnight (ITCH,
  ///   LOBSTER); nil to read it from the file's name. Other feeds have days of their own.
  public func open(
    context: FeedContext, day: String? = nil
  ) throws(FeedsError) -> any FeedSource {
    switch self {
    case .simulation(let spec): return try SimulatedFeed(spec, context: context)
    case .file(let path):
      switch try TapeFormat.detect(path: path) {
      case .native: return try NativeTape(path: path, context: context)
      case .binance: return try BinanceRecording(path: path, context: context)
      case .itch: return try ITCHFeed(path: path, context: context, day: day)
      case .lobster: return try LobsterFeed(path: path, context: context, day: day)
      }
    }
  }
}
