/// What `--tape` or `--from` names: a file, or a simulation; several of them, a part of them.
public indirect enum FeedArgument: Hashable, Sendable {
  /// A path; after an `@` the day of an ITCH or LOBSTER file whose name does not tell it:
  /// `day.itch@2019-01-30`.
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

  /// One feed of them all, and of it what lies between the bounds. There is at least one.
  public static func selection(_ arguments: [FeedArgument], _ bounds: FeedBounds) -> FeedArgument {
    let whole = arguments.count == 1 ? arguments[0] : .merged(arguments)
    return bounds == .none ? whole : .part(whole, bounds)
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
  public func open(context: FeedContext) throws(FeedsError) -> any FeedSource {
    switch self {
    case .simulation(let spec): return try SimulatedFeed(spec, context: context)
    case .merged(let arguments):
      guard 1...Limits.mergedFeedsMax ~= arguments.count else {
        throw FeedsError(
          .badArgument, "\(arguments.count) tapes: from 1 to \(Limits.mergedFeedsMax) can be merged"
        )
      }
      var sources: [any FeedSource] = []
      for argument in arguments { sources.append(try argument.open(context: context)) }
      return MergedFeed(sources, context: context)
    case .part(let argument, let bounds):
      return BoundedFeed(try argument.open(context: context), bounds)
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
