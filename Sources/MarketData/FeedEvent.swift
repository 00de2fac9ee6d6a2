/// What a source yields: one thing that happened on the feed, in the feed's order.
public enum FeedEvent: Sendable {
  case trade(Trade)
  case quote(Quote)
  case depth(Depth)
  /// A bar that the feed itself brings. Where it does, none is built of its trades.
  case bar(Bar, BarKind)
  case status(TradingStatus)
  case cancel(TradeCancel)
  case correction(TradeCorrection)
  /// The symbol can no longer be vouched for (a hole in its feed). Its next live value clears it.
  case stale(SymbolID, since: Timestamp)
}
