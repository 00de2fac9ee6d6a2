// Which channels are wanted and what Redis has been told of it. Pure: calls and acknowledgements go
// in, commands to send and news for the owner come out; time is an argument in milliseconds.
//
// A channel is an entry; an entry that is wanted has a token (the owner's name for it). Towards Redis
// an entry is in one of these states:
//
//   off --subscribe--> queued --sent--> subscribing --ack--> on --nobody wants it, after a delay-->
//   queued to leave --sent--> leaving --ack--> off (removed; or queued again if wanted meanwhile)
//
// Invariants: at most `subscriptionsInFlightMax` commands are unacknowledged, in `inFlight`, oldest
// first: RESP acknowledges in order, errors too. An entry is at most once in `queue` and at most once
// in `timers`. A wanted entry is off only while there is no link or while it waits after a refusal.

struct SubscriptionStateMachine: ~Copyable {
  static let noToken = UInt32.max

  enum Phase: UInt8 { case off, queued, subscribing, on, queuedToLeave, leaving }

  enum Command: Equatable {
    case subscribe(entry: Int)
    case unsubscribe(entry: Int)
  }

  enum News: Equatable {
    case nothing
    case subscribed(token: UInt32)
    /// Redis ended the subscription by itself: the slot went to another node.
    case revoked(token: UInt32)
    case refused(token: UInt32)
    /// An acknowledgement that fits nothing that was sent: the link cannot be trusted.
    case violation(String)
  }

  private struct Entry {
    var token = SubscriptionStateMachine.noToken
    var phase = Phase.off
    var inTimers = false
    var inResumed = false
    /// When an unwanted entry leaves, or a refused one is tried again.
    var dueAt: UInt64 = 0
  }

  let unsubscribeDelay: UInt64
  let refusedRetry: UInt64
  let inFlightMax: Int

  private var channels = ChannelTable()
  private var entries: [Entry] = []
  /// token -> entry, -1: none.
  private var entryOfToken: [Int32] = []
  private var queue = EntryQueue()
  private var inFlight = EntryQueue()
  private var timers = EntryQueue()
  /// Entries wanted again while still subscribed: acknowledged without a word to Redis.
  private var resumed: [Int32] = []
  private var isUp = false

  init(options: RedisOptions, inFlightMax: Int = RedisLimits.subscriptionsInFlightMax) {
    unsubscribeDelay = options.unsubscribeDelayMilliseconds
    refusedRetry = options.refusedRetryMilliseconds
    self.inFlightMax = inFlightMax
  }

  var channelCount: Int { channels.count }
  var inFlightCount: Int { inFlight.count }
  var wantsToSend: Bool { isUp && queue.count > 0 && inFlight.count < inFlightMax }
  var hasTimers: Bool { timers.count > 0 }

  // MARK: - What the owner wants

  /// False: the bound on channels is reached. A token names one channel at a time, a channel has one
  /// token at a time.
  mutating func subscribe(_ channel: RawSpan, token: UInt32) -> Bool {
    precondition(token < UInt32(RedisLimits.channelsMax), "a token over RedisLimits.channelsMax")
    precondition(entry(of: token) == nil, "a token subscribed twice")
    precondition(channel.byteCount > 0 && channel.byteCount <= RedisLimits.channelBytesMax)
    guard let index = channels.find(channel) ?? add(channel) else { return false }
    precondition(entries[index].token == Self.noToken, "a channel subscribed twice")
    entries[index].token = token
    while entryOfToken.count <= Int(token) { entryOfToken.append(-1) }
    entryOfToken[Int(token)] = Int32(index)
    switch entries[index].phase {
    case .off:
      // While it waits after a refusal the timer asks again.
      if isUp, !entries[index].inTimers { enqueue(index, .queued) }
    case .on: resume(index)
    case .queuedToLeave:
      entries[index].phase = .on  // its place in the queue is skipped
      resume(index)
    case .queued, .subscribing, .leaving: break
    }
    return true
  }

  /// Nothing when the token has no channel.
  mutating func unsubscribe(token: UInt32, now: UInt64) {
    guard let index = entry(of: token) else { return }
    entryOfToken[Int(token)] = -1
    entries[index].token = Self.noToken
    switch entries[index].phase {
    case .off where !entries[index].inTimers: remove(index)
    case .on, .subscribing: setTimer(index, at: now + unsubscribeDelay)
    case .off, .queued, .queuedToLeave, .leaving: break  // seen when its turn comes
    }
  }

  func token(ofChannel channel: RawSpan) -> UInt32? {
    guard let index = channels.find(channel) else { return nil }
    let token = entries[index].token
    return token == Self.noToken ? nil : token
  }

  func entry(of token: UInt32) -> Int? {
    guard Int(token) < entryOfToken.count, entryOfToken[Int(token)] >= 0 else { return nil }
    return Int(entryOfToken[Int(token)])
  }

  func withChannel<R>(of entry: Int, _ body: (RawSpan) -> R) -> R {
    channels.withName(of: entry, body)
  }

  /// Tokens that were wanted again while their channel was still subscribed.
  mutating func takeResumed() -> [UInt32] {
    guard !resumed.isEmpty else { return [] }
    var tokens: [UInt32] = []
    for index in resumed where entries[Int(index)].inResumed {
      let entry = entries[Int(index)]
      entries[Int(index)].inResumed = false
      if entry.phase == .on, entry.token != Self.noToken { tokens.append(entry.token) }
    }
    resumed.removeAll(keepingCapacity: true)
    return tokens
  }

  // MARK: - What the link does

  /// Everything wanted is asked for anew.
  mutating func linkUp() {
    isUp = true
    for index in entries.indices where entries[index].token != Self.noToken {
      if entries[index].phase == .off { enqueue(index, .queued) }
    }
  }

  mutating func linkDown() {
    isUp = false
    queue.removeAll()
    inFlight.removeAll()
    timers.removeAll()
    for index in resumed { entries[Int(index)].inResumed = false }
    resumed = []
    for index in 0..<channels.entriesEnd
    where entries[index].phase != .off || entries[index].inTimers {
      entries[index].phase = .off
      entries[index].inTimers = false
      if entries[index].token == Self.noToken { remove(index) }
    }
  }

  /// The next command to send now, if any; it is then in flight.
  mutating func nextCommand() -> Command? {
    while isUp, inFlight.count < inFlightMax, let index = queue.popFirst() {
      switch entries[index].phase {
      case .queued where entries[index].token != Self.noToken:
        entries[index].phase = .subscribing
        inFlight.append(index)
        return .subscribe(entry: index)
      case .queued:  // not wanted any more, and never sent
        entries[index].phase = .off
        drop(index)
      case .queuedToLeave:
        entries[index].phase = .leaving
        inFlight.append(index)
        return .unsubscribe(entry: index)
      default: break  // its place was given up
      }
    }
    return nil
  }

  mutating func acknowledgedSubscribe(_ channel: RawSpan, now: UInt64) -> News {
    guard let index = channels.find(channel), inFlight.first == index,
      entries[index].phase == .subscribing
    else { return .violation("a subscription that was not asked for") }
    _ = inFlight.popFirst()
    entries[index].phase = .on
    guard entries[index].token != Self.noToken else {
      setTimer(index, at: max(entries[index].dueAt, now))
      return .nothing
    }
    return .subscribed(token: entries[index].token)
  }

  mutating func acknowledgedUnsubscribe(_ channel: RawSpan, now: UInt64) -> News {
    guard let index = channels.find(channel) else { return .nothing }
    if inFlight.first == index, entries[index].phase == .leaving {
      _ = inFlight.popFirst()
      entries[index].phase = .off
      if entries[index].token != Self.noToken { enqueue(index, .queued) } else { drop(index) }
      return .nothing
    }
    guard entries[index].phase == .on || entries[index].phase == .queuedToLeave else {
      return .nothing
    }
    entries[index].phase = .off
    return waitAndRetry(index, now: now).map { .revoked(token: $0) } ?? .nothing
  }

  /// An error in the place of an acknowledgement.
  mutating func refused(now: UInt64) -> News {
    guard let index = inFlight.popFirst() else {
      return .violation("an error that no command asked for")
    }
    let wasLeaving = entries[index].phase == .leaving
    if wasLeaving, entries[index].token == Self.noToken {
      // Redis still has it: ask to leave again later.
      entries[index].phase = .on
      setTimer(index, at: now + refusedRetry)
      return .nothing
    }
    entries[index].phase = .off
    guard let token = waitAndRetry(index, now: now), !wasLeaving else { return .nothing }
    return .refused(token: token)
  }

  /// Moves what is due from waiting to the queue.
  mutating func timersFired(now: UInt64) {
    for _ in 0..<timers.count {
      guard let index = timers.first, entries[index].dueAt <= now else { break }
      _ = timers.popFirst()
      entries[index].inTimers = false
      let isWanted = entries[index].token != Self.noToken
      switch entries[index].phase {
      case .off where isWanted: if isUp { enqueue(index, .queued) }
      case .off: remove(index)
      case .on where !isWanted: enqueue(index, .queuedToLeave)
      default: break
      }
    }
  }

  // MARK: - Parts

  private mutating func add(_ channel: RawSpan) -> Int? {
    guard channels.count < RedisLimits.channelsMax else { return nil }
    let index = channels.insert(channel)
    if index == entries.count { entries.append(Entry()) } else { entries[index] = Entry() }
    return index
  }

  private mutating func enqueue(_ index: Int, _ phase: Phase) {
    entries[index].phase = phase
    queue.append(index)
  }

  private mutating func resume(_ index: Int) {
    guard !entries[index].inResumed else { return }
    entries[index].inResumed = true
    resumed.append(Int32(index))
  }

  private mutating func waitAndRetry(_ index: Int, now: UInt64) -> UInt32? {
    let token = entries[index].token
    guard token != Self.noToken else {
      drop(index)
      return nil
    }
    setTimer(index, at: now + refusedRetry)
    return token
  }

  /// One record per entry: a later time moves with the record, so toggling cannot grow the queue.
  private mutating func setTimer(_ index: Int, at due: UInt64) {
    entries[index].dueAt = due
    guard !entries[index].inTimers else { return }
    entries[index].inTimers = true
    timers.append(index)
  }

  /// Off and unwanted: gone, at once or when its timer's record comes up.
  private mutating func drop(_ index: Int) {
    if !entries[index].inTimers { remove(index) }
  }

  private mutating func remove(_ index: Int) {
    entries[index] = Entry()
    channels.remove(index)
  }
}
