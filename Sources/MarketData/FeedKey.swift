/// The Redis keys, and channels of the same name, that belong to a feed as a whole.
public enum FeedKey: Sendable {
  /// What the leading ingester says of the feed, each 250 ms.
  case heartbeat
  /// The feed's symbols, for `"*"`.
  case symbols
  /// The last epoch given, kept so that the next one is larger.
  case epoch

  /// `feed:` + feed + `:heartbeat`, and so on.
  public func name(feed: String) -> String {
    switch self {
    case .heartbeat: "feed:\(feed):heartbeat"
    case .symbols: "feed:\(feed):symbols"
    case .epoch: "feed:\(feed):epoch"
    }
  }

  public var ttlMilliseconds: UInt32 {
    switch self {
    case .heartbeat: 2_000
    case .symbols: 60_000
    // Epochs are at least the time in seconds, so only a clock that ran backwards needs the old one.
    case .epoch: 604_800_000
    }
  }
}
