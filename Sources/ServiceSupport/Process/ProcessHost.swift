// The life of a process: signals, start-up, waiting, stopping in reverse order within a bound.
//
// The main thread runs the main loop, so that signals and children live on a thread that exists as
// long as the process (a child's parent-death signal is bound to the thread that spawned it). The
// start-up is one async task on that loop. The first SIGTERM or SIGINT cancels it if it is still
// under way and runs the registered stops, last first; the second one exits at once; so does the
// bound. Children end with the process in every case.
//
// SIGHUP runs what `onHangup` registered, which loads again what can be; a process where nothing can be
// says so and goes on. Only one that was started on a terminal, which is gone now, stops: nobody could end
// it with Ctrl-C any more.
//
// swift-service-lifecycle is not used: its ServiceGroup runs each service as a child task and takes
// the signals, while here the services are loop-owned objects without a task and the signals belong
// to libuv. What is left of it would be an array and a timer.
public import EventLoops
import Glibc
public import Logging

/// `@unchecked Sendable`: everything but `loop` and `logger` is touched on the main loop's thread
/// only, which the methods check.
public final class ProcessHost: @unchecked Sendable {
  public typealias Body = (ProcessHost) async throws -> Void

  /// The main thread's loop. Spawn children here.
  public let loop: EventLoop
  public let logger: Logger
  /// Why the process stops, nil while it does not.
  public private(set) var stopReason: String?

  private struct Stop {
    let name: String
    let run: () async -> Void
  }

  private let name: String
  private var stopMilliseconds: UInt64
  /// _exit, which ends the process without closing anything; tests put something else here.
  private let exitNow: @Sendable (Int32) -> Void
  private var stops: [Stop] = []
  private var stopping: String?
  private var exitCode = ExitCode.success
  private var signals: [LoopSignal] = []
  private var bound: LoopTimer?
  private var bodyTask: Task<Void, any Error>?
  private var waiters: [CheckedContinuation<Void, Never>] = []
  private var hangups: [() async -> Void] = []
  private var hangup = Hangup.none
  private let hadTerminal = isatty(STDIN_FILENO) == 1

  private enum Hangup {
    case none, underWay
    /// Another one came meanwhile: files may have changed after they were read.
    case again
  }

  private init(
    name: String, logger: Logger, stopMilliseconds: UInt64,
    exitNow: @escaping @Sendable (Int32) -> Void
  ) throws(EventLoopError) {
    self.name = name
    self.logger = logger
    self.stopMilliseconds = stopMilliseconds
    self.exitNow = exitNow
    loop = try EventLoop(name: "main")
  }

  /// Runs a process until a signal or an error ends it, and returns the status to exit with. Call it
  /// from the main thread, outside of any task.
  ///
  /// `body` runs on the main loop: it starts what there is to run, registers how to stop it by
  /// `onStop`, and returns; the process then goes on until `requestStop`, `fail` or a signal. An
  /// error it throws is written as one line, `name: error`, after what had started is stopped.
  public static func run(
    name: String, logger: Logger,
    stopMilliseconds: UInt64 = ServiceSupportLimits.stopMilliseconds,
    _ body: sending @escaping Body
  ) -> Int32 {
    run(
      name: name, logger: logger, stopMilliseconds: stopMilliseconds, exitNow: { _exit($0) }, body)
  }

  static func run(
    name: String, logger: Logger, stopMilliseconds: UInt64,
    exitNow: @escaping @Sendable (Int32) -> Void, _ body: sending @escaping Body
  ) -> Int32 {
    signal(SIGPIPE, SIG_IGN)  // a peer that is gone shall be an error of write, not the end
    let host: ProcessHost
    do {
      host = try ProcessHost(
        name: name, logger: logger, stopMilliseconds: stopMilliseconds, exitNow: exitNow)
    } catch {
      complain("\(name): \(error)")
      return ExitCode.failure
    }
    OpenFiles.raiseLimit(logger)
    let box = BodyBox(body)
    host.loop.submit { host.begin(box) }
    host.loop.run()
    return host.exitCode
  }

  /// Hands the body to the loop's first job. `@unchecked Sendable`: `run` was `sending` it and does
  /// not touch it again.
  private final class BodyBox: @unchecked Sendable {
    let body: Body
    init(_ body: @escaping Body) { self.body = body }
  }

  // MARK: - For the body

  /// Registers how to stop something; run in reverse order of registration, on the main loop, once.
  public func onStop(_ name: String, _ stop: @escaping () async -> Void) {
    loop.preconditionInLoop()
    stops.append(Stop(name: name, run: stop))
  }

  /// Registers what SIGHUP does; run in order of registration, on the main loop, each time.
  public func onHangup(_ handler: @escaping () async -> Void) {
    loop.preconditionInLoop()
    hangups.append(handler)
  }

  /// Lets a stop take so much longer than usual, for one that takes its time on purpose.
  public func allowStop(milliseconds: UInt64) {
    loop.preconditionInLoop()
    stopMilliseconds += milliseconds
  }

  /// Begins an orderly stop with status 0; any thread, more than once.
  public func requestStop(_ reason: String) {
    loop.submit { self.beginStop(reason) }
  }

  /// Begins an orderly stop with the error's status; any thread. For what cannot be repaired while
  /// running.
  public func fail(_ error: any Error) {
    loop.submit {
      guard self.stopReason == nil else { return }
      self.report(error)
      self.beginStop("an error")
    }
  }

  /// Suspends until a stop begins.
  public func untilStop() async {
    loop.preconditionInLoop()
    guard stopReason == nil else { return }
    await withCheckedContinuation { waiters.append($0) }
  }

  // MARK: - The life

  private func begin(_ box: BodyBox) {
    do {
      for number in [SIGTERM, SIGINT] {
        signals.append(
          try LoopSignal(loop: loop, signal: number) { [unowned self] in received(number) })
      }
      signals.append(try LoopSignal(loop: loop, signal: SIGHUP) { [unowned self] in hungUp() })
    } catch {
      report(error)
      return finish()
    }
    let task = Task.immediate(executorPreference: loop) { try await box.body(self) }
    bodyTask = task
    // Not the same task: its cancellation must not reach the stops.
    Task.immediate(executorPreference: loop) { await self.live(task) }
  }

  private func live(_ body: Task<Void, any Error>) async {
    do {
      try await body.value
      if stopReason == nil { await untilStop() }
    } catch {
      // Once the stop has begun, an error of the start-up is its echo.
      if stopReason == nil {
        report(error)
        beginStop("the start failed")
      }
    }
    while let stop = stops.popLast() {
      stopping = stop.name
      await stop.run()
    }
    finish()
  }

  private func received(_ number: Int32) {
    let name = number == SIGINT ? "SIGINT" : "SIGTERM"
    guard stopReason == nil else {
      logger.warning("\(name) again: exiting at once")
      return exitNow(128 + number)
    }
    beginStop(name)
  }

  private func hungUp() {
    guard stopReason == nil else { return }
    if hadTerminal, isatty(STDIN_FILENO) == 0 { return beginStop("the terminal is gone") }
    guard !hangups.isEmpty else {
      return logger.info("SIGHUP: there is nothing to load again")
    }
    guard hangup == .none else {
      hangup = .again
      return
    }
    Task.immediate(executorPreference: loop) {
      repeat {
        self.hangup = .underWay
        for handler in self.hangups { await handler() }
      } while self.hangup == .again
      self.hangup = .none
    }
  }

  private func beginStop(_ reason: String) {
    guard stopReason == nil else { return }
    stopReason = reason
    logger.info("stopping: \(reason)")
    let timer = LoopTimer(loop: loop) { [unowned self] in
      let left = stopping ?? "the start-up"
      Self.complain("\(name): \(left) did not stop within \(stopMilliseconds) ms; exiting")
      exitNow(ExitCode.failure)
    }
    timer.start(afterMilliseconds: stopMilliseconds)
    bound = timer
    bodyTask?.cancel()
    let waiting = waiters
    waiters = []
    for waiter in waiting { waiter.resume() }
  }

  private func finish() {
    for signal in signals { signal.close() }
    signals = []
    bound?.close()
    bound = nil
    if stopReason != nil { logger.info("stopped") }
    loop.stop()
  }

  private func report(_ error: any Error) {
    exitCode = (error as? any ExitCodeError)?.exitCode ?? ExitCode.failure
    Self.complain("\(name): \(error)")
  }

  /// Straight to standard error: this line must come whatever the log level is.
  private static func complain(_ line: String) { LogOutput.standardError.write(line) }
}
