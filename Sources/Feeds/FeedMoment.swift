public import MarketData

/// A place on a feed by its time, as people say it.
public enum FeedMoment: Hashable, Sendable {
  case instant(Timestamp)
  /// Nanoseconds after midnight (UTC) of the feed's first day.
  case timeOfDay(nanoseconds: Int64)

  /// `2026-11-20T14:30:00Z` (RFC 3339, any offset), or `14:30`, `14:30:05`, `14:30:05.25`.
  public init?(parsing text: String) {
    if let instant = Timestamp(parsing: text) {
      self = .instant(instant)
      return
    }
    // As the time of a whole timestamp, which checks it.
    let seconds = text.utf8.count == 5 ? ":00" : ""
    guard let time = Timestamp(parsing: "1970-01-01T\(text)\(seconds)Z"),
      (0..<FeedMoment.dayNanoseconds).contains(time.nanoseconds),
      text.utf8.allSatisfy({ 0x30...0x3A ~= $0 || $0 == UInt8(ascii: ".") })
    else { return nil }
    self = .timeOfDay(nanoseconds: time.nanoseconds)
  }

  /// What is expected where a moment is asked for.
  public static let rule =
    "a time such as 2026-11-20T14:30:00Z, or 14:30:05 of the feed's first day"

  static let dayNanoseconds: Int64 = 86_400_000_000_000

  /// The moment on a feed whose first event came at `first`; saturating.
  public func resolved(first: Timestamp) -> Timestamp {
    switch self {
    case .instant(let time): return time
    case .timeOfDay(let nanoseconds):
      let into = first.nanoseconds % FeedMoment.dayNanoseconds
      let (midnight, below) = first.nanoseconds.subtractingReportingOverflow(
        into < 0 ? into + FeedMoment.dayNanoseconds : into)
      guard !below else { return Timestamp(nanoseconds: .min) }
      let (sum, above) = midnight.addingReportingOverflow(nanoseconds)
      return Timestamp(nanoseconds: above ? .max : sum)
    }
  }
}

/// The part of a feed that is played.
public struct FeedBounds: Hashable, Sendable {
  /// The first moment of it; nil: the feed's beginning.
  public var start: FeedMoment?
  /// The first moment after it; nil: the feed's end.
  public var end: FeedMoment?

  /// All of the feed.
  public static let none = FeedBounds()

  private init() {}

  /// Throws when nothing can lie between the two.
  public init(start: FeedMoment? = nil, end: FeedMoment? = nil) throws(FeedsError) {
    self.start = start
    self.end = end
    switch (start, end) {
    case (.instant(let start), .instant(let end)): try FeedBounds.check(start < end)
    case (.timeOfDay(let start), .timeOfDay(let end)): try FeedBounds.check(start < end)
    default: break  // the feed's first day decides
    }
  }

  static func check(_ isRight: Bool) throws(FeedsError) {
    guard isRight else {
      throw FeedsError(.badArgument, "--end is not after --start: there is nothing between them")
    }
  }
}
