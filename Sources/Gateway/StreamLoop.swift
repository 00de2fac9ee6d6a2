// One loop of the gateway: its clients, its topics, its links to Redis. Everything here belongs to
// the loop's thread and shares nothing with other loops.
//
// A message's way: the subscriber's link gives (token, bytes); the token is the topic's index. The
// header decides (TopicState) whether it is forwarded; the distributor keeps it and, at the end of
// the turn or of the flush interval, sends each client one frame. No await, no Task, no allocation.
package import Credentials
package import EventLoops
import FanOut
import MarketData
package import RedisClient
package import ServiceSupport
package import WebTransport

package final class StreamLoop {
  /// What one loop is to do.
  package struct Configuration: Sendable {
    package var redis: RedisURL
    package var redisOptions = RedisOptions()
    package var feed: String
    package var web: WebServerConfiguration
    /// Who may come in where there is no `credentials`. One object for all loops of a process, and so
    /// are the uses of keys.
    package var keys: SettingsKeys
    package var usage = KeyUsage()
    /// Proxies whose word on clients' addresses is taken.
    package var proxies = TrustedProxies()
    /// Asked instead of `keys`, on its own loop.
    package var credentials: CredentialGate?
    package var flushIntervalMilliseconds = GatewayLimits.flushIntervalMilliseconds
    package var fanOut = StreamLoop.Rings()
    package var clients = StreamLoop.ClientLimits()

    package init(redis: RedisURL, feed: String, web: WebServerConfiguration, keys: APIKeys) {
      self.redis = redis
      self.feed = feed
      self.web = web
      self.keys = SettingsKeys(keys)
    }
  }

  /// How many messages a topic keeps for clients that fall behind, and memory for them.
  package struct Rings: Sendable {
    package var trades = 256
    package var bars = 16
    package var arenaBytesMax = 256 << 20
    package init() {}
  }

  /// What one client may do.
  package struct ClientLimits: Sendable {
    package var authenticationMilliseconds = GatewayLimits.authenticationMilliseconds
    package var unwritableMillisecondsMax = GatewayLimits.unwritableMillisecondsMax
    package var subscriptionsMax = GatewayLimits.subscriptionsPerClientMax
    package var messageRate = GatewayLimits.messageRate
    package var messageBytesRate = GatewayLimits.messageBytesRate
    package init() {}
  }

  package struct Counters: Sendable {
    package var messages: UInt64 = 0
    /// Not newer than what was seen.
    package var dropped: UInt64 = 0
    package var malformed: UInt64 = 0
    package var gaps: UInt64 = 0
    package var staleNotices: UInt64 = 0
    package var flushes: UInt64 = 0
    package var authenticationFailures: UInt64 = 0
    /// Of those, over the limit of failures: nothing was looked up.
    package var authenticationsLimited: UInt64 = 0
    package var authenticationTimeouts: UInt64 = 0
    /// Keys with as many connections as they may have.
    package var connectionsRefused: UInt64 = 0
    /// Subscribes over any limit of names.
    package var symbolsRefused: UInt64 = 0
    /// Clients that said too much.
    package var talkativeClients: UInt64 = 0
    /// Streams closed since their key was revoked or their session ended.
    package var revoked: UInt64 = 0
    package var clientErrors: UInt64 = 0
    /// Clients told that the server stops.
    package var goodbyes: UInt64 = 0
    package var slowClients: UInt64 = 0
    package var joinReads: UInt64 = 0
    /// State that came while nobody vouched for it, or from a former run.
    package var unvouched: UInt64 = 0
    package var verifyReads: UInt64 = 0
    /// States that had been lost on their channel.
    package var repairs: UInt64 = 0
  }

  package let loop: EventLoop
  let configuration: Configuration
  let log: RateLimitedLog
  let readiness: Readiness
  let checkName: String
  let distributor: Distributor
  var subscriber: RedisSubscriber!
  let redis: RedisConnection
  let deriver = MessagePackDeriver()
  var web: WebServer!
  var groups: [StreamGroup: GroupID] = [:]
  var directory = TopicDirectory()
  var sessions = StreamSessions()
  let credentials: CredentialClient?
  var held = HeldMessages()
  var joins = JoinQueue()
  var watch: FeedWatch
  var symbolList = FeedSymbolList(version: 0, symbols: [])
  var symbolListWanted: UInt64?
  var staleSymbols: Set<SymbolName> = []
  /// Event topics that had an event while the feed was stale: their mark follows it.
  var eventsUnvouched: [UInt32] = []
  let probeChannel: [UInt8]
  var probe: DeliveryProbe
  var probeSentNanoseconds: UInt64 = 0
  var probeSeconds = FixedHistogram(bounds: FixedHistogram.seconds)
  /// Why the loop cannot serve, as it was told last; nil when it can.
  var readinessFault: String? = "starting"
  /// Some topic is not joined, for all that is known.
  var mayBeUnjoined = false
  var verifyPlace: UInt32 = 0
  /// Reads under way that verify.
  var verifying = 0
  /// Groups whose topics may be there only for a wildcard.
  var wildcardsUsed: Set<StreamGroup> = []
  /// The goodbye under way; nil while there is none.
  var drain: Drain?
  var message = ClientMessage()
  /// What the symbol list names.
  var listed: Set<SymbolName> = []
  var resumes = ResumeTable()
  var intervals: IntervalWheel
  var snapshotReads = SnapshotReads()
  var control = ByteWriter(capacity: 4_096)
  package internal(set) var counters = Counters()

  private var watchTimer: LoopTimer?
  private var sweepTimer: LoopTimer?
  private var flushTimer: LoopTimer?
  private(set) var intervalTimer: LoopTimer?
  private var turnEndAsked = false
  /// Monotonic milliseconds of the last flush's end. Not the loop's cached time: a flush to many
  /// clients takes longer than its interval, and counted from its beginning the next one would
  /// always be due at once, with ever smaller frames.
  private var flushedAt: UInt64 = 0
  private var isClosed = false

  /// Starts nothing yet. `checkName` is one of `readiness`'s checks.
  package init(
    loop: EventLoop, configuration: Configuration, readiness: Readiness, checkName: String,
    log: RateLimitedLog, router: Router
  ) throws(WebTransportError) {
    loop.preconditionInLoop()
    self.loop = loop
    self.configuration = configuration
    self.readiness = readiness
    self.checkName = checkName
    self.log = log
    var limits = FanOutLimits()
    limits.arenaBytesMax = configuration.fanOut.arenaBytesMax
    limits.topicsMax = GatewayLimits.topicsMax
    // Beside the names that are counted, its wildcards have records, and so has what it resumes
    // behind them: one for a topic at most.
    limits.subscriptionsPerClientMax = GatewayLimits.topicsMax + StreamChannel.allCases.count
    distributor = Distributor(limits: limits)
    credentials = configuration.credentials.map { CredentialClient($0, loop: loop) }
    watch = FeedWatch(nowMilliseconds: loop.nowMilliseconds)
    intervals = IntervalWheel(nowMilliseconds: loop.nowMilliseconds)
    probe = DeliveryProbe(nowMilliseconds: loop.nowMilliseconds)
    let id = String(UInt64.random(in: .min ... .max), radix: 16)
    probeChannel = Array(GatewayKey.probe.name(gateway: id).utf8)
    redis = RedisConnection(
      loop: loop, url: configuration.redis, options: configuration.redisOptions)
    subscriber = RedisSubscriber(
      loop: loop, url: configuration.redis, options: configuration.redisOptions, delegate: self)
    web = try WebServer(
      loop: loop, configuration: configuration.web, router: router, webSockets: self)
    for path in AssetClass.allCases {
      for channel in StreamChannel.allCases where channel.isCarried(by: path) {
        groups[StreamGroup(path: path, channel: channel)] = distributor.addGroup(
          kind(of: channel), channel: "\(channel.name)")
      }
    }
  }

  /// Connects to Redis and listens; gives the port.
  package func start() throws(WebTransportError) -> UInt16 {
    try web.listen()
    redis.onReady = { [unowned self] in redisReady() }
    redis.onDown = { [unowned self] in linkFailed($0) }
    redis.onAttemptFailed = { [unowned self] in linkFailed($0) }
    redis.start()
    subscriber.start()
    subscribeToFeed()
    watchTimer = LoopTimer(loop: loop) { [unowned self] in checkFeed() }
    watchTimer?.start(
      afterMilliseconds: GatewayLimits.heartbeatCheckMilliseconds,
      repeatingMilliseconds: GatewayLimits.heartbeatCheckMilliseconds)
    sweepTimer = LoopTimer(loop: loop) { [unowned self] in sweepSessions() }
    sweepTimer?.start(
      afterMilliseconds: GatewayLimits.sessionSweepMilliseconds,
      repeatingMilliseconds: GatewayLimits.sessionSweepMilliseconds)
    flushTimer = LoopTimer(loop: loop) { [unowned self] in flush() }
    intervalTimer = LoopTimer(loop: loop) { [unowned self] in intervalsDue() }
    return web.port
  }

  package func use(_ certificate: ServerCertificate) { web.use(certificate) }

  /// Closes clients and links; nothing is left on the loop when it returns.
  package func close() async {
    guard !isClosed else { return }
    isClosed = true
    watchTimer?.close()
    sweepTimer?.close()
    flushTimer?.close()
    intervalTimer?.close()
    drain?.timer.close()
    subscriber.close()
    redis.close()
    await withCheckedContinuation { continuation in
      web.close(graceMilliseconds: 500) { continuation.resume() }
    }
    // Last: the authority must not hand anything to a loop that stops.
    await credentials?.shutDown()
  }

  func kind(of channel: StreamChannel) -> TopicKind {
    switch channel.key {
    case .price: .events(ringMessagesMax: configuration.fanOut.trades)
    case .bar, .barUpdated: .events(ringMessagesMax: configuration.fanOut.bars)
    case .depth: .book
    case .quote, .barDaily, .status, .limits: .state
    }
  }

  // MARK: - The flush

  /// Something may be pending: looked at when the turn ends.
  func askForFlush() {
    guard !turnEndAsked, !isClosed else { return }
    turnEndAsked = true
    loop.atTurnEnd(self)
  }

  /// At once, in the middle of a turn.
  func flushNow() {
    flushTimer?.stop()
    flush()
  }

  private func flush() {
    guard !isClosed else { return }
    counters.flushes &+= 1
    markUnvouchedEvents()
    distributor.flush(to: self, deriving: deriver)
    flushedAt = EventLoop.monotonicNanoseconds / 1_000_000
  }
}

extension StreamLoop: TurnEndObserver {
  /// At once after a quiet period; under load a frame an interval, with everything in it.
  package func loopTurnEnded() {
    turnEndAsked = false
    guard !isClosed, distributor.hasPending, let flushTimer else { return }
    let now = EventLoop.monotonicNanoseconds / 1_000_000
    let due = flushedAt + configuration.flushIntervalMilliseconds
    if now >= due {
      flushTimer.stop()
      flush()
    } else if !flushTimer.isActive {
      // A timer counts from the beginning of this turn.
      flushTimer.start(afterMilliseconds: due - min(loop.nowMilliseconds, due))
    }
  }
}

/// Names a wildcard group: `"*"` on one channel of one path.
struct StreamGroup: Hashable {
  var path: AssetClass
  var channel: StreamChannel
}
