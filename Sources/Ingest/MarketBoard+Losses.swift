package import MarketData

extension MarketBoard {
  /// Trades of the symbol may be missing before its next one: the feed says so, or cannot know. The
  /// next one names `position` as its predecessor, which nobody has seen, and so tells every gateway.
  package func noteLoss(_ symbol: SymbolID, position: UInt64) {
    advance(to: position)
    let index = slot(symbol)
    slots[index].tradeSequence = sequence
  }
}
