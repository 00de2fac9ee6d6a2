// Bars on their way: the feed's clock and its trades into the maker; bars out to the board, which
// publishes them, and to history.
import Bars
import EventLoops
import Feeds
import MarketData

extension IngestLoop {
  /// Applies an event of a played feed, after whatever ended before it.
  func take(_ item: FeedItem, wall: Timestamp) {
    let clock = origin.clock
    bars.advance(to: clock.outgoing(item.time, wall: wall), told)
    // With moved timestamps the bars' minutes are ours, and the feed's own bars are of other ones.
    apply(item, keepsBars: clock.timestamps == .original)
  }

  /// Applies an event of an upstream.
  func takePushed(_ item: FeedItem) {
    // A stale marker has our time, which need not be the upstream's.
    if case .stale = item.event { return apply(item, keepsBars: true) }
    if bars.isAhead(of: item.time, byMinutes: IngestLimits.upstreamBackMinutes) {
      // It plays something, and has begun again.
      bars.finish(told)
      bars.restart()
    }
    bars.advance(to: item.time, told)
    apply(item, keepsBars: true)
  }

  private func apply(_ item: FeedItem, keepsBars: Bool) {
    switch item.event {
    case .trade(let trade):
      board.apply(item.event, position: item.position, to: sink)
      bars.take(trade, sequence: board.sequence, told)
      history?.add(trade, sequence: board.sequence)
    case .bar where !keepsBars: board.pass(position: item.position)
    case .bar(let bar, let kind):
      bars.leave(bar.symbol)
      board.apply(item.event, position: item.position, to: sink)
      if kind != .daily { history?.add(BuiltBar(bar, kind, sequence: board.sequence)) }
    default: board.apply(item.event, position: item.position, to: sink)
    }
  }

  /// Everything that was due has been taken: minutes that ended without a further event end now.
  func endMinutes(of clock: FeedClock, monotonicNanoseconds now: UInt64, wall: Timestamp) {
    while let boundary = bars.nextBoundary {
      switch (clock.timestamps, clock.speed) {
      case (.rebased, _):
        guard wall >= boundary else { return }
      case (.original, .factor):
        guard clock.isAnchored, clock.dueNanoseconds(boundary) <= now else { return }
      case (.original, .max): return  // has no time but its events'
      }
      bars.advance(to: boundary, told)
    }
  }

  /// Minutes of an upstream end by our clock, where that is the upstream's too; some time later, since
  /// its last trades are still on their way.
  func endPushedMinutes() {
    guard let boundary = bars.nextBoundary, let time = origin.time else { return }
    let wall = EventLoop.wallNanoseconds
    let (ahead, overflow) = wall.subtractingReportingOverflow(time.nanoseconds)
    guard !overflow, ahead.magnitude < IngestLimits.upstreamClockNanoseconds,
      wall - IngestLimits.upstreamPatienceNanoseconds >= boundary.nanoseconds
    else { return }
    bars.advance(to: boundary, told)
  }

  /// A pass of the feed is over.
  func endBars(restarts: Bool) {
    if restarts, origin.clock.timestamps == .rebased { return }
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
