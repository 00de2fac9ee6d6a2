// LISTEN on a session of its own: the shell around ListenerStateMachine. One link at a time, replaced
// when it ends; a probe while it is quiet, since a server that only stopped answering sends nothing.
//
// Invariants: everything runs on the loop's thread. `onListening` comes once per session, after the
// server acknowledged every LISTEN; `onLost` once per `onListening`.
public import EventLoops

/// LISTEN on a connection of its own, which it makes again when it is lost. Create, use and `close`
/// it on its loop's thread. What was notified between `onLost` and `onListening` is lost: read the
/// state anew after `onListening`.
public final class PostgresListener {
  public let loop: EventLoop
  public let location: PostgresLocation
  public let channels: [String]
  public let options: PostgresOptions

  /// A notification, in the order of the server's commits. `payload` is empty when there is none.
  public var onNotify: ((_ channel: String, _ payload: String) -> Void)?
  /// Every LISTEN is acknowledged, first or again: what is committed from now on is notified.
  public var onListening: (() -> Void)?
  /// The connection that listened is gone.
  public var onLost: ((PostgresDown) -> Void)?
  /// An attempt to connect or to listen failed; the next one comes by itself.
  public var onAttemptFailed: ((PostgresDown) -> Void)?

  private var machine: ListenerStateMachine
  private var random: any RandomNumberGenerator
  private var current: PostgresLink?
  private var timer: LoopTimer?
  private var preferredHost = 0
  private var askedAt: UInt64 = 0

  /// Does nothing before `start`.
  public init(
    loop: EventLoop, location: PostgresLocation, channels: [String],
    options: PostgresOptions = PostgresOptions(),
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) {
    precondition(!channels.isEmpty && channels.count <= PostgresLimits.channelsMax)
    for channel in channels {
      let bytes = channel.utf8
      precondition(
        !bytes.isEmpty && bytes.count <= PostgresLimits.statementNameBytesMax && !bytes.contains(0))
    }
    self.loop = loop
    self.location = location
    self.channels = channels
    self.options = options
    self.random = random
    machine = ListenerStateMachine(options: options, channels: channels.count)
  }

  public func start() {
    loop.preconditionInLoop()
    guard timer == nil else { return }
    timer = LoopTimer(loop: loop) { [unowned self] in timerFired() }
    perform(machine.start())
  }

  /// Ends it for good; nothing is left open and no callback comes after it.
  public func close() {
    loop.preconditionInLoop()
    onNotify = nil
    onListening = nil
    onLost = nil
    onAttemptFailed = nil
    perform(machine.close())
    timer?.close()
  }

  public var isListening: Bool { machine.state == .listening }

  /// Of the session; 0 without one. For whoever wants to find it in `pg_stat_activity`.
  public var serverProcessID: Int32 { current?.processID ?? 0 }

  // MARK: - What the machine decides

  private func perform(_ action: ListenerStateMachine.Action) {
    switch action {
    case .none: break
    case .connect:
      let link = PostgresLink(
        loop: loop, location: location, options: options, firstHost: preferredHost, slot: 0,
        owner: self)
      current = link
      link.start()
    case .listen:
      for channel in channels { listen(channel) }
      startTicking()
    case .announceListening: onListening?()
    case .retryAfter(let milliseconds, let wasListening, let reason):
      timer?.start(afterMilliseconds: milliseconds)
      if wasListening { onLost?(reason) } else { onAttemptFailed?(reason) }
    case .closeLink:
      current?.close()
      current = nil
    }
  }

  private func listen(_ channel: String) {
    // An identifier in quotes; quotes inside are doubled.
    let quoted = channel.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"")
    ask("LISTEN \"\(quoted)\"") { [unowned self] in perform(machine.acknowledged()) }
  }

  private func ask(_ sql: String, _ answered: @escaping () -> Void) {
    guard let link = current else { return }
    askedAt = loop.nowMilliseconds
    let statement = ControlStatement(sql, .inTransaction) { [unowned link] statement in
      guard let error = statement.error else { return answered() }
      // Lost links say so themselves; a refused LISTEN has to be tried on another session.
      guard error.code != .connectionLost(mayHaveExecuted: false) else { return }
      link.end(
        .refused(host: "", sqlState: error.sqlState ?? "", reason: error.server?.message ?? ""))
    }
    do throws(PostgresError) { try link.send(statement) } catch { link.end(.lost("\(error)")) }
  }

  // MARK: - Time

  private func startTicking() {
    let period = max(5, min(options.probeMilliseconds, options.statementMilliseconds) / 10)
    timer?.start(afterMilliseconds: period, repeatingMilliseconds: period)
  }

  private func timerFired() {
    if machine.state == .waiting {
      timer?.stop()
      return perform(machine.retry())
    }
    guard let link = current, link.state == .ready else { return }
    link.check()
    guard link.state == .ready, link.load == 0,
      loop.nowMilliseconds >= askedAt + options.probeMilliseconds
    else { return }
    ask("SELECT 1") {}
  }
}

extension PostgresListener: PostgresLinkOwner {
  func linkBecameReady(_ link: PostgresLink) {
    preferredHost = link.hostIndex
    perform(machine.connected())
  }

  func linkHostFailed(_ link: PostgresLink, _ reason: PostgresDown) {}

  func linkEnded(_ link: PostgresLink, _ reason: PostgresDown, wasReady: Bool) {
    guard current === link else { return }
    current = nil
    perform(machine.lost(reason, using: &random))
  }

  func linkProgressed(_ link: PostgresLink, _ statement: PendingStatement) {}

  func linkNotified(_ link: PostgresLink, channel: String, payload: String) {
    onNotify?(channel, payload)
  }
}
