// Channels of one Redis node: the owner of a link that speaks pub/sub.
//
// Invariants: everything runs on the loop's thread. What is wanted survives the link: after a
// reconnect every wanted channel is asked for again (after a random wait, so that many processes do
// not come at once) and acknowledged again. SUBSCRIBE and SSUBSCRIBE go one channel a command, which
// a cluster requires, pipelined up to the window. A message costs one hash lookup and no allocation.
// Whether anything was missed while the link was down is for the owner to find out: `subscribed`
// comes anew for each channel, and only after that do messages count as gapless.
public import EventLoops

/// What a subscriber tells its owner, always on the loop's thread.
public protocol RedisSubscriberDelegate: AnyObject {
  /// The link serves; the channels follow.
  func redisLinkUp()
  /// The link is gone and with it all channels; they come back by themselves.
  func redisLinkDown(_ reason: RedisLinkDown)
  /// An attempt to connect failed; the next one comes by itself.
  func redisAttemptFailed(_ reason: RedisLinkDown)
  /// Redis has acknowledged the channel: every message published from now on arrives.
  func redisSubscribed(_ token: UInt32)
  /// A message; the payload ends with the call.
  func redisMessage(_ token: UInt32, _ payload: RawSpan)
  /// Redis refused the channel; `error.redirection` says where its slot lives when the slot moved.
  /// It is asked for again after a while.
  func redisRefused(_ token: UInt32, _ error: RedisServerError)
  /// Redis ended the subscription by itself, because the slot goes to another node. It is asked for
  /// again after a while.
  func redisRevoked(_ token: UInt32)
}

/// A link for subscriptions alone. Create, use and `close` it on its loop's thread.
public final class RedisSubscriber {
  public enum Mode: Hashable, Sendable {
    /// SSUBSCRIBE: the channel lives on the node of its slot.
    case sharded
    /// SUBSCRIBE: every node passes the message on.
    case everywhere
  }

  public struct Counters: Hashable, Sendable {
    public var link = RedisLinkCounters()
    public var messages: UInt64 = 0
    /// Messages for channels that nobody wants any more.
    public var messagesUnwanted: UInt64 = 0
    public var subscribes: UInt64 = 0
    public var unsubscribes: UInt64 = 0
    public var acknowledgements: UInt64 = 0
    public var refusals: UInt64 = 0
    public var revocations: UInt64 = 0
  }

  public let loop: EventLoop
  public let mode: Mode
  public var url: RedisURL { link.url }

  private let link: RedisLink
  private let options: RedisOptions
  /// Held until `close`.
  private var delegate: (any RedisSubscriberDelegate)?
  private var machine: SubscriptionStateMachine
  private var counts = Counters()
  private var probesPending = 0
  private var turnEndAsked = false
  private var random: any RandomNumberGenerator
  private var jitter: LoopTimer?
  private var tick: LoopTimer?
  private let tickMilliseconds: UInt64

  /// Does nothing before `start`.
  public init(
    loop: EventLoop, url: RedisURL, mode: Mode = .sharded, options: RedisOptions = RedisOptions(),
    random: any RandomNumberGenerator = SystemRandomNumberGenerator(),
    delegate: any RedisSubscriberDelegate
  ) {
    self.loop = loop
    self.mode = mode
    self.options = options
    self.random = random
    self.delegate = delegate
    machine = SubscriptionStateMachine(options: options)
    // Fine enough for the shorter delay, rare enough to cost nothing.
    let shorter = min(options.unsubscribeDelayMilliseconds, options.refusedRetryMilliseconds)
    tickMilliseconds = max(10, min(250, shorter / 4))
    link = RedisLink(loop: loop, url: url, options: options, random: random)
    link.owner = self
  }

  public func start() {
    loop.preconditionInLoop()
    guard link.machine.state == .down else { return }
    jitter = LoopTimer(loop: loop) { [unowned self] in resubscribe() }
    tick = LoopTimer(loop: loop) { [unowned self] in ticked() }
    link.start()
  }

  /// Ends the link for good and lets go of the delegate; nothing is left open.
  public func close() {
    link.close()
    jitter?.close()
    tick?.close()
    delegate = nil
  }

  public var isReady: Bool { link.isReady }
  public var lastFailure: RedisLinkDown? { link.machine.lastFailure }
  /// Channels wanted, or not wanted but still subscribed.
  public var channelCount: Int { machine.channelCount }
  public var inFlightCount: Int { machine.inFlightCount }

  public var counters: Counters {
    var counters = counts
    counters.link = link.counters
    return counters
  }

  // MARK: - Channels

  /// Wants `channel` under the name `token` (below `RedisLimits.channelsMax`); `redisSubscribed`
  /// follows, at the end of this turn if Redis still has it. A token stands for one channel at a time
  /// and a channel for one token. False: `RedisLimits.channelsMax` channels are there already.
  public func subscribe(_ channel: RawSpan, token: UInt32) -> Bool {
    loop.preconditionInLoop()
    guard machine.subscribe(channel, token: token) else { return false }
    askTurnEnd()
    return true
  }

  /// Wants it no more: no further call for `token`. Redis is told after a delay. Nothing when the
  /// token has no channel.
  public func unsubscribe(_ token: UInt32) {
    loop.preconditionInLoop()
    machine.unsubscribe(token: token, now: loop.nowMilliseconds)
    startTick()
  }

  private func askTurnEnd() {
    guard !turnEndAsked else { return }
    turnEndAsked = true
    loop.atTurnEnd(self)
  }

  private func startTick() {
    guard machine.hasTimers, let tick, link.isReady, !tick.isActive else { return }
    tick.start(afterMilliseconds: tickMilliseconds)
  }

  private func ticked() {
    machine.timersFired(now: loop.nowMilliseconds)
    if machine.wantsToSend { askTurnEnd() }
    startTick()
  }

  private func resubscribe() {
    guard link.isReady else { return }
    machine.linkUp()
    askTurnEnd()
  }

  /// Sends what the window allows.
  private func pump() {
    let wasIdle = machine.inFlightCount == 0 && probesPending == 0
    while machine.wantsToSend, link.hasRoom(for: RedisLimits.channelBytesMax + 64),
      let command = machine.nextCommand()
    {
      switch command {
      case .subscribe(let entry):
        counts.subscribes += 1
        write(mode == .sharded ? "SSUBSCRIBE" : "SUBSCRIBE", entry)
      case .unsubscribe(let entry):
        counts.unsubscribes += 1
        write(mode == .sharded ? "SUNSUBSCRIBE" : "UNSUBSCRIBE", entry)
      }
    }
    if wasIdle, machine.inFlightCount > 0 { link.owed() }
  }

  private func write(_ word: StaticString, _ entry: Int) {
    machine.withChannel(of: entry) { channel in
      let appended = link.append { writer in
        writer.array(2)
        writer.bulk(word)
        writer.bulk(channel)
      }
      precondition(appended, "room was asked for before")
    }
  }
}

extension RedisSubscriber: TurnEndObserver {
  public func loopTurnEnded() {
    turnEndAsked = false
    for token in machine.takeResumed() {
      // A call may take back what a later token in this list stands for.
      if machine.entry(of: token) != nil { delegate?.redisSubscribed(token) }
    }
    if link.isReady { pump() }
  }
}

extension RedisSubscriber: RedisLinkOwner {
  func linkBecameReady() {
    let isFirst = link.counters.connects == 1
    let wait =
      isFirst
      ? 0 : UInt64.random(in: 0...options.resubscribeJitterMilliseconds, using: &random)
    if wait == 0 { resubscribe() } else { jitter?.start(afterMilliseconds: wait) }
    delegate?.redisLinkUp()
  }

  func linkWentDown(_ reason: RedisLinkDown) {
    jitter?.stop()
    tick?.stop()
    probesPending = 0
    machine.linkDown()
    delegate?.redisLinkDown(reason)
  }

  func linkAttemptFailed(_ reason: RedisLinkDown) { delegate?.redisAttemptFailed(reason) }

  func linkDrained() { askTurnEnd() }

  func linkWantsProbe() {
    guard link.append({ Redis.Ping().write(to: &$0) }) else { return }
    probesPending += 1
    link.owed()
  }

  /// Acknowledgements come in order and quickly; silence alone is the measure here.
  func linkOldestPending() -> (sentAt: UInt64, allowance: UInt64)? { nil }

  func linkReceived(_ reply: RedisReplyView) {
    switch PushKind(reply) {
    case .message: message(channel: reply[1], payload: reply[2])
    case .subscribed:
      counts.acknowledgements += 1
      answered(
        reply[1].withBytes { machine.acknowledgedSubscribe($0, now: loop.nowMilliseconds) })
    case .unsubscribed:
      counts.acknowledgements += 1
      answered(
        reply[1].withBytes { machine.acknowledgedUnsubscribe($0, now: loop.nowMilliseconds) })
    case .pong:
      probesPending = max(0, probesPending - 1)
      settle()
    case .error(let error):
      answered(machine.refused(now: loop.nowMilliseconds), error)
    case .unknown:
      link.fail(.protocolViolated("\(reply.kind) where a push was expected"))
    }
  }

  @inline(__always)
  private func message(channel: RedisReplyView, payload: RedisReplyView) {
    counts.messages += 1
    guard let token = channel.withBytes({ machine.token(ofChannel: $0) }) else {
      counts.messagesUnwanted += 1
      return
    }
    payload.withBytes { delegate?.redisMessage(token, $0) }
  }

  private func answered(
    _ news: SubscriptionStateMachine.News, _ error: RedisServerError? = nil
  ) {
    settle()
    if machine.wantsToSend { askTurnEnd() }
    startTick()
    switch news {
    case .nothing: break
    case .subscribed(let token): delegate?.redisSubscribed(token)
    case .revoked(let token):
      counts.revocations += 1
      delegate?.redisRevoked(token)
    case .refused(let token):
      counts.refusals += 1
      if let error { delegate?.redisRefused(token, error) }
    case .violation(let reason): link.fail(.protocolViolated(reason))
    }
  }

  private func settle() {
    if machine.inFlightCount == 0, probesPending == 0 { link.settled() }
  }
}

/// What came on a subscriber's link.
private enum PushKind {
  case message
  case subscribed
  case unsubscribed
  case pong
  case error(RedisServerError)
  case unknown

  init(_ reply: RedisReplyView) {
    guard reply.kind == .array else {
      // Without any channel Redis answers a PING as on other connections.
      self =
        if let error = reply.error {
          .error(error)
        } else if reply.kind == .simpleString, reply.equals("PONG") { .pong } else { .unknown }
      return
    }
    let count = reply.count
    guard count >= 2 else {
      self = .unknown
      return
    }
    let word = reply[0]
    self =
      if count == 3, word.equals("smessage") || word.equals("message") {
        .message
      } else if count == 3, word.equals("ssubscribe") || word.equals("subscribe") {
        .subscribed
      } else if count == 3, word.equals("sunsubscribe") || word.equals("unsubscribe") {
        .unsubscribed
      } else if count == 2, word.equals("pong") { .pong } else { .unknown }
  }
}
