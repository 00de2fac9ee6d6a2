// Bars on their way: the feed's clock and its trades into the maker; bars out to the board, which
// publishes them, and to history.
import Bars
import Feeds
import MarketData

extension IngestLoop {
  /// Applies an event of the feed, after whatever ended before it.
  func take(_ item: FeedItem, wall: Timestamp) {
    // With moved timestamps the bars' minutes are ours, and the feed's own bars are of other ones.
    let isRebased = player.clock.timestamps == .rebased
    bars.advance(to: player.clock.outgoing(item.time, wall: wall), told)
    switch item.event {
    case .trade(let trade):
      board.apply(item.event, position: item.position, to: sink)
      bars.take(trade, sequence: board.sequence, told)
      history?.add(trade, sequence: board.sequence)
    case .bar where isRebased: board.pass(position: item.position)
    case .bar(let bar, let kind):
      bars.leave(bar.symbol)
      board.apply(item.event, position: item.position, to: sink)
      if kind != .daily { history?.add(BuiltBar(bar, kind, sequence: board.sequence)) }
    default: board.apply(item.event, position: item.position, to: sink)
    }
  }

  /// Everything that was due has been taken: minutes that ended without a further event end now.
  func endMinutes(monotonicNanoseconds now: UInt64, wall: Timestamp) {
    while let boundary = bars.nextBoundary {
      switch (player.clock.timestamps, player.clock.speed) {
      case (.rebased, _):
        guard wall >= boundary else { return }
      case (.original, .factor):
        guard player.clock.isAnchored, player.clock.dueNanoseconds(boundary) <= now else { return }
      case (.original, .max): return  // has no time but its events'
      }
      bars.advance(to: boundary, told)
    }
  }

  /// A pass of the feed is over.
  func endBars(restarts: Bool) {
    if restarts, player.clock.timestamps == .rebased { return }
    bars.finish(told)
    if restarts { bars.restart() }
  }

  private func told(_ built: BuiltBar) {
    board.apply(built.bar, built.kind, sequence: built.sequence, to: sink)
    if built.kind != .daily { history?.add(built) }
  }

  /// Hands each counter with its help to `counter`.
  func collectBars(_ counter: (String, String, UInt64) -> Void) {
    let made = bars.counters
    counter("bars", "Minutes closed with a bar.", made.minutes)
    counter("bars_updated", "Closed bars changed by a late trade.", made.updates)
    counter(
      "bars_dropped", "Bars not published because Redis took none.", board.counters.barsDropped)
    counter("trades_too_late", "Trades too late for their minute's bar.", made.tooLate)
    counter("trades_too_early", "Trades stamped after the feed's clock, in no bar.", made.tooEarly)
    guard let history else { return }
    let kept = history.counters
    counter("history_bars", "Bars given to history.", kept.bars)
    counter("history_trades", "Trades given to history.", kept.trades)
    counter("history_entries", "Entries of the stream of history.", kept.entries)
    counter("history_trades_dropped", "Trades left out of history.", kept.tradesDropped)
    counter("history_bars_lost", "Bars lost to history.", kept.barsLost)
    counter("history_refusals", "Entries that Redis refused for a while.", kept.refusals)
  }
}
