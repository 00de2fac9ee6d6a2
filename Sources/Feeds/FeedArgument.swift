/// What `--tape` or `--from` names: a file, or a simulation; several of them, a part of them.
public indirect enum FeedArgument: Hashable, Sendable {
  case file(path: String)
  case simulation(SimulationSpec)
  /// By time; `MergedFeed`.
  case merged([FeedArgument])
  /// `BoundedFeed`.
  case part(FeedArgument, FeedBounds)

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
    case .file, .simulation, .merged: true
    case .part(let argument, _): argument.isReplay
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
    case .merged(let arguments):
      guard 1...Limits.mergedFeedsMax ~= arguments.count else {
        throw FeedsError(
          .badArgument, "\(arguments.count) tapes: from 1 to \(Limits.mergedFeedsMax) can be merged")
      }
      var sources: [any FeedSource] = []
      for argument in arguments { sources.append(try argument.open(context: context, day: day)) }
      return MergedFeed(sources, context: context)
    case .part(let argument, let bounds):
      return BoundedFeed(try argument.open(context: context, day: day), bounds)
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
