import MarketData

public final class BinanceRecording: FeedSource {
  public let context: FeedContext
  public var name: String { lines.path }
  private let lines: LineReader

  public init(path: String, context: FeedContext) throws(FeedsError) {
    self.context = context
    lines = try LineReader(path: path, context: context)
  }

  public func next() throws(FeedsError) -> FeedItem? { nil }

  public func rewind() throws(FeedsError) { try lines.rewind() }
}
