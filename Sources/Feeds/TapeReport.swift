// What is on a feed, read once from its beginning to its end: symbols, counts, span, rates, faults.
//
// Bounded whatever the tape's length: counts by symbol (65,536 of them at the most), the second under
// way and the busiest so far, and the first problems. Belongs to the thread that reads.

import Glibc
public import MarketData

public struct TapeReport: Sendable {
  /// In the order in which they are shown.
  public enum Kind: Int, CaseIterable, Sendable {
    case trades, quotes, orderbooks, bars, updatedBars, dailyBars, statuses, cancels, corrections
    case stale

    init(_ event: FeedEvent) {
      switch event {
      case .trade: self = .trades
      case .quote: self = .quotes
      case .depth: self = .orderbooks
      case .bar(_, let kind):
        switch kind {
        case .minute: self = .bars
        case .updated: self = .updatedBars
        case .daily: self = .dailyBars
        }
      case .status: self = .statuses
      case .cancel: self = .cancels
      case .correction: self = .corrections
      case .stale: self = .stale
      }
    }

    public var name: String { "\(self)" }
  }

  public struct Counts: Sendable {
    var values = InlineArray<10, UInt64>(repeating: 0)

    public subscript(kind: Kind) -> UInt64 { values[kind.rawValue] }
    public var sum: UInt64 { Kind.allCases.reduce(0) { $0 + self[$1] } }
    mutating func add(_ kind: Kind) { values[kind.rawValue] += 1 }
  }

  public var name: String
  /// `native`, `binance` ...; nil when it is no file.
  public var format: String?
  /// On disk; nil when it is no file.
  public var fileBytes: UInt64?
  public var isCompressed = false
  /// What the reading counted: lines, malformed ones, holes.
  public var counters = FeedCounters()
  public var counts = Counts()
  /// Busiest first, then by name.
  public var symbols: [(name: String, counts: Counts)] = []
  public var first: Timestamp?
  public var last: Timestamp?
  /// The second (by the feed's time) with the most events, and their number.
  public var busiestSecond: (start: Timestamp, events: UInt64)?
  /// The first of what was skipped or damaged, with their places.
  public var problems: [String] = []

  /// From the first event to the last.
  public var spanMilliseconds: UInt64 {
    guard let first, let last else { return 0 }
    let (span, overflow) = last.nanoseconds.subtractingReportingOverflow(first.nanoseconds)
    return overflow ? .max : UInt64(max(0, span)) / 1_000_000
  }

  /// Reads the feed to its end. `progress` is called now and then with the number of events so far;
  /// false ends the reading.
  public static func read(
    _ argument: FeedArgument, progress: (UInt64) -> Bool = { _ in true }
  ) throws(FeedsError) -> TapeReport {
    let problems = Problems()
    let context = FeedContext(report: { problems.add($0) })
    let source = try argument.open(context: context)
    var report = TapeReport(name: source.name)
    if case .file(let name) = argument {
      let path = TapeName(name).path
      report.format = "\(try TapeFormat.detect(path: path))"
      var status = stat()
      if stat(path, &status) == 0 { report.fileBytes = UInt64(status.st_size) }
      report.isCompressed = try TapeFile(path: path).isCompressed
    }
    var bySymbol: [Counts] = []
    var second: (number: Int64, events: UInt64) = (.min, 0)
    var events: UInt64 = 0
    while let item = try source.next() {
      guard !item.isPassed else { continue }
      events += 1
      let kind = Kind(item.event)
      report.counts.add(kind)
      let index = Int(item.event.symbol.index)
      while bySymbol.count <= index { bySymbol.append(Counts()) }
      bySymbol[index].add(kind)
      if report.first == nil { report.first = item.time }
      report.last = item.time
      let number = floorSeconds(item.time)
      if number != second.number { second = (number, 0) }
      second.events += 1
      if second.events > report.busiestSecond?.events ?? 0 {
        let start = number.multipliedReportingOverflow(by: 1_000_000_000)
        report.busiestSecond = (
          Timestamp(nanoseconds: start.overflow ? .min : start.partialValue), second.events
        )
      }
      if events.isMultiple(of: 1 << 16), !progress(events) { break }
    }
    report.counters = context.counters
    report.problems = problems.list
    report.symbols = bySymbol.indices.lazy
      .filter { bySymbol[$0].sum > 0 }
      .map { (context.symbols.name(of: SymbolID(index: UInt32($0))), bySymbol[$0]) }
      .sorted { ($1.1.sum, $0.0) < ($0.1.sum, $1.0) }
    return report
  }

  private init(name: String) { self.name = name }

  private static func floorSeconds(_ time: Timestamp) -> Int64 {
    let (quotient, remainder) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return remainder < 0 ? quotient - 1 : quotient
  }

  private final class Problems {
    private(set) var list: [String] = []

    func add(_ problem: FeedProblem) {
      if list.count < Limits.problemsShownMax { list.append("\(problem)") }
    }
  }
}
