// A bounded set of sessions with one database and the callers who share them: the shell around
// PoolStateMachine. It holds the links by slot and the callers by request, and performs what the
// machine decides.
//
// Invariants: everything runs on the loop's thread. Every caller hears exactly once: a result, an
// error, or a refusal. Nothing is ever sent twice. `close` leaves nothing open.
public import EventLoops

/// Connections to one database, on one loop: create, use and `close` it on that loop's thread, in
/// tasks that have the loop as their executor.
public final class PostgresPool {
  public let loop: EventLoop
  public let location: PostgresLocation
  public let options: PostgresOptions

  /// A connection serves: the first since the start or since `onDown`.
  public var onReady: (() -> Void)?
  /// The last connection is gone.
  public var onDown: ((PostgresDown) -> Void)?
  /// Worth a log line: a connection lost while others serve, a host or an attempt that failed.
  public var onProblem: ((PostgresDown) -> Void)?

  private var machine: PoolStateMachine
  private var random: any RandomNumberGenerator
  private var links: [PostgresLink?]
  /// Who waits for a connection, by request.
  private var waiting: [PoolStateMachine.Request: Waiter] = [:]
  private var tickTimer: LoopTimer?
  private var retryTimer: LoopTimer?
  private var isTicking = false
  private var preferredHost = 0
  private var lastDown = PostgresDown.closed
  var tallied = PostgresPoolCounters()

  private enum Waiter {
    case statement(PendingStatement)
    case transaction(LoopWait<Lease>)
  }

  /// What a transaction gets: a connection of its own, or why not. The connection itself and not its
  /// slot, for which it may have been replaced before the caller's task goes on. `@unchecked
  /// Sendable`: it goes from the loop to a task on the same loop.
  enum Lease: @unchecked Sendable {
    case link(PostgresLink)
    case refused(PostgresError)
  }

  /// Does nothing before `start`.
  public init(
    loop: EventLoop, location: PostgresLocation, options: PostgresOptions = PostgresOptions(),
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) {
    self.loop = loop
    self.location = location
    self.options = options
    self.random = random
    machine = PoolStateMachine(options: options)
    links = Array(repeating: nil, count: options.poolMax)
  }

  public func start() {
    loop.preconditionInLoop()
    guard tickTimer == nil else { return }
    tickTimer = LoopTimer(loop: loop) { [unowned self] in tick() }
    retryTimer = LoopTimer(loop: loop) { [unowned self] in perform(machine.retry()) }
    perform(machine.start())
  }

  /// Ends it for good: waiting callers and statements under way fail, nothing is left open. No
  /// callback comes after it.
  public func close() {
    loop.preconditionInLoop()
    onReady = nil
    onDown = nil
    onProblem = nil
    perform(machine.close())
    tickTimer?.close()
    retryTimer?.close()
  }

  /// Whether a connection serves.
  public var isReady: Bool { machine.isReady }

  /// Why the last connection or attempt ended.
  public var lastFailure: PostgresDown { lastDown }

  public var counters: PostgresPoolCounters {
    var counters = tallied
    counters.connections = machine.readyCount
    counters.statementsUnderWay = links.reduce(0) { $0 + ($1?.load ?? 0) }
    counters.waiters = machine.waiterCount
    return counters
  }

  /// Whether a connection serves within so many milliseconds. For start-up; `onReady` is for the rest.
  public func waitUntilReady(milliseconds: UInt64) async -> Bool {
    loop.preconditionInLoop()
    let deadline = loop.nowMilliseconds + milliseconds
    while !isReady {
      guard loop.nowMilliseconds < deadline, !Task.isCancelled else { return false }
      await loop.sleep(milliseconds: min(10, deadline - loop.nowMilliseconds))
    }
    return true
  }

  // MARK: - Statements

  /// Runs one statement in a transaction of its own and returns its rows. A write that returns here
  /// has been committed. A cancelled task gets `.cancelled` at once; what was sent goes on.
  public func query<Row: Sendable>(
    _ statement: PostgresStatement<Row>, _ parameters: [PostgresParameter] = []
  ) async throws(PostgresError) -> [Row] {
    try await run(statement, parameters).rows
  }

  /// As `query`; returns how many rows it changed (or returned).
  @discardableResult
  public func execute(
    _ statement: PostgresStatement<Void>, _ parameters: [PostgresParameter] = []
  ) async throws(PostgresError) -> Int {
    try await run(statement, parameters).count
  }

  private func run<Row: Sendable>(
    _ statement: PostgresStatement<Row>, _ parameters: [PostgresParameter]
  ) async throws(PostgresError) -> StatementRun<Row> {
    loop.preconditionInLoop()
    guard !Task.isCancelled else { throw PostgresError(.cancelled, statement: statement.name) }
    let run = StatementRun(statement, parameters, .alone, on: loop)
    let (request, answer, actions) = machine.request(
      .shared, now: loop.nowMilliseconds, headAge: headAge)
    switch answer {
    case .assigned(let slot): begin(run, slot)
    case .waits: waiting[request] = .statement(run)
    case .refused(let refusal):
      perform(actions)
      throw refused(refusal, statement.name)
    }
    perform(actions)
    do throws(PostgresError) { try await run.outcome() } catch {
      if error.code == .cancelled { stopWaiting(request) }
      throw error
    }
    return run
  }

  private func begin(_ statement: PendingStatement, _ slot: Int) {
    tallied.statements += 1
    guard let link = links[slot] else { preconditionFailure("a slot without its link") }
    do throws(PostgresError) { try link.send(statement) } catch {
      statement.fail(error)
      statement.finish()
      perform(machine.released(slot, now: loop.nowMilliseconds, headAge: headAge))
    }
  }

  func stopWaiting(_ request: PoolStateMachine.Request) {
    guard waiting.removeValue(forKey: request) != nil else { return }
    machine.cancel(request)
  }

  // MARK: - Transactions

  /// A connection for one transaction; give it back by `giveBack`.
  func lease() async throws(PostgresError) -> PostgresLink {
    loop.preconditionInLoop()
    guard !Task.isCancelled else { throw PostgresError(.cancelled) }
    let (request, answer, actions) = machine.request(
      .exclusive, now: loop.nowMilliseconds, headAge: headAge)
    tallied.transactions += 1
    switch answer {
    case .assigned(let slot):
      guard let link = links[slot] else { preconditionFailure("a slot without its link") }
      perform(actions)
      return link
    case .refused(let refusal):
      perform(actions)
      throw refused(refusal, nil)
    case .waits: break
    }
    let wait = LoopWait<Lease>(loop: loop)
    waiting[request] = .transaction(wait)
    perform(actions)
    switch await wait.value(ifCancelled: .refused(PostgresError(.cancelled))) {
    case .link(let link): return link
    case .refused(let error):
      if error.code == .cancelled { stopWaiting(request) }
      throw error
    }
  }

  func giveBack(_ link: PostgresLink) {
    // Lost in the meantime: its slot may serve somebody else already.
    guard links[link.slot] === link, link.state == .ready else { return }
    perform(
      machine.released(
        link.slot, isUsable: !link.isOutdated, now: loop.nowMilliseconds, headAge: headAge))
  }

  // MARK: - What the machine decides

  private func perform(_ actions: [PoolStateMachine.Action]) {
    for action in actions {
      switch action {
      case .connect(let slot):
        let link = PostgresLink(
          loop: loop, location: location, options: options, firstHost: preferredHost, slot: slot,
          owner: self)
        links[slot] = link
        link.start()
      case .close(let slot, let reason):
        let link = links[slot]
        links[slot] = nil
        link?.close()
        if reason == .planOutdated { onProblem?(reason) }
      case .assign(let request, let slot): assign(request, slot)
      case .refuse(let request, let refusal): refuse(request, refusal)
      case .retryAfter(let milliseconds): retryTimer?.start(afterMilliseconds: milliseconds)
      case .announceReady: onReady?()
      case .announceDown: onDown?(lastDown)
      }
    }
    if machine.isInUse { keepTicking() }
  }

  private func assign(_ request: PoolStateMachine.Request, _ slot: Int) {
    switch waiting.removeValue(forKey: request) {
    // An earlier action of the same list may have lost the link, which then gave the slot up.
    case let waiter? where links[slot]?.state != .ready:
      finish(waiter, PostgresError(.notConnected))
    case .statement(let statement)?: begin(statement, slot)
    case .transaction(let wait)?:
      // Cancelled a moment ago: nobody would give it back.
      if let link = links[slot], !wait.finish(.link(link)) { giveBack(link) }
    case nil: if let link = links[slot] { giveBack(link) }
    }
  }

  private func refuse(_ request: PoolStateMachine.Request, _ refusal: PoolStateMachine.Refusal) {
    guard let waiter = waiting.removeValue(forKey: request) else { return }
    finish(waiter, refused(refusal, nil))
  }

  private func finish(_ waiter: Waiter, _ error: PostgresError) {
    switch waiter {
    case .statement(let statement):
      statement.fail(
        PostgresError(error.code, statement: statement.text.name, reason: error.reason))
      statement.finish()
    case .transaction(let wait): wait.finish(.refused(error))
    }
  }

  private func refused(
    _ refusal: PoolStateMachine.Refusal, _ statement: String?
  ) -> PostgresError {
    switch refusal {
    case .full:
      tallied.refusedFull += 1
      return PostgresError(.full, statement: statement)
    case .late:
      tallied.refusedLate += 1
      guard machine.readyCount > 0 else {
        return PostgresError(
          .notConnected, statement: statement, reason: "no answer yet from \(location)")
      }
      return PostgresError(.waitTimedOut, statement: statement)
    case .notConnected:
      return PostgresError(.notConnected, statement: statement, reason: "\(lastDown)")
    case .closed: return PostgresError(.closed, statement: statement)
    }
  }

  // MARK: - Time

  private var headAge: PoolStateMachine.HeadAge {
    let now = loop.nowMilliseconds
    return { [self] slot in links[slot]?.headAge(now: now) ?? 0 }
  }

  /// Ticks fast while something could take too long, slowly while connections may grow idle.
  private func keepTicking() {
    guard !isTicking else { return }
    isTicking = true
    let least = min(options.statementMilliseconds, options.waitMilliseconds)
    let period = min(max(least / 20, 5), 100)
    tickTimer?.start(afterMilliseconds: period, repeatingMilliseconds: period)
  }

  private func tick() {
    for link in links { link?.check() }
    perform(machine.tick(now: loop.nowMilliseconds, headAge: headAge))
    guard !machine.isInUse else { return }
    isTicking = false
    let period = max(options.idleMilliseconds / 4, 10)
    tickTimer?.start(afterMilliseconds: period, repeatingMilliseconds: period)
  }
}

extension PostgresPool: PostgresLinkOwner {
  func linkBecameReady(_ link: PostgresLink) {
    tallied.connects += 1
    preferredHost = link.hostIndex
    perform(machine.connected(link.slot, now: loop.nowMilliseconds, headAge: headAge))
  }

  func linkHostFailed(_ link: PostgresLink, _ reason: PostgresDown) {
    if location.hosts.count > 1 { onProblem?(reason) }
  }

  func linkEnded(_ link: PostgresLink, _ reason: PostgresDown, wasReady: Bool) {
    lastDown = reason
    if wasReady { tallied.connectionsLost += 1 } else { tallied.connectFailures += 1 }
    guard links[link.slot] === link else { return }
    links[link.slot] = nil
    onProblem?(reason)
    perform(machine.lost(link.slot, using: &random))
  }

  func linkProgressed(_ link: PostgresLink, _ statement: PendingStatement) {
    count(statement.error)
    // The transaction gives its slot back as a whole.
    guard statement.place == .alone, links[link.slot] === link else { return }
    perform(
      machine.released(
        link.slot, isUsable: !link.isOutdated, now: loop.nowMilliseconds, headAge: headAge))
  }

  private func count(_ error: PostgresError?) {
    switch error?.code {
    case .server: tallied.errors += 1
    case .timedOut: tallied.timeouts += 1
    default: break
    }
  }

  func linkNotified(_ link: PostgresLink, channel: String, payload: String) {}
}
