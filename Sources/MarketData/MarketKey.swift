/// The Redis keys of live values. A key is at the same time the sharded channel on which its value is
/// published, so both lie in the same slot.
public enum MarketKey: UInt8, CaseIterable, Sendable {
  case price, quote, depth
  case bar, barUpdated, barDaily
  case status, limits

  /// `stock:` + symbol + `:price`, and so on.
  public func append(symbol: RawSpan, to writer: inout ByteWriter) {
    writer.append(self == .depth ? "depth:" : "stock:")
    writer.append(symbol)
    writer.append(suffix)
  }

  private var suffix: StaticString {
    switch self {
    case .price: ":price"
    case .quote: ":quote"
    case .depth: ""
    case .bar: ":bar"
    case .barUpdated: ":bar:updated"
    case .barDaily: ":bar:daily"
    case .status: ":status"
    case .limits: ":limits"
    }
  }

  /// How long a value may be believed without being written again.
  public var ttlMilliseconds: UInt32 { self == .depth ? 1_000 : 2_000 }

  /// Whether its messages are events, each of which matters, and not states, of which the newest
  /// does.
  public var carriesEvents: Bool {
    switch self {
    case .price, .bar, .barUpdated: true
    case .quote, .depth, .barDaily, .status, .limits: false
    }
  }
}

/// A channel of the stream protocol, in the order in which an acknowledgement lists them.
public enum StreamChannel: UInt8, CaseIterable, Sendable {
  case trades, quotes, bars, updatedBars, dailyBars, orderbooks, statuses, lulds

  /// Its name in `subscribe`, `subscription`, `stale` and `gap` messages.
  public var name: StaticString {
    switch self {
    case .trades: "trades"
    case .quotes: "quotes"
    case .bars: "bars"
    case .updatedBars: "updatedBars"
    case .dailyBars: "dailyBars"
    case .orderbooks: "orderbooks"
    case .statuses: "statuses"
    case .lulds: "lulds"
    }
  }

  /// The key whose messages it carries. Corrections and cancelled trades come with `trades`.
  public var key: MarketKey {
    switch self {
    case .trades: .price
    case .quotes: .quote
    case .bars: .bar
    case .updatedBars: .barUpdated
    case .dailyBars: .barDaily
    case .orderbooks: .depth
    case .statuses: .status
    case .lulds: .limits
    }
  }

  /// Whether the path of an asset class has this channel. Order books on the stock path and
  /// statuses on crypto's are additions to the protocol that is copied here.
  public func isCarried(by assetClass: AssetClass) -> Bool {
    switch self {
    case .trades, .quotes, .bars, .updatedBars, .dailyBars, .orderbooks, .statuses: true
    case .lulds: assetClass == .stock
    }
  }
}
