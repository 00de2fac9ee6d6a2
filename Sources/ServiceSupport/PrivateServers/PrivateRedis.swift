// A redis-server of our own: a supervised child on a Unix socket in the state directory.
//
// It has no TCP port. It is started through `setpriv --pdeathsig KILL`, so the kernel ends it when
// the spawning thread ends, however that comes about: it must live on the main thread's loop. The
// shell between them closes the gap between fork and prctl: a parent that is gone by then is no
// longer its parent, and the child does not start. `setsid` keeps a terminal's Ctrl-C from it: it is
// stopped in order, after its clients.
//
// A server that ends by itself is started again after a growing pause. Belongs to its loop's thread.
public import EventLoops
import Glibc
public import Logging

public final class PrivateRedis {
  public enum Role: Sendable {
    /// Prices and cache: nothing on disk, writes refused when the memory is full.
    case market
    /// An append-only file, synced every second.
    case durable

    var name: String {
      switch self {
      case .market: "redis"
      case .durable: "redis-durable"
      }
    }
  }

  public let socketPath: String
  /// `unix:///...`, as `--redis` takes it.
  public var url: String { "unix://" + socketPath }
  /// Times it was started again.
  public private(set) var restarts = 0
  public var processID: Int32? { process?.isRunning == true ? process?.processID : nil }

  private enum State {
    case idle
    case starting
    case running
    case waiting
    case stopping
    case stopped
  }

  private let loop: EventLoop
  private let directory: StateDirectory
  private let role: Role
  private let logger: Logger
  private let executable: String
  private var state = State.idle
  private var process: LoopProcess?
  private var probe: RedisProbe?
  private var timer: LoopTimer?
  private var policy = RestartPolicy()
  private var startedAt: UInt64 = 0
  private var lastAnswer = "no answer"
  private var started: CheckedContinuation<Result<Void, ServiceSupportError>, Never>?
  private var stopped: [CheckedContinuation<Void, Never>] = []

  /// `executable` is looked up in PATH.
  public init(
    loop: EventLoop, directory: StateDirectory, role: Role, logger: Logger,
    executable: String = "redis-server"
  ) {
    loop.preconditionInLoop()
    self.loop = loop
    self.directory = directory
    self.role = role
    self.logger = logger
    self.executable = executable
    socketPath = directory.file(role.name + ".sock")
  }

  /// Starts it and suspends until it has answered a PING. From then on it is supervised.
  public func start() async throws(ServiceSupportError) {
    loop.preconditionInLoop()
    precondition(state == .idle, "PrivateRedis.start twice")
    // The directory is locked, so this can only be somebody who was started by hand.
    if await answers() {
      throw ServiceSupportError(.occupied, "\(socketPath): a Redis that is not ours answers there")
    }
    guard state == .idle else { throw ServiceSupportError(.server, "\(role.name): stopped") }
    timer = LoopTimer(loop: loop) { [unowned self] in tick() }
    let result = await withCheckedContinuation { continuation in
      started = continuation
      launch()
    }
    try result.get()
  }

  /// SIGTERM, and SIGKILL after a bound; suspends until it has ended.
  public func stop() async {
    loop.preconditionInLoop()
    switch state {
    case .stopped: return
    case .idle, .waiting: return ended()
    case .starting, .running:
      state = .stopping
      probe?.close()
      process?.send(signal: SIGTERM)
      timer?.start(afterMilliseconds: ServiceSupportLimits.serverStopMilliseconds)
    case .stopping: break
    }
    await withCheckedContinuation { stopped.append($0) }
  }

  // MARK: - Starting

  private func launch() {
    state = .starting
    startedAt = loop.nowMilliseconds
    unlink(socketPath)  // stale: the directory is ours and our server is not running
    do {
      let log = try openLog()
      defer { close(log) }
      process = try LoopProcess(
        loop: loop, executable: "setpriv", arguments: arguments(), environment: environment(),
        output: log
      ) { [unowned self] exit in exited(exit) }
    } catch {
      state = .waiting
      return failedOrRetry("cannot be started: \(error)")
    }
    timer?.start(afterMilliseconds: ServiceSupportLimits.probeIntervalMilliseconds)
  }

  private func arguments() -> [String] {
    var arguments: [String] = [
      "--pdeathsig", "KILL", "--", "setsid", "--", "sh", "-c",
      #"test "$PPID" = "$0" || exit 1; exec "$@""#, "\(getpid())", executable,
    ]
    arguments += [
      "--port", "0", "--unixsocket", socketPath, "--unixsocketperm", "700",
      "--daemonize", "no", "--pidfile", "", "--logfile", "", "--dir", directory.path,
      "--save", "", "--maxmemory", "\(ServiceSupportLimits.redisMemoryBytesMax)",
      "--maxmemory-policy", "noeviction", "--always-show-logo", "no",
    ]
    switch role {
    case .market: arguments += ["--appendonly", "no"]
    case .durable:
      arguments += [
        "--appendonly", "yes", "--appendfsync", "everysec", "--appenddirname", "redis-durable",
      ]
    }
    return arguments
  }

  /// No more than it needs: our own environment may hold secrets.
  private func environment() -> [String] {
    ["PATH", "HOME", "LANG", "TZ"].compactMap { name in
      StateDirectory.environmentVariable(name).map { "\(name)=\($0)" }
    }
  }

  private var logPath: String { directory.file(role.name + ".log") }

  private func openLog() throws(ServiceSupportError) -> Int32 {
    var status = stat()
    if stat(logPath, &status) == 0, status.st_size > ServiceSupportLimits.serverLogBytesMax {
      rename(logPath, logPath + ".1")
    }
    let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard log >= 0 else {
      throw ServiceSupportError(.directory, "\(logPath): \(lastSystemError())")
    }
    return log
  }

  // MARK: - Watching

  /// The one timer: the next probe while starting, the restart while waiting, the kill while
  /// stopping.
  private func tick() {
    switch state {
    case .starting:
      guard
        loop.nowMilliseconds &- startedAt < ServiceSupportLimits.serverStartMilliseconds
      else {
        lastAnswer =
          "not ready within \(ServiceSupportLimits.serverStartMilliseconds) ms: "
          + lastAnswer
        process?.send(signal: SIGKILL)  // `exited` goes on from there
        return
      }
      probe = RedisProbe(loop: loop, path: socketPath) { [unowned self] in probed($0) }
      // Also when the probe gets no answer at all.
      timer?.start(afterMilliseconds: probeAgainMilliseconds)
    case .waiting:
      restarts += 1
      launch()
    case .stopping:
      logger.warning("\(role.name) did not end after SIGTERM; killing it")
      process?.send(signal: SIGKILL)
    case .idle, .running, .stopped: break
    }
  }

  /// Dense at first (a fresh server needs 20 ms), then each quarter second (an AOF takes seconds).
  private var probeAgainMilliseconds: UInt64 {
    loop.nowMilliseconds &- startedAt < 500 ? ServiceSupportLimits.probeIntervalMilliseconds : 250
  }

  private func probed(_ answer: RedisProbe.Answer) {
    guard state == .starting else { return }
    switch answer {
    case .refused: break
    case .notYet(let line): lastAnswer = line
    case .pong:
      state = .running
      timer?.stop()
      let took = loop.nowMilliseconds &- startedAt
      logger.debug("\(role.name) answers on \(socketPath) after \(took) ms")
      if restarts > 0 {
        logger.notice("\(role.name) runs again", metadata: ["restarts": "\(restarts)"])
      }
      finishStart(.success(()))
    }
  }

  private func exited(_ exit: LoopProcess.Exit) {
    process?.close()
    process = nil
    probe?.close()
    probe = nil
    timer?.stop()
    guard state != .stopping else { return ended() }
    state = .waiting
    let how = exit.signal != 0 ? "by signal \(exit.signal)" : "with status \(exit.status)"
    failedOrRetry("ended \(how)")
  }

  private func failedOrRetry(_ what: String) {
    guard started == nil else {
      // Never ran: a retry would only hide the reason.
      let line = LastLine.of(logPath).map { "; its log ends: \($0)" } ?? ""
      state = .stopped
      timer?.close()
      timer = nil
      return finishStart(
        .failure(
          ServiceSupportError(.server, "\(role.name) \(what) (\(lastAnswer))\(line)")))
    }
    let delay = policy.delay(livedMilliseconds: loop.nowMilliseconds &- startedAt)
    logger.warning("\(role.name) \(what); starting it again in \(delay) ms")
    timer?.start(afterMilliseconds: delay)
  }

  private func ended() {
    state = .stopped
    timer?.close()
    timer = nil
    probe?.close()
    probe = nil
    process?.close()
    process = nil
    unlink(socketPath)
    finishStart(.failure(ServiceSupportError(.server, "\(role.name): stopped before it was ready")))
    let waiting = stopped
    stopped = []
    for continuation in waiting { continuation.resume() }
  }

  private func finishStart(_ result: Result<Void, ServiceSupportError>) {
    started?.resume(returning: result)
    started = nil
  }

  /// Whether anybody answers on the socket; one who listens and says nothing counts too.
  private func answers() async -> Bool {
    let asking = Asking()
    return await withCheckedContinuation { continuation in
      let timer = LoopTimer(loop: loop) {
        asking.end()
        continuation.resume(returning: true)
      }
      asking.timer = timer
      timer.start(afterMilliseconds: ServiceSupportLimits.occupiedProbeMilliseconds)
      let probe = RedisProbe(loop: loop, path: socketPath) { answer in
        asking.end()
        continuation.resume(returning: answer != .refused)
      }
      if asking.timer != nil { asking.probe = probe }
    }
  }

  private final class Asking {
    var probe: RedisProbe?
    var timer: LoopTimer?

    func end() {
      probe?.close()
      timer?.close()
      timer = nil
    }
  }
}
