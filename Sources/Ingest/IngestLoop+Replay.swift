// A play that is told what to do while it runs: paused, sent elsewhere, taken event by event.
//
// Paused: nothing is refreshed, so keys expire, and the heartbeat says so, so gateways tell their
// clients. What is resumed is written and published again before the heartbeat calls it live.
//
// Sent elsewhere: first an epoch from Redis, for numbering restarts; until it comes the old place is
// still the place. Then what lies before the new one is applied without being shown (the board is
// muted), and all of it is written at once. A symbol that has no value there is withdrawn. Trades that
// were passed over are in the chain of "P": who saw the one before them is told of a gap.
import Bars
import EventLoops
import Feeds
import MarketData

extension IngestLoop {
  /// A way to another place on the feed.
  struct Journey {
    /// Sent, and waiting for an epoch.
    var isWaiting = false
    /// It leads back: what the board holds has not happened yet.
    var goesBack = false
    /// The feed had ended before it: its old values are not live again.
    var isFromEnd = false
    /// Loop milliseconds of the departure.
    var since: UInt64 = 0
  }

  var player: FeedPlayer? {
    if case .player(let player) = origin { player } else { nil }
  }

  var isPaused: Bool { player?.isPaused == true }

  // MARK: - On the way

  /// An epoch has come.
  func setOut() {
    guard journey.isWaiting else { return }
    if journey.goesBack {
      board.forget(since: Timestamp(nanoseconds: EventLoop.wallNanoseconds))
    }
    journey = Journey(since: loop.nowMilliseconds)
    board.isMuted = true
  }

  /// Makes state of what lies before the place. Bars in the feed's own time are made of it too; moved
  /// ones are of our minutes, in which none of it happened.
  func pass(_ item: FeedItem) {
    if !board.isMuted {
      board.isMuted = true
      journey.since = loop.nowMilliseconds
    }
    let isOriginal = origin.clock.timestamps == .original
    if isOriginal { bars.advance(to: item.time, made) }
    if case .bar(let bar, _) = item.event {
      guard isOriginal else { return board.pass(position: item.position) }
      bars.leave(bar.symbol)
    }
    board.apply(item.event, position: item.position, to: sink)
    if isOriginal, case .trade(let trade) = item.event {
      bars.take(trade, sequence: board.sequence, made)
    }
  }

  private func made(_ built: BuiltBar) {
    board.apply(built.bar, built.kind, sequence: built.sequence, to: sink)
  }

  /// At the place, if there was one: all is written, also what did not change, for keys were not
  /// refreshed meanwhile.
  func arrive() {
    guard board.isMuted else { return }
    board.isMuted = false
    board.markAllDirty()
  }

  /// What the heartbeat calls the feed.
  var saidState: FeedHeartbeat.State {
    if stage == .ended || journey.isFromEnd { return .ended }
    if isPaused { return .paused }
    let way = loop.nowMilliseconds &- journey.since
    return board.isMuted && way > IngestLimits.journeyLiveMilliseconds ? .paused : .live
  }

  // MARK: - Commands

  package func replay(_ command: ReplayCommand) throws(ReplayRefusal) -> ReplayStatus {
    loop.preconditionInLoop()
    guard let player else { throw .unprocessable("a live upstream cannot be controlled") }
    let now = EventLoop.monotonicNanoseconds
    switch command {
    case .pause: pause(player, now)
    case .resume: resume(player)
    case .toggle: if player.isPaused { resume(player) } else { pause(player, now) }
    case .step: try step(player, now)
    case .seek(let moment):
      try go { () throws(FeedsError) in
        guard let first = try player.firstTime() else { return false }
        return try player.seek(to: moment.resolved(first: first))
      }
    case .seekBy(let nanoseconds):
      try go { () throws(FeedsError) in
        let first = try player.firstTime()
        guard let here = player.feedTime(monotonicNanoseconds: now) ?? first else { return false }
        let (sum, overflow) = here.nanoseconds.addingReportingOverflow(nanoseconds)
        return try player.seek(
          to: Timestamp(nanoseconds: overflow ? (nanoseconds < 0 ? .min : .max) : sum))
      }
    case .restart:
      try go { () throws(FeedsError) in
        try player.restart()
        return true
      }
    case .speed(let speed): player.setSpeed(speed, monotonicNanoseconds: now)
    case .faster: changeSpeed(player, now) { min($0 * 2, max($0, IngestLimits.speedMax)) }
    case .slower: changeSpeed(player, now) { max($0 / 2, min($0, IngestLimits.speedMin)) }
    case .loop(let loops): player.loops = loops
    }
    return status(of: player, now)
  }

  /// Nil for a live upstream.
  package var replayStatus: ReplayStatus? {
    player.map { status(of: $0, EventLoop.monotonicNanoseconds) }
  }

  private func status(of player: FeedPlayer, _ now: UInt64) -> ReplayStatus {
    let state: ReplayStatus.State =
      if stage == .waiting {
        .waiting
      } else if journey.isWaiting || player.isPassing {
        .seeking
      } else if stage == .ending || stage == .ended {
        .ended
      } else {
        player.isPaused ? .paused : .playing
      }
    return ReplayStatus(
      state: state, source: player.source.name, sequence: board.sequence,
      time: player.feedTime(monotonicNanoseconds: now), speed: player.clock.speed,
      loops: player.loops, passes: player.passes)
  }

  private func pause(_ player: FeedPlayer, _ now: UInt64) {
    guard !player.isPaused else { return }
    player.pause(monotonicNanoseconds: now)
    // What is written is written before the word that it stands still.
    flush()
    heartbeat()
  }

  private func resume(_ player: FeedPlayer) {
    guard player.isPaused else { return }
    player.resume()
    if stage != .ended { board.markAllDirty() }
    play()
    heartbeat()
  }

  private func step(_ player: FeedPlayer, _ now: UInt64) throws(ReplayRefusal) {
    guard player.isPaused else { throw .unprocessable("action: step is for a play that is paused") }
    switch stage {
    case .playing: break
    case .waiting, .renewingEpoch: throw .unprocessable("action: step has to wait: Redis is asked")
    case .ending, .ended:
      throw .unprocessable("action: there is no step after the end; seek or restart")
    }
    let wall = Timestamp(nanoseconds: EventLoop.wallNanoseconds)
    do {
      guard let step = try player.takeNext(monotonicNanoseconds: now, wall: wall) else {
        throw ReplayRefusal.unprocessable("action: step has to wait: the play is on its way")
      }
      _ = carryOut(step, of: player, monotonicNanoseconds: now, wall: wall)
    } catch let refusal as ReplayRefusal {
      throw refusal
    } catch {
      end("the feed cannot be read on: \(error)")
      throw .unreadable("\(error)")
    }
    flush()
  }

  /// Sends play elsewhere; `send` says whether that leads back.
  private func go(_ send: () throws(FeedsError) -> Bool) throws(ReplayRefusal) {
    let goesBack: Bool
    do throws(FeedsError) {
      goesBack = try send()
    } catch {
      end("the feed cannot be read on: \(error)")
      throw .unreadable("\(error)")
    }
    // Already at its end, and sent beyond it.
    guard player?.hasEnded == false else { return }
    journey.isWaiting = true
    journey.goesBack = journey.goesBack || goesBack
    if goesBack, origin.clock.timestamps == .original { bars.restart() }
    switch stage {
    case .waiting, .renewingEpoch: break  // an epoch is on its way
    case .playing, .ending, .ended:
      journey.isFromEnd = stage == .ended
      stage = .renewingEpoch
      renewEpoch()
    }
  }

  private func changeSpeed(
    _ player: FeedPlayer, _ now: UInt64, _ change: (Int64) -> Int64
  ) {
    guard case .factor(let factor) = player.clock.speed else {
      // From as fast as possible to real time; there is nothing faster.
      if change(Decimal9.scale) < Decimal9.scale {
        player.setSpeed(.realTime, monotonicNanoseconds: now)
      }
      return
    }
    player.setSpeed(
      .factor(Decimal9(nanos: change(factor.nanos))), monotonicNanoseconds: now)
  }
}
