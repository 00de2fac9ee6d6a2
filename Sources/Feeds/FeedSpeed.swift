public import MarketData

/// How fast a feed is played.
public enum FeedSpeed: Hashable, Sendable, CustomStringConvertible {
  /// So many feed seconds in one of ours; positive.
  case factor(Decimal9)
  /// As fast as it can be read.
  case max

  public static let realTime = FeedSpeed.factor(Decimal9(nanos: Decimal9.scale))

  /// `"max"`, or a positive decimal number of at most 1,000,000, such as `"1"`, `"0.5"`, `"60"`.
  public init(parsing text: String) throws(FeedsError) {
    if text == "max" {
      self = .max
      return
    }
    var text = text
    let factor = text.withUTF8 { Decimal9(parsing: UnsafeRawBufferPointer($0)) }
    guard let factor, factor > .zero, factor.nanos <= 1_000_000 * Decimal9.scale else {
      throw FeedsError(
        .badArgument, "speed '\(text)': expected 'max' or a number above 0, up to 1000000")
    }
    self = .factor(factor)
  }

  public var description: String {
    switch self {
    case .max: return "max"
    case .factor(let factor):
      var writer = ByteWriter(capacity: 24)
      writer.append(factor)
      return writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
  }
}

/// Which timestamps the events carry.
public enum FeedTimestamps: String, Sendable, CaseIterable {
  /// Moved so that the feed seems to happen now.
  case rebased
  /// As they are on the feed.
  case original
}
