// A server program of our own as a supervised child: started, probed until it answers, started again
// after a growing pause when it ends by itself, stopped by one signal after the other.
//
// `PrivateRedis` and `PrivatePostgres` say what is started and how it is asked. The kernel ends the
// child when the spawning thread ends, however that comes about, by the parent-death signal that
// `ServerCommand` sets: it must live on the main thread's loop. Belongs to its loop's thread.
import EventLoops
import Glibc
import Logging

/// What a probe of a server says.
enum ServerAnswer: Equatable {
  case ready
  /// It is there but not ready; why.
  case notYet(String)
  /// Nobody listens.
  case refused
}

/// A question to a server that is under way.
protocol ServerProbe: AnyObject {
  func close()
}

final class SupervisedServer {
  /// What one server is. The closures are called on the loop's thread.
  struct Plan {
    let name: String
    let logPath: String
    /// Before each launch: removes what a dead predecessor left. What still stands in the way is
    /// returned, and asked about again; `insists` is true when patience has run out.
    let prepare: (_ insists: Bool) throws(ServiceSupportError) -> String?
    let command: () -> ServerCommand
    /// Asks the server once. The answer may come before this returns.
    let probe: (_ answered: @escaping (ServerAnswer) -> Void) -> (any ServerProbe)?
    /// Signals of a stop, and how long each may take; SIGKILL follows the last.
    let stop: [(signal: Int32, milliseconds: UInt64)]
    /// After its end by a stop.
    let cleanUp: () -> Void
  }

  /// Times it was started again.
  private(set) var restarts = 0
  var processID: Int32? { process?.isRunning == true ? process?.processID : nil }

  private enum State {
    case idle
    case starting
    case running
    case waiting
    case stopping(step: Int)
    case stopped
  }

  private let loop: EventLoop
  private let plan: Plan
  private let logger: Logger
  private var state = State.idle
  private var process: LoopProcess?
  private var probe: (any ServerProbe)?
  private var timer: LoopTimer?
  private var policy = RestartPolicy()
  private var startedAt: UInt64 = 0
  private var lastAnswer = "no answer"
  private var started: CheckedContinuation<Result<Void, ServiceSupportError>, Never>?
  private var stopped: [CheckedContinuation<Void, Never>] = []

  init(loop: EventLoop, plan: Plan, logger: Logger) {
    loop.preconditionInLoop()
    self.loop = loop
    self.plan = plan
    self.logger = logger
  }

  /// Starts it and suspends until it answers. From then on it is supervised. Cancellation stops it.
  func start() async throws(ServiceSupportError) {
    loop.preconditionInLoop()
    switch state {
    case .idle: break
    case .stopped: throw stoppedEarly
    case .starting, .running, .waiting, .stopping:
      preconditionFailure("a server is started twice")
    }
    timer = LoopTimer(loop: loop) { [unowned self] in tick() }
    let stopper = Stopper(server: self)
    let loop = loop
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        started = continuation
        begin()
      }
    } onCancel: {
      loop.submit { stopper.stop() }
    }
    stopper.server = nil
    try result.get()
  }

  /// Suspends until it has ended.
  func stop() async {
    loop.preconditionInLoop()
    beginStop()
    if case .stopped = state { return }
    await withCheckedContinuation { stopped.append($0) }
  }

  /// Lets a cancellation, which comes from any thread, reach the server while its start is under way.
  /// `@unchecked Sendable`: touched on the server's loop only, by `start` and by submitted work.
  private final class Stopper: @unchecked Sendable {
    var server: SupervisedServer?
    init(server: SupervisedServer) { self.server = server }
    func stop() { server?.beginStop() }
  }

  // MARK: - Starting

  private func begin() {
    state = .starting
    startedAt = loop.nowMilliseconds
    launch()
  }

  private func launch() {
    do {
      let waited = loop.nowMilliseconds &- startedAt
      let insists = waited >= ServiceSupportLimits.predecessorMilliseconds
      if let obstacle = try plan.prepare(insists) {
        lastAnswer = obstacle
        guard waited < 2 * ServiceSupportLimits.predecessorMilliseconds else {
          return failedOrRetry("cannot be started")
        }
        timer?.start(afterMilliseconds: ServiceSupportLimits.predecessorProbeMilliseconds)
        return
      }
      let log = try openLog()
      defer { close(log) }
      process = try plan.command().spawn(loop: loop, output: log) { [unowned self] exit in
        exited(exit)
      }
    } catch {
      return failedOrRetry("cannot be started: \(error)")
    }
    timer?.start(afterMilliseconds: ServiceSupportLimits.probeIntervalMilliseconds)
  }

  private func openLog() throws(ServiceSupportError) -> Int32 {
    var status = stat()
    if stat(plan.logPath, &status) == 0, status.st_size > ServiceSupportLimits.serverLogBytesMax {
      rename(plan.logPath, plan.logPath + ".1")
    }
    let log = open(plan.logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard log >= 0 else {
      throw ServiceSupportError(.directory, "\(plan.logPath): \(lastSystemError())")
    }
    return log
  }

  // MARK: - Watching

  /// The one timer: the next probe while starting, the restart while waiting, the next signal while
  /// stopping.
  private func tick() {
    switch state {
    case .starting:
      guard process != nil else { return launch() }  // a predecessor was in the way
      guard
        loop.nowMilliseconds &- startedAt < ServiceSupportLimits.serverStartMilliseconds
      else {
        lastAnswer =
          "not ready within \(ServiceSupportLimits.serverStartMilliseconds) ms: "
          + lastAnswer
        process?.send(signal: SIGKILL)  // `exited` goes on from there
        return
      }
      // Before the probe, which may answer at once; and for the case that it never does.
      timer?.start(afterMilliseconds: probeAgainMilliseconds)
      probe = plan.probe { [unowned self] in probed($0) }
    case .waiting:
      restarts += 1
      begin()
    case .stopping(let step):
      logger.warning("\(plan.name) did not end after \(Self.name(of: plan.stop[step].signal))")
      signal(step: step + 1)
    case .idle, .running, .stopped: break
    }
  }

  /// Dense at first (a fresh server needs 20 ms), then each quarter second (a long log takes
  /// seconds).
  private var probeAgainMilliseconds: UInt64 {
    loop.nowMilliseconds &- startedAt < 500 ? ServiceSupportLimits.probeIntervalMilliseconds : 250
  }

  private func probed(_ answer: ServerAnswer) {
    guard case .starting = state else { return }
    switch answer {
    case .refused: break
    case .notYet(let line): lastAnswer = line
    case .ready:
      state = .running
      timer?.stop()
      let took = loop.nowMilliseconds &- startedAt
      logger.debug("\(plan.name) answers after \(took) ms")
      if restarts > 0 {
        logger.notice("\(plan.name) runs again", metadata: ["restarts": "\(restarts)"])
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
    if case .stopping = state { return ended() }
    let how = exit.signal != 0 ? "by signal \(exit.signal)" : "with status \(exit.status)"
    failedOrRetry("ended \(how)")
  }

  private func failedOrRetry(_ what: String) {
    guard started == nil else {
      // Never ran: a retry would only hide the reason.
      let line = LastLine.of(plan.logPath).map { "; its log ends: \($0)" } ?? ""
      state = .stopped
      timer?.close()
      timer = nil
      return finishStart(
        .failure(ServiceSupportError(.server, "\(plan.name) \(what) (\(lastAnswer))\(line)")))
    }
    state = .waiting
    let delay = policy.delay(livedMilliseconds: loop.nowMilliseconds &- startedAt)
    logger.warning("\(plan.name) \(what); starting it again in \(delay) ms")
    timer?.start(afterMilliseconds: delay)
  }

  // MARK: - Stopping

  private func beginStop() {
    switch state {
    case .stopped, .stopping: break
    case .idle, .waiting: ended()
    case .starting, .running:
      probe?.close()
      probe = nil
      if process == nil { ended() } else { signal(step: 0) }
    }
  }

  private func signal(step: Int) {
    guard step < plan.stop.count else {
      process?.send(signal: SIGKILL)
      return
    }
    state = .stopping(step: step)
    process?.send(signal: plan.stop[step].signal)
    timer?.start(afterMilliseconds: plan.stop[step].milliseconds)
  }

  private func ended() {
    state = .stopped
    timer?.close()
    timer = nil
    probe?.close()
    probe = nil
    process?.close()
    process = nil
    plan.cleanUp()
    finishStart(.failure(stoppedEarly))
    let waiting = stopped
    stopped = []
    for continuation in waiting { continuation.resume() }
  }

  private var stoppedEarly: ServiceSupportError {
    ServiceSupportError(.server, "\(plan.name): stopped before it was ready")
  }

  private func finishStart(_ result: Result<Void, ServiceSupportError>) {
    started?.resume(returning: result)
    started = nil
  }

  private static func name(of signal: Int32) -> String {
    switch signal {
    case SIGTERM: "SIGTERM"
    case SIGINT: "SIGINT"
    case SIGQUIT: "SIGQUIT"
    default: "signal \(signal)"
    }
  }
}
