// One session with one server: the shell around HostWalk (while it connects) and PipelineStateMachine
// (while it serves). It owns the connection, its poll and the statements under way, and is owned by a
// pool or a listener. It lives once: after `linkEnded` it is thrown away, and its owner makes another.
//
// Invariants: everything runs on the loop's thread. `connection` is nil exactly when nothing serves or
// connects; whoever called out looks again before going on. The poll is closed before the connection,
// whose socket it watches. Each statement given to `send` hears of its end exactly once.
import CLibpq
import EventLoops

protocol PostgresLinkOwner: AnyObject {
  func linkBecameReady(_ link: PostgresLink)
  /// A host of the walk failed; the walk goes on.
  func linkHostFailed(_ link: PostgresLink, _ reason: PostgresDown)
  /// No session could be had, or the session is over. Comes once, and not after `close`.
  func linkEnded(_ link: PostgresLink, _ reason: PostgresDown, wasReady: Bool)
  /// A statement is over.
  func linkProgressed(_ link: PostgresLink, _ statement: PendingStatement)
  func linkNotified(_ link: PostgresLink, channel: String, payload: String)
}

final class PostgresLink {
  enum State { case idle, connecting, ready, ended }

  let loop: EventLoop
  let location: PostgresLocation
  let options: PostgresOptions
  /// Its owner's number for it.
  let slot: Int
  unowned let owner: any PostgresLinkOwner
  private(set) var state = State.idle
  /// A plan of it no longer fits the schema: give it no more work, close it when it is empty.
  private(set) var isOutdated = false

  private var walk: HostWalk
  private var host: PostgresLocation.Host?
  private var lookup: HostLookup?
  private(set) var connection: LinkConnection?
  private var poll: LoopPoll?
  private var timer: LoopTimer?

  /// A COPY under way; the connection is then out of pipeline mode.
  var copy: CopyRun?

  private var pipeline = PipelineStateMachine()
  private var underWay: [PipelineStateMachine.ID: PendingStatement] = [:]
  private var lastID: PipelineStateMachine.ID = 0
  private let writer = ParameterWriter()
  /// Texts of prepared names, to catch a name used twice.
  private var preparedTexts: [String: String] = [:]
  /// The last errors of preparing, for entries that relied on it.
  private var prepareErrors: [String: PostgresError] = [:]

  init(
    loop: EventLoop, location: PostgresLocation, options: PostgresOptions, firstHost: Int,
    slot: Int, owner: any PostgresLinkOwner
  ) {
    self.loop = loop
    self.location = location
    self.options = options
    self.slot = slot
    self.owner = owner
    walk = HostWalk(hosts: location.hosts, first: firstHost)
  }

  deinit {
    precondition(state == .idle || state == .ended, "a PostgreSQL link was dropped without close")
  }

  /// Of the host that serves.
  var hostIndex: Int { walk.index }
  var load: Int { pipeline.count + (copy == nil ? 0 : 1) }
  var processID: Int32 { connection?.processID ?? 0 }
  func headAge(now: UInt64) -> UInt64 { pipeline.headAge(now: now) }

  func start() {
    loop.preconditionInLoop()
    precondition(state == .idle)
    state = .connecting
    timer = LoopTimer(loop: loop) { [unowned self] in connectTimedOut() }
    nextHost()
  }

  /// Ends it; statements under way fail, the owner hears nothing more.
  func close() {
    loop.preconditionInLoop()
    guard state != .ended else { return }
    state = .ended
    dropConnection()
    timer?.close()
    failAll(timedOutBefore: nil, server: nil)
  }

  /// As `close`, and the owner is told why.
  func end(_ reason: PostgresDown, server: PostgresServerError? = nil) {
    guard state != .ended else { return }
    let wasReady = state == .ready
    state = .ended
    dropConnection()
    timer?.close()
    var limit: UInt64?
    if case .statementTimedOut(let milliseconds) = reason { limit = milliseconds }
    failAll(timedOutBefore: limit, server: server)
    owner.linkEnded(self, reason, wasReady: wasReady)
  }

  private func dropConnection() {
    lookup?.close()
    lookup = nil
    poll?.close()
    poll = nil
    connection = nil
  }

  /// `timedOutBefore`: those that waited so long are told so.
  private func failAll(timedOutBefore limit: UInt64?, server: PostgresServerError?) {
    let now = loop.nowMilliseconds
    failCopy(timedOut: copy.map { $0.isLate(now: now, limit: limit) } ?? false, server: server)
    for (index, entry) in pipeline.removeAll().enumerated() {
      guard let statement = underWay.removeValue(forKey: entry.id) else { continue }
      let late = limit.map { entry.sentAt + $0 <= now } ?? false
      // What the server said last it said to the statement that it worked at.
      statement.fail(statement.lossError(timedOut: late, server: index == 0 ? server : nil))
      statement.finish()
    }
  }

  // MARK: - Connecting

  private func nextHost() {
    switch walk.next() {
    case .lookUp(let host):
      self.host = host
      armTimer()
      lookup = HostLookup(loop: loop, host: host.host, port: host.port) { [unowned self] result in
        lookup = nil
        switch result {
        case .success(let addresses): walk.found(addresses.compactMap(\.numericHost))
        case .failure(let error): hostFailed(.hostNotFound(error.reason))
        }
        if state == .connecting, connection == nil, lookup == nil { nextHost() }
      }
      if lookup == nil {
        hostFailed(.hostNotFound("\(host.host): no thread to look it up"))
        if state == .connecting { nextHost() }
      }
    case .connect(let host, let address):
      self.host = host
      armTimer()
      connect(host, address)
    case .exhausted(let reason): end(reason)
    }
  }

  private func armTimer() { timer?.start(afterMilliseconds: options.connectMilliseconds) }

  private func hostFailed(_ reason: PostgresDown) {
    dropConnection()
    walk.failed(reason)
    owner.linkHostFailed(self, reason)
  }

  private func connectTimedOut() {
    guard state == .connecting else { return }
    let host = host?.description ?? ""
    hostFailed(.connectTimedOut(host: host, milliseconds: options.connectMilliseconds))
    if state == .connecting { nextHost() }
  }

  private func connect(_ host: PostgresLocation.Host, _ address: String) {
    let parameters = SessionSettings.parameters(
      location, host: host, address: address, options: options)
    connection = LinkConnection(parameters)
    // libpq: after PQconnectStart behave as if PQconnectPoll had said "writing".
    if let connection, !connection.isBad { watch(.writable) } else { connectFailed() }
  }

  private func connectFailed() {
    let message = connection?.message ?? "out of memory"
    hostFailed(ConnectFailure.reason(host: host?.description ?? "", message: message))
    if state == .connecting { nextHost() }
  }

  private func connectStep() {
    // libpq may close its socket here and open another of the same number, which the poll of the old
    // one would not notice: so a new poll after each step.
    poll?.close()
    poll = nil
    switch connection?.connectStep() {
    case .wantsRead: watch(.readable)
    case .wantsWrite: watch(.writable)
    case .connected:
      guard connection?.enterPipeline() == true else { return connectFailed() }
      state = .ready
      timer?.close()
      timer = nil
      watch(.readable)
      if state == .ready { owner.linkBecameReady(self) }
    case .failed, nil: connectFailed()
    }
  }

  func watch(_ events: LoopPoll.Events) {
    guard let socket = connection?.socket, socket >= 0 else { return lost("no socket") }
    if poll == nil {
      do {
        poll = try LoopPoll(loop: loop, fd: socket) { [unowned self] in pollFired($0) }
      } catch {
        return lost("\(error)")
      }
    }
    poll?.watch(events)
  }

  private func lost(_ reason: String) {
    guard state == .connecting else { return end(.lost(ResultText.bounded(reason))) }
    hostFailed(
      .connectFailed(host: host?.description ?? "", reason: ResultText.bounded(reason)))
    if state == .connecting { nextHost() }
  }

  // MARK: - Sending

  /// Sends `statement` now. Without a sync only BEGIN, right before another statement. Throws when it
  /// cannot be sent; then it is not under way.
  func send(_ statement: PendingStatement, hasSync: Bool = true) throws(PostgresError) {
    guard state == .ready, let connection else {
      throw PostgresError(.notConnected, statement: statement.text.name)
    }
    precondition(copy == nil, "a statement during COPY")
    let text = statement.text
    var isSent: Bool
    if let name = text.name {
      // May throw, so before anything is sent.
      try writer.write(statement.parameters, statement: name)
      isSent = true
      if pipeline.mustPrepare(name) {
        precondition(preparedTexts.count < PostgresLimits.statementsMax, "too many statements")
        preparedTexts[name] = text.sql
        isSent = connection.sendPrepare(name, text.sql, text.types)
      } else {
        precondition(preparedTexts[name] == text.sql, "two statements are called \(name)")
      }
      isSent = isSent && connection.sendPrepared(name, writer)
    } else {
      isSent = connection.sendPlain(text.sql)
    }
    if hasSync { isSent = isSent && connection.sendSync() }
    lastID &+= 1
    underWay[lastID] = statement
    pipeline.sent(lastID, name: text.name, hasSync: hasSync, now: loop.nowMilliseconds)
    // Part of it may have left: what became of it is known only by the end of the connection.
    guard isSent else { return end(.lost(ResultText.bounded(connection.message))) }
    if hasSync { flush() }
  }

  private func flush() {
    guard let connection else { return }
    switch connection.flush() {
    case 0: watch(.readable)
    case 1: watch([.readable, .writable])
    // The reason is read from the socket, where the server's last words may still lie.
    default: watch(.readable)
    }
  }

  // MARK: - Receiving

  private func pollFired(_ events: LoopPoll.Events) {
    if state == .connecting { return connectStep() }
    guard state == .ready, let connection else { return }
    let isAlive = connection.consumeInput()
    if let copy { drainCopy(copy) } else { drain() }
    guard state == .ready, self.connection === connection else { return }
    guard isAlive else { return endOfInput(connection) }
    guard events.contains(.writable) else { return }
    if let copy { flushCopy(copy) } else { flush() }
  }

  private func endOfInput(_ connection: LinkConnection) {
    // An error that came while nothing was under way is a notice to libpq: the session's last words.
    if let notice = connection.lastNotice, notice.isFatal {
      return end(
        .endedByServer(sqlState: notice.sqlState, reason: notice.message), server: notice)
    }
    end(.lost(ResultText.bounded(connection.message)))
  }

  private func drain() {
    while let connection, !pipeline.isEmpty, !connection.isBusy {
      if let result = connection.nextResult() {
        defer { PQclear(result) }
        received(result)
      } else {
        perform(pipeline.ended(now: loop.nowMilliseconds), nil)
      }
    }
    // Parses what came outside of statements too.
    while let connection, let (channel, payload) = connection.nextNotification() {
      owner.linkNotified(self, channel: channel, payload: payload)
    }
  }

  private func received(_ result: OpaquePointer) {
    let now = loop.nowMilliseconds
    switch PQresultStatus(result) {
    case PGRES_PIPELINE_SYNC: perform(pipeline.synced(now: now), nil)
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
      perform(pipeline.received(.success), result)
    case PGRES_PIPELINE_ABORTED: perform(pipeline.received(.aborted), nil)
    case PGRES_FATAL_ERROR:
      let error = ResultText.serverError(result)
      if error.isFatal {
        return end(.endedByServer(sqlState: error.sqlState, reason: error.message), server: error)
      }
      // Without a code it is libpq's own: the connection is lost, or it lost its place.
      if error.sqlState.isEmpty { return end(.lost(error.message)) }
      perform(pipeline.received(.error(sqlState: error.sqlState)), result, error)
    case let status:
      end(.protocolViolated("result status \(status.rawValue), COPY is for transactions alone"))
    }
  }

  private func perform(
    _ action: PipelineStateMachine.Action, _ result: OpaquePointer?,
    _ error: PostgresServerError? = nil
  ) {
    switch action {
    case .none: break
    case .take(let id):
      guard let statement = underWay[id] else { return }
      if let error { failed(statement, error) } else if let result { took(statement, result) }
    case .takeFailedPrepare(let id, let name):
      guard let statement = underWay[id], let error else { return }
      if let first = prepareErrors[name] { statement.fail(first) } else { failed(statement, error) }
    case .skip(let id):
      underWay[id]?.fail(
        PostgresError(
          .server, statement: underWay[id]?.text.name, reason: "skipped, the transaction had failed"
        )
      )
    case .finish(let id):
      guard let statement = underWay.removeValue(forKey: id) else { return }
      statement.finish()
      owner.linkProgressed(self, statement)
    case .violated(let reason): end(.protocolViolated(reason))
    }
  }

  private func took(_ statement: PendingStatement, _ result: OpaquePointer) {
    // Nobody waits any more: no need to read the rows.
    guard !statement.isFinished else { return }
    do throws(PostgresError) { try statement.take(result) } catch { statement.fail(error) }
  }

  private func failed(_ statement: PendingStatement, _ server: PostgresServerError) {
    let name = statement.text.name
    // 57014: cancelled, by statement_timeout or by an administrator; it had no effect.
    let code: PostgresError.Code =
      server.sqlState == "57014" ? .timedOut(mayHaveExecuted: false) : .server
    let error = PostgresError(code, statement: name, server: server)
    statement.fail(error)
    guard let name else { return }
    if pipeline.mustPrepare(name) {
      preparedTexts[name] = nil
      prepareErrors[name] = error
    }
    // "cached plan must not change result type", or the name is gone: a fresh session prepares anew.
    if server.sqlState == "0A000" || server.sqlState == "26000" { isOutdated = true }
  }

  // MARK: - Time

  /// Ends what took too long; called a few times per timeout.
  func check() {
    if let copy { return check(copy) }
    guard state == .ready, !pipeline.isEmpty else { return }
    let now = loop.nowMilliseconds
    let limit = options.statementMilliseconds
    if pipeline.isOverdue(now: now, limit: limit) {
      return end(.statementTimedOut(milliseconds: limit))
    }
    // Those behind a slow one: they may still execute, nobody waits for them any more.
    for id in pipeline.expired(now: now, limit: limit) {
      guard let statement = underWay[id], !statement.isFinished else { continue }
      statement.fail(statement.lossError(timedOut: true, server: nil))
      statement.finish()
    }
  }
}
