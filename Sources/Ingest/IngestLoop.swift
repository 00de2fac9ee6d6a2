// Plays a feed into Redis, on one loop. Every few milliseconds it takes what is due, publishes the
// trades, writes the state that changed, and lets it all leave in one write. Bars are made on the way
// (`IngestLoop+Bars.swift`), and what is to be kept goes to `HistoryWriter`.
//
// The feed does not wait for a Redis that is away: prices that nobody could see are history. Only a
// feed that runs as fast as possible waits for Redis' answers, since it has no time of its own. A live
// upstream is not taken from: it pushes, and its events go to the board as they come. How a play is
// controlled stands in `IngestLoop+Replay.swift`.
import Bars
package import EventLoops
package import Feeds
import Logging
import MarketData
package import RedisClient
package import ServiceSupport
package import Upstream

package final class IngestLoop {
  package struct Configuration: Sendable {
    package var redis: RedisURL
    package var redisOptions = RedisOptions()
    /// The feed's name in Redis' keys.
    package var feed: String
    package var flushMilliseconds = IngestLimits.flushMilliseconds
    /// Where bars and trades are kept; nil: nowhere.
    package var history: HistoryWriter.Configuration?

    package init(redis: RedisURL, feed: String) {
      self.redis = redis
      self.feed = feed
    }
  }

  /// Where the events come from.
  package enum Origin {
    /// Taken when they are due.
    case player(FeedPlayer)
    /// Pushed when they come. It is started with the first epoch.
    case upstream(UpstreamFeed)

    var context: FeedContext {
      switch self {
      case .player(let player): player.source.context
      case .upstream(let feed): feed.context
      }
    }

    /// The feed time of the last event.
    var time: Timestamp? {
      switch self {
      case .player(let player): player.time
      case .upstream(let feed): feed.time
      }
    }

    /// An upstream's timestamps are its own, and they are of now.
    var clock: FeedClock {
      switch self {
      case .player(let player): player.clock
      case .upstream: FeedClock(speed: .realTime, timestamps: .original)
      }
    }
  }

  enum Stage {
    /// No epoch yet: nothing has been written.
    case waiting
    case playing
    /// Between two passes of the tape, or before it goes on elsewhere.
    case renewingEpoch
    /// The feed has ended; its last values are still to be written.
    case ending
    case ended
  }

  package let loop: EventLoop
  let configuration: Configuration
  let origin: Origin
  let board: MarketBoard
  let bars: BarMaker
  let history: HistoryWriter?
  let redis: RedisConnection
  let sink: RedisSink
  let log: RateLimitedLog
  var stage = Stage.waiting
  /// Where the play is sent to, until it is there.
  var journey = Journey()
  /// When the pass of the feed under way began, and the lines that had been read by then.
  var passBegan: (at: UInt64, lines: UInt64)?
  var epochUnconfirmed = false
  var epochsAsked = 0
  /// The epoch that this run began with; part of the symbol list's version.
  var firstEpoch: UInt64 = 0
  var listedSymbols = 0
  var listVersion: UInt64 = 0
  var listedAt: UInt64 = 0
  var scratch = ByteWriter(capacity: 4_096)
  /// Everything is to be written before the feed is called live again: Redis may have lost it, or this
  /// process stood still and its keys have expired. Loop milliseconds since when.
  var owedSince: UInt64?
  /// Boot clock of the last look at the feed, in milliseconds.
  var playedMilliseconds: UInt64 = 0
  private var flushTimer: LoopTimer?
  var aheadTimer: LoopTimer?
  private var refreshTimer: LoopTimer?
  private var heartbeatTimer: LoopTimer?
  var isClosed = false

  /// Starts nothing yet.
  package init(
    loop: EventLoop, configuration: Configuration, origin: Origin, log: RateLimitedLog
  ) {
    loop.preconditionInLoop()
    self.loop = loop
    self.configuration = configuration
    self.origin = origin
    self.log = log
    let context = origin.context
    board = MarketBoard(symbols: context.symbols, codes: context.codes, epoch: 0)
    bars = BarMaker(symbols: context.symbols, codes: context.codes)
    history = configuration.history.map {
      HistoryWriter(
        loop: loop, configuration: $0, symbols: context.symbols, codes: context.codes)
    }
    var options = configuration.redisOptions
    // A feed as fast as possible keeps Redis busy, and waits for it.
    if origin.clock.speed != .max {
      options.commandTimeoutMilliseconds = min(
        options.commandTimeoutMilliseconds, IngestLimits.redisLagMaxMilliseconds)
    }
    // What a link that stood still had on its way would overwrite newer values, and look live.
    options.fencesEarlierLink = true
    redis = RedisConnection(loop: loop, url: configuration.redis, options: options)
    sink = RedisSink(redis)
  }

  package convenience init(
    loop: EventLoop, configuration: Configuration, player: FeedPlayer, log: RateLimitedLog
  ) {
    self.init(loop: loop, configuration: configuration, origin: .player(player), log: log)
  }

  /// Connects; the feed starts to play when Redis has given an epoch.
  package func start() {
    redis.onReady = { [unowned self] in redisReady() }
    redis.onDown = { [unowned self] in linkFailed($0) }
    redis.onAttemptFailed = { [unowned self] in linkFailed($0) }
    redis.onProblem = { [unowned self] problem in
      log.log(.warning, kind: "refused", "Redis refused a command: \(problem)")
    }
    redis.start()
    history?.onProblem = { [unowned self] in log.log(.warning, kind: "history", "\($0)") }
    history?.start()
    aheadTimer = LoopTimer(loop: loop) { [unowned self] in play() }
    flushTimer = every(configuration.flushMilliseconds) { [unowned self] in play() }
    refreshTimer = every(IngestLimits.refreshMilliseconds) { [unowned self] in refresh() }
    heartbeatTimer = every(IngestLimits.heartbeatMilliseconds) { [unowned self] in heartbeat() }
  }

  private func every(_ milliseconds: UInt64, _ body: @escaping () -> Void) -> LoopTimer {
    let timer = LoopTimer(loop: loop, body)
    timer.start(afterMilliseconds: milliseconds, repeatingMilliseconds: milliseconds)
    return timer
  }

  /// Leaves nothing on the loop but an upstream's connection, of whose end `completion` tells. The keys
  /// expire by themselves.
  package func close(_ completion: @escaping () -> Void = {}) {
    guard !isClosed else { return completion() }
    isClosed = true
    if case .upstream(let feed) = origin { feed.close(completion) } else { completion() }
    flushTimer?.close()
    aheadTimer?.close()
    refreshTimer?.close()
    heartbeatTimer?.close()
    history?.close()
    redis.close()
  }

  // MARK: - The link

  private func redisReady() {
    log.log(.info, kind: "ready", "connected to Redis", metadata: ["redis": "\(redis.url)"])
    // Redis may have come back empty. What an ended or paused feed said last is nobody's price.
    if stage != .ended, !isPaused { owesEverything() }
    listedSymbols = 0
    if stage == .waiting || epochUnconfirmed { renewEpoch() }
  }

  private func linkFailed(_ reason: RedisLinkDown) {
    guard reason != .closed else { return }  // our own
    log.log(.warning, kind: "link", "no link to Redis", metadata: ["reason": "\(reason)"])
  }

  // MARK: - Epochs

  func renewEpoch() {
    epochsAsked += 1
    redis.sendForView(
      EpochScript.command(feed: configuration.feed, floor: board.epoch + 1),
      { [weak self] result in
        self?.epochAnswered(result)
      })
  }

  private func epochAnswered(_ result: Result<RedisReplyView, RedisError>) {
    guard !isClosed else { return }
    epochsAsked -= 1
    // Asked here, not when it was sent: an epoch of our own may have begun meanwhile.
    let floor = board.epoch + 1
    if case .success(let reply) = result, let epoch = reply.integer, epoch > 0 {
      board.beginEpoch(max(floor, UInt64(epoch)))
      epochUnconfirmed = false
    } else {
      if case .failure(.server(let error)) = result {
        log.log(.error, kind: "epoch", "Redis gives no epoch: \(error)")
      }
      // Before the first one there is nothing to go on with. A tape that loops while Redis is away
      // goes on under an epoch of its own. In both cases `heartbeat` asks again.
      guard stage == .renewingEpoch else { return }
      let seconds = UInt64(max(0, EventLoop.wallNanoseconds / 1_000_000_000))
      board.beginEpoch(max(floor, seconds))
      epochUnconfirmed = true
    }
    setOut()
    if stage == .waiting {
      firstEpoch = board.epoch
      if case .upstream(let feed) = origin { listen(to: feed) }
    }
    if stage == .waiting { owedSince = loop.nowMilliseconds }
    if stage == .waiting || stage == .renewingEpoch { stage = .playing }
  }

  // MARK: - An upstream

  private func listen(to feed: UpstreamFeed) {
    let name = feed.name
    feed.onItem = { [unowned self] item in takePushed(item) }
    feed.onLoss = { [unowned self] symbol, position in
      board.noteLoss(symbol, position: position)
    }
    feed.onUp = { [unowned self] in
      log.log(.notice, kind: "upstream", "the upstream is live", metadata: ["upstream": "\(name)"])
    }
    feed.onDown = { [unowned self] reason, wait in
      log.log(
        .warning, kind: "upstream", "no upstream: \(reason)",
        metadata: ["retry-ms": "\(wait)", "stale-symbols": "\(board.staleSymbolCount)"])
    }
    feed.onNote = { [unowned self] text in
      log.log(.warning, kind: "upstream-note", "\(text)", metadata: ["upstream": "\(name)"])
    }
    feed.start()
  }

  // MARK: - The play

  func play() {
    guard !isClosed else { return }
    noticeStandstill()
    guard stage != .ended else { return }
    if stage == .playing { takeDueItems() }
    if case .upstream = origin { endPushedMinutes() }
    history?.flush()
    guard redis.isReady else { return }
    flush()
    // At once, so that gateways that called the feed stale believe the next trade.
    if owedSince != nil, hasPaid { heartbeat() }
    // The last values come before the word that they are the last: one that followed it would look
    // alive again.
    if stage == .ending, !board.hasUnwritten {
      stage = .ended
      heartbeat()
    }
  }

  func flush() {
    guard redis.isReady, board.hasUnwritten, !board.isMuted else { return }
    board.flush(to: sink, nowMilliseconds: loop.nowMilliseconds)
  }

  /// A feed without a time of its own (speed `max`) does not run ahead of Redis.
  private func isAhead(_ player: FeedPlayer) -> Bool {
    player.clock.speed == .max
      && (!redis.isReady || redis.pendingCount >= IngestLimits.unansweredMax
        || redis.outputBytes >= IngestLimits.unsentBytesMax || history?.isBehind == true)
  }

  private func takeDueItems() {
    guard case .player(let player) = origin, !isAhead(player) else { return }
    let now = EventLoop.monotonicNanoseconds
    let wall = Timestamp(nanoseconds: EventLoop.wallNanoseconds)
    if passBegan == nil { passBegan = (now, origin.context.counters.lines) }
    for _ in 0..<IngestLimits.itemsPerTurnMax {
      do {
        let step = try player.step(monotonicNanoseconds: now, wall: wall)
        guard carryOut(consume step, of: player, monotonicNanoseconds: now, wall: wall) else {
          return
        }
      } catch {
        return end("the feed cannot be read on: \(error)")
      }
    }
    playOn()
  }

  /// Whether there is more to be done now.
  func carryOut(
    _ step: consuming FeedStep, of player: FeedPlayer, monotonicNanoseconds now: UInt64,
    wall: Timestamp
  ) -> Bool {
    switch consume step {
    case .passed(let item):
      pass(item)
      return true
    case .item(let item):
      arrive()
      take(item, wall: wall)
      return true
    case .idle:
      arrive()
      if !player.isPaused {
        endMinutes(of: player.clock, monotonicNanoseconds: now, wall: wall)
      }
    case .restarted:
      arrive()
      log.log(.info, kind: "pass", "the feed begins again", metadata: endPass())
      endBars(restarts: true)
      stage = .renewingEpoch
      renewEpoch()
    case .ended: end("the feed has ended")
    }
    return false
  }

  /// More is due: in a later turn. Not by a job, for jobs that jobs submit run in the same turn, up to
  /// 4,096 of them, with the sockets unread; and not after 0 ms, for libuv 1.44 runs such a timer at
  /// once, again and again. After 1 ms it is due already when the items took that long.
  private func playOn() {
    if aheadTimer?.isActive == false { aheadTimer?.start(afterMilliseconds: 1) }
  }

  func end(_ reason: String) {
    arrive()
    stage = .ending
    endBars(restarts: false)
    log.log(
      .notice, kind: "end", "\(reason)",
      metadata: ["events": "\(board.counters.events)"].merging(endPass()) { $1 })
  }

  private func refresh() {
    guard stage == .playing || stage == .renewingEpoch, redis.isReady, !board.isMuted, !isPaused
    else { return }
    board.refreshNextSlice(to: sink, nowMilliseconds: loop.nowMilliseconds)
    board.writeNextLastPrices(to: sink, nowMilliseconds: loop.nowMilliseconds)
  }
}
