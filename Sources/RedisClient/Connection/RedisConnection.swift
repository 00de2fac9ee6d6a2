// Commands to one Redis node and their answers: the owner of a link that speaks request and reply.
//
// Invariants: everything runs on the loop's thread. RESP answers in order, so the front of `pending`
// is what the next reply answers; a reply without a front, or a wrong order, ends the link. While
// there is no link every command is refused at once: there is no queue across links, so nothing is
// ever sent twice or late. Whoever gave a command hears of it exactly once.
public import EventLoops

/// What became of a command that nobody waits for.
public enum RedisAppend: Hashable, Sendable {
  /// It leaves at the end of this turn.
  case queued
  /// No room; conflate and come back after `onDrained`. Nothing was sent.
  case full
  /// No link; come back after `onReady`. Nothing was sent.
  case notConnected
}

/// Something worth a log line; already bounded in rate.
public struct RedisProblem: Hashable, Sendable, CustomStringConvertible {
  /// The command without an awaiting caller that Redis refused.
  public let command: String
  public let error: RedisServerError
  /// Errors of this kind since the last report, this one included.
  public let count: UInt64

  public var description: String { "\(command): \(error) (\(count) since the last report)" }
}

/// A link to one Redis node. Create, use and `close` it on its loop's thread.
public final class RedisConnection {
  public struct Counters: Hashable, Sendable {
    public var link = RedisLinkCounters()
    /// Commands given to the link.
    public var commands: UInt64 = 0
    public var refusedFull: UInt64 = 0
    public var refusedNotConnected: UInt64 = 0
    /// Error replies to commands that nobody awaits.
    public var errorReplies: UInt64 = 0
    /// Commands whose link ended before their answer.
    public var lost: UInt64 = 0
  }

  /// An answer or why there is none; the view ends with the callback.
  public typealias Receiver = (Result<RedisReplyView, RedisError>) -> Void

  public let loop: EventLoop
  public var url: RedisURL { link.url }

  /// The link serves, first or again. Nothing of an earlier link is repeated by itself.
  public var onReady: (() -> Void)?
  /// The link that served is gone; pending commands have been told before.
  public var onDown: ((RedisLinkDown) -> Void)?
  /// An attempt to connect failed; the next one comes by itself.
  public var onAttemptFailed: ((RedisLinkDown) -> Void)?
  /// There is room again after a `.full`.
  public var onDrained: (() -> Void)?
  public var onProblem: ((RedisProblem) -> Void)?

  let link: RedisLink
  private var pending = PendingReplies()
  private var receivers = ReceiverTable()
  private var tally = ErrorTally()
  private var tallied = Counters()
  private var readySince: UInt64 = 0
  /// When a command with an allowance was last answered: those behind it could not be before.
  private var allowanceEndedAt: UInt64 = 0
  private var pendingFull = false

  /// Does nothing before `start`.
  public init(
    loop: EventLoop, url: RedisURL, options: RedisOptions = RedisOptions(),
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) {
    self.loop = loop
    link = RedisLink(loop: loop, url: url, options: options, random: random)
    link.owner = self
  }

  public func start() { link.start() }

  /// Ends the link for good: pending commands fail, nothing is left open. Callbacks still come inside
  /// this call, none after it.
  public func close() {
    link.close()
    onReady = nil
    onDown = nil
    onAttemptFailed = nil
    onDrained = nil
    onProblem = nil
  }

  public var isReady: Bool { link.isReady }

  /// Why there is no link now, or why the last attempt failed; nil while it serves.
  public var lastFailure: RedisLinkDown? { link.machine.lastFailure }

  public var counters: Counters {
    var counters = tallied
    counters.link = link.counters
    return counters
  }

  /// Error replies that nobody awaited, by kind.
  public var errorsByKind: [String: UInt64] { tally.totals }

  public var pendingCount: Int { pending.count }
  public var outputBytes: Int { link.outputBytes }

  // MARK: - Giving commands

  /// Sends `command` and hands over its answer without a copy; `receiver` is called exactly once,
  /// later, or at once when it is refused.
  public func sendForView(_ command: some RedisCommand, _ receiver: @escaping Receiver) {
    let refusal = admit(bytes: 0, commands: 1)
    if refusal != .queued { return receiver(.failure(refusal == .full ? .full : .notConnected)) }
    guard link.append({ command.write(to: &$0) }) else {
      tallied.refusedFull += 1
      return receiver(.failure(.full))
    }
    sent(to: receiver, allowance: command.blockingMilliseconds)
  }

  /// Sends `command` and reads its answer.
  public func send<C: RedisCommand>(
    _ command: C, _ answer: @escaping (Result<C.Answer, RedisError>) -> Void
  ) {
    sendForView(command) { result in
      answer(RedisConnection.read(result, as: C.self))
    }
  }

  static func read<C: RedisCommand>(
    _ result: Result<RedisReplyView, RedisError>, as command: C.Type
  ) -> Result<C.Answer, RedisError> {
    Result { () throws(RedisError) in try C.read(try result.get()) }
  }

  /// Whether `commands` of together at most `bytes` may be appended now.
  @inline(__always)
  func admit(bytes: Int, commands: Int) -> RedisAppend {
    assert(loop.inLoop)
    guard link.isReady else {
      tallied.refusedNotConnected += UInt64(commands)
      return .notConnected
    }
    guard pending.hasRoom(for: commands) else {
      pendingFull = true
      tallied.refusedFull += UInt64(commands)
      return .full
    }
    guard link.hasRoom(for: bytes) else {
      tallied.refusedFull += UInt64(commands)
      return .full
    }
    return .queued
  }

  /// Books a command that was just appended.
  @inline(__always)
  func sent(_ receiver: PendingReceiver) {
    tallied.commands += 1
    let now = loop.nowMilliseconds
    if pending.count == 0 { link.owed() }
    pending.append(
      PendingReply(
        outputEnd: link.outputEnd, sentAt: UInt32(truncatingIfNeeded: now - readySince),
        receiver: receiver))
  }

  /// Books a command that was just appended and whose answer is awaited.
  func sent(to receiver: @escaping Receiver, allowance: UInt64) {
    sent(.slot(receivers.insert(receiver, allowance: allowance)))
  }

  private func failAll() {
    // Receivers may give new commands: those are refused, the link is down already.
    while let record = pending.popFirst() {
      if record.receiver != .probe { tallied.lost += 1 }
      guard let slot = record.receiver.slot else { continue }
      let executed = link.hasLeft(record.outputEnd)
      receivers.take(slot).receive(.failure(.connectionLost(mayHaveExecuted: executed)))
    }
  }
}

extension RedisConnection: RedisLinkOwner {
  func linkBecameReady() {
    readySince = loop.nowMilliseconds
    allowanceEndedAt = 0
    pendingFull = false
    if let error = link.machine.fenceRefusal {
      onProblem?(RedisProblem(command: "CLIENT", error: error, count: 1))
    }
    onReady?()
  }

  func linkWentDown(_ reason: RedisLinkDown) {
    failAll()
    onDown?(reason)
  }

  func linkAttemptFailed(_ reason: RedisLinkDown) { onAttemptFailed?(reason) }

  func linkReceived(_ reply: RedisReplyView) {
    guard let record = pending.popFirst() else {
      return link.fail(.protocolViolated("a reply that no command asked for"))
    }
    if pending.count == 0 { link.settled() }
    if pendingFull, pending.count <= RedisLimits.pendingMax / 4 {
      pendingFull = false
      onDrained?()
    }
    if let slot = record.receiver.slot {
      let (receiver, allowance) = receivers.take(slot)
      if allowance > 0 { allowanceEndedAt = loop.nowMilliseconds }
      receiver(reply.error.map { .failure(.server($0)) } ?? .success(reply))
    } else if reply.kind == .error {
      refused(record.receiver, reply)
    }
  }

  private func refused(_ receiver: PendingReceiver, _ reply: RedisReplyView) {
    tallied.errorReplies += 1
    guard let count = tally.count(reply.unsafeBytes, now: loop.nowMilliseconds) else { return }
    onProblem?(
      RedisProblem(
        command: "\(receiver.commandName)", error: RedisServerError(line: reply.text), count: count)
    )
  }

  func linkDrained() { onDrained?() }

  func linkWantsProbe() {
    guard link.append({ Redis.Ping().write(to: &$0) }) else { return }
    tallied.commands += 1
    sent(.probe)
  }

  func linkOldestPending() -> (sentAt: UInt64, allowance: UInt64)? {
    guard let first = pending.first else { return nil }
    // By the age, since `sentAt` wraps after 49 days of one link.
    let now = loop.nowMilliseconds
    let age = UInt32(truncatingIfNeeded: now - readySince) &- first.sentAt
    let sentAt = max(now - UInt64(age), allowanceEndedAt)
    return (sentAt, first.receiver.slot.map { receivers.allowance(of: $0) } ?? 0)
  }
}
