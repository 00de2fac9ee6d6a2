// What the sources of one feed share: the tables of symbols and codes, the counters, and the place
// where skipped lines are reported.
//
// It belongs to the thread that pulls the feed. Reports are bounded in rate, because a broken tape
// can be nothing but malformed lines: after `Limits.reportsPerSecondMax` in one second the rest is
// only counted, and the number is told with the first report of a later second. It writes no log
// itself: `report` is handed the problem.

public import MarketData

/// Something in a feed that was skipped, and where.
public struct FeedProblem: Hashable, Sendable, CustomStringConvertible {
  public var source: String
  /// From 1; 0 when the place is no line.
  public var line: UInt64
  /// The place in a binary file, in bytes of its content as it is when inflated.
  public var byteOffset: UInt64?
  public var reason: String
  /// Earlier problems that were counted but not reported, because there were too many.
  public var unreportedBefore: UInt64

  public var description: String {
    let place =
      byteOffset.map { "\(source), byte \($0)" } ?? (line == 0 ? source : "\(source):\(line)")
    let more = unreportedBefore == 0 ? "" : " (\(unreportedBefore) before it were not reported)"
    return "\(place): \(reason)\(more)"
  }
}

/// What happened while reading, since the context was made.
public struct FeedCounters: Hashable, Sendable {
  /// Lines, or messages of a binary file.
  public var lines: UInt64 = 0
  public var events: UInt64 = 0
  /// Lines that were reported and skipped, overlong ones included.
  public var malformedLines: UInt64 = 0
  public var overlongLines: UInt64 = 0
  /// Well-formed messages of kinds that are not read.
  public var skippedMessages: UInt64 = 0
  /// Events earlier than one before them.
  public var outOfOrder: UInt64 = 0
  /// Holes in a book's numbering.
  public var gaps: UInt64 = 0
  /// Differences that a book had already, and snapshots that came without need.
  public var repeats: UInt64 = 0
  /// Changes of an order-level book that cannot be: reported, and skipped as far as they cannot.
  public var impossibleChanges: UInt64 = 0
  /// Book levels dropped because their side was full.
  public var droppedLevels: UInt64 = 0
  /// Differences dropped while waiting for a snapshot, because too many waited.
  public var droppedDifferences: UInt64 = 0
  /// Exchanges, tapes and conditions left out: too long, or the table of codes is full.
  public var droppedCodes: UInt64 = 0
  /// Gzip data that ended early or was corrupt.
  public var damagedFiles: UInt64 = 0

  public init() {}
}

public final class FeedContext {
  public let symbols: SymbolTable
  public let codes: CodeTable
  public var counters = FeedCounters()
  private let report: (FeedProblem) -> Void
  private let nowNanoseconds: () -> UInt64
  private var windowStart: UInt64 = 0
  private var reportedInWindow = 0
  private var unreported: UInt64 = 0

  /// - Parameters:
  ///   - nowNanoseconds: a monotonic clock; asked only when something is reported.
  ///   - report: called on the thread that pulls the feed, at a bounded rate.
  public init(
    symbols: SymbolTable = SymbolTable(), codes: CodeTable = CodeTable(),
    nowNanoseconds: @escaping () -> UInt64 = MonotonicClock.nowNanoseconds,
    report: @escaping (FeedProblem) -> Void = { _ in }
  ) {
    self.symbols = symbols
    self.codes = codes
    self.nowNanoseconds = nowNanoseconds
    self.report = report
  }

  /// The text's code; `.absent` (and counted) when it is too long or the table is full: an event is
  /// worth more than its decoration.
  func code(_ text: UnsafeRawBufferPointer) -> CodeID {
    guard !text.isEmpty else { return .absent }
    do throws(MarketDataError) {
      return try codes.intern(text)
    } catch {
      counters.droppedCodes += 1
      return .absent
    }
  }

  /// Reports a problem, unless too many were reported within this second.
  func note(
    source: String, line: UInt64 = 0, byteOffset: UInt64? = nil,
    reason: @autoclosure () -> String
  ) {
    let now = nowNanoseconds()
    if now &- windowStart >= 1_000_000_000 {
      windowStart = now
      reportedInWindow = 0
    }
    guard reportedInWindow < Limits.reportsPerSecondMax else {
      unreported += 1
      return
    }
    reportedInWindow += 1
    report(
      FeedProblem(
        source: source, line: line, byteOffset: byteOffset, reason: reason(),
        unreportedBefore: unreported))
    unreported = 0
  }
}
