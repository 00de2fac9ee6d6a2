// One connection to one Redis node: the shell around RedisLinkStateMachine. It owns the socket, the
// output queue, the RESP reader and one timer, and is owned by a RedisConnection or RedisSubscriber,
// which says what is sent and what replies mean.
//
// Invariants: everything runs on the loop's thread. All that is appended in one turn leaves in one
// write at its end. `epoch` changes whenever the socket goes: whoever called out checks it before it
// goes on with the old one. The timer has one meaning per state: the connect timeout, the check of
// the link's health, the wait before a retry.
import EventLoops

/// What a link tells its owner. `linkWentDown` comes once per `linkBecameReady`; failed attempts in
/// between come as `linkAttemptFailed`.
protocol RedisLinkOwner: AnyObject {
  func linkBecameReady()
  func linkWentDown(_ reason: RedisLinkDown)
  func linkAttemptFailed(_ reason: RedisLinkDown)
  func linkReceived(_ reply: RedisReplyView)
  /// Output is low again after a refusal.
  func linkDrained()
  /// Nothing came for a while: send something that is answered.
  func linkWantsProbe()
  /// When the oldest unanswered command was given, and how much longer than others it may take.
  func linkOldestPending() -> (sentAt: UInt64, allowance: UInt64)?
}

final class RedisLink: TurnEndObserver {
  let loop: EventLoop
  let url: RedisURL
  let options: RedisOptions
  unowned var owner: (any RedisLinkOwner)?

  private(set) var machine: RedisLinkStateMachine
  private(set) var counters = RedisLinkCounters()
  private(set) var epoch: UInt32 = 0

  private var random: any RandomNumberGenerator
  private var health: LinkHealth
  private var socket: LinkSocket?
  private var poll: LoopPoll?
  private var lookup: HostLookup?
  private var timer: LoopTimer?
  private var addresses: [SocketAddress] = []

  private let reader = ReplyReader()
  private let readBuffer: UnsafeMutableRawBufferPointer
  private var output = RESPWriter()
  /// Bytes that the kernel took of this link's output.
  private var written: UInt64 = 0
  /// The kernel's buffer is full; `writable` will come.
  private var blocked = false
  private var flushScheduled = false
  private var refused = false

  init(
    loop: EventLoop, url: RedisURL, options: RedisOptions, random: any RandomNumberGenerator
  ) {
    precondition(options.outputBytesMax > 0 && options.outputBytesMax < 1 << 30)
    precondition(options.outputBytesLow < options.outputBytesMax)
    self.loop = loop
    self.url = url
    self.options = options
    self.random = random
    machine = RedisLinkStateMachine(url: url, options: options)
    health = LinkHealth(options, now: 0)
    readBuffer = .allocate(byteCount: RedisLimits.readBytes, alignment: 16)
  }

  deinit {
    precondition(
      machine.state == .closed || machine.state == .down, "a Redis link was dropped without close")
    readBuffer.deallocate()
  }

  var isReady: Bool { machine.state == .ready }

  func start() {
    loop.preconditionInLoop()
    guard machine.state == .down else { return }
    timer = LoopTimer(loop: loop) { [unowned self] in timerFired() }
    perform(machine.start())
  }

  func close() {
    loop.preconditionInLoop()
    perform(machine.close())
  }

  // MARK: - Output

  /// Position in the output behind everything appended so far.
  var outputEnd: UInt64 { written + UInt64(output.count) }

  /// Whether what ends at `end` has wholly left.
  func hasLeft(_ end: UInt64) -> Bool { end <= written }

  var outputBytes: Int { output.count }

  /// False: no room for `bytes` more now; `linkDrained` will follow.
  func hasRoom(for bytes: Int) -> Bool {
    if output.count + bytes <= options.outputBytesMax { return true }
    refused = true
    return false
  }

  /// Appends by `body`; leaves at the end of the turn. False, and nothing is appended, when the bound
  /// was passed.
  @inline(__always)
  func append(_ body: (inout RESPWriter) -> Void) -> Bool {
    let before = output.count
    body(&output)
    guard output.count <= options.outputBytesMax else {
      output.truncate(to: before)
      refused = true
      return false
    }
    scheduleFlush()
    return true
  }

  private func scheduleFlush() {
    guard !flushScheduled, !blocked else { return }
    flushScheduled = true
    loop.atTurnEnd(self)
  }

  func loopTurnEnded() {
    flushScheduled = false
    flush()
  }

  private func flush() {
    guard !blocked, output.count > 0, let descriptor = socket?.descriptor else { return }
    counters.writes += 1
    switch output.withBytes({ LinkSocket.send(descriptor, $0) }) {
    case .bytes(let taken):
      output.consume(taken)
      written += UInt64(taken)
      counters.bytesWritten += UInt64(taken)
      if output.count > 0 {
        counters.partialWrites += 1
        block()
      }
      if refused, output.count <= options.outputBytesLow {
        refused = false
        owner?.linkDrained()
      }
    case .wouldBlock: block()
    case .ended: fail(.closedByServer)
    case .failed(let code): fail(.writeFailed(code))
    }
  }

  private func block() {
    blocked = true
    poll?.watch([.readable, .writable])
  }

  // MARK: - Health

  /// An answer is owed from now on.
  func owed() { health.owed(now: loop.nowMilliseconds) }

  /// Every answer has come.
  func settled() { health.settled() }

  private func checkHealth() {
    let oldest = owner?.linkOldestPending()
    let verdict = health.check(
      now: loop.nowMilliseconds, oldestSentAt: oldest?.sentAt, allowance: oldest?.allowance ?? 0)
    switch verdict {
    case .alive: break
    case .probe:
      counters.probes += 1
      owner?.linkWantsProbe()
    case .dead(let reason): fail(reason)
    }
  }

  // MARK: - Input

  private func pollFired(_ events: LoopPoll.Events) {
    if machine.state == .connecting { return connectEnded() }
    if events.contains(.writable), blocked {
      blocked = false
      poll?.watch(.readable)
      scheduleFlush()
    }
    guard events.contains(.readable) || events.contains(.disconnected) else { return }
    read()
  }

  private func read() {
    let began = epoch
    var budget = RedisLimits.readBytesPerTurnMax
    while budget > 0, let descriptor = socket?.descriptor {
      counters.reads += 1
      switch LinkSocket.receive(descriptor, into: readBuffer) {
      case .bytes(let count):
        counters.bytesRead += UInt64(count)
        health.received(now: loop.nowMilliseconds)
        parse(count)
        guard epoch == began, count == readBuffer.count else { return }
        budget -= count
      case .wouldBlock: return
      case .ended: return fail(.closedByServer)
      case .failed(let code): return fail(.readFailed(code))
      }
    }
  }

  private func parse(_ count: Int) {
    let began = epoch
    var from = 0
    while from < count {
      let to = min(from + RedisLimits.feedBytes, count)
      reader.feed(UnsafeRawBufferPointer(rebasing: readBuffer[from..<to]))
      from = to
      replies: while true {
        switch reader.next() {
        case .needsMore: break replies
        case .failed(let reason): return fail(reason)
        case .reply(let view):
          counters.replies += 1
          if machine.state == .ready { owner?.linkReceived(view) } else { greetingAnswered(view) }
          guard epoch == began else { return }
        }
      }
    }
  }

  // MARK: - The machine's actions

  private func perform(_ action: RedisLinkStateMachine.Action) {
    switch action {
    case .none: break
    case .connect: connect()
    case .greet(let steps):
      _ = append { writer in for step in steps { step.write(to: &writer) } }
      poll?.watch(.readable)
    case .announceReady:
      counters.connects += 1
      health = LinkHealth(options, now: loop.nowMilliseconds)
      timer?.start(
        afterMilliseconds: options.checkEveryMilliseconds,
        repeatingMilliseconds: options.checkEveryMilliseconds)
      owner?.linkBecameReady()
    case .retryLater(let wait, let wasReady):
      let reason = machine.lastFailure ?? .closedByServer
      dropSocket()
      timer?.start(afterMilliseconds: wait)
      if wasReady {
        counters.linksLost += 1
        owner?.linkWentDown(reason)
      } else {
        counters.connectFailures += 1
        owner?.linkAttemptFailed(reason)
      }
    case .closeSocket(let wasReady):
      dropSocket()
      timer?.close()
      timer = nil
      if wasReady { owner?.linkWentDown(.closed) }
    }
  }

  func fail(_ reason: RedisLinkDown) { perform(machine.failed(reason, using: &random)) }

  private func timerFired() {
    switch machine.state {
    case .connecting, .greeting:
      fail(.connectTimedOut(milliseconds: options.connectTimeoutMilliseconds))
    case .ready: checkHealth()
    case .waiting: perform(machine.retry())
    case .down, .closed: break
    }
  }

  private func greetingAnswered(_ view: RedisReplyView) {
    perform(machine.greetingAnswered(RedisLinkStateMachine.GreetingAnswer(view), using: &random))
  }

  /// Forgets the socket and all that belongs to this connection. What the owner still waits for is
  /// its own to end; `written` stays until the next connection so that it can ask `hasLeft`.
  private func dropSocket() {
    epoch &+= 1
    lookup?.close()
    lookup = nil
    poll?.close()
    poll = nil
    socket = nil
    addresses = []
    output.consume(output.count)
    blocked = false
    refused = false
    reader.reset()
  }

  // MARK: - Connecting

  private func connect() {
    written = 0
    timer?.start(afterMilliseconds: options.connectTimeoutMilliseconds)
    switch url.address {
    case .unix(let path):
      addresses = [.unix(path: path)]
      tryAddresses(after: nil)
    case .tcp(let host, let port):
      if case .success(let found) = SocketAddress.lookUp(host: host, port: port, isNumeric: true) {
        addresses = found
        return tryAddresses(after: nil)
      }
      lookup = HostLookup(loop: loop, host: host, port: port) { [unowned self] result in
        lookup = nil
        switch result {
        case .success(let found):
          addresses = found
          tryAddresses(after: nil)
        case .failure(let error): fail(.hostNotFound(error.reason))
        }
      }
      if lookup == nil { fail(.hostNotFound("\(host): no thread to look it up")) }
    }
  }

  /// Connects to the first address that does not refuse at once.
  private func tryAddresses(after lastCode: Int32?) {
    var code = lastCode
    while !addresses.isEmpty {
      let address = addresses.removeFirst()
      switch open(address) {
      case .connected: return perform(machine.connected())
      case .underWay:
        poll?.watch(.writable)
        return
      case .failed(let reason): code = reason
      }
    }
    fail(.connectFailed(code ?? 0))
  }

  private func open(_ address: SocketAddress) -> LinkSocket.Connecting {
    poll?.close()
    poll = nil
    guard let fresh = LinkSocket(family: address.family) else {
      return .failed(LinkSocket.lastError)
    }
    let result = fresh.connect(to: address)
    if case .failed = result { return result }
    do {
      poll = try LoopPoll(loop: loop, fd: fresh.descriptor) { [unowned self] in pollFired($0) }
    } catch {
      return .failed(-error.code)
    }
    socket = consume fresh
    return result
  }

  private func connectEnded() {
    guard let result = socket?.connectResult() else { return }
    switch result {
    case .connected: perform(machine.connected())
    case .underWay: break
    case .failed(let code):
      poll?.close()
      poll = nil
      socket = nil
      tryAddresses(after: code)
    }
  }
}
