// One libuv loop on one thread, as a serial executor (actors live on it), a task executor (tasks
// resume on it without a detour over the global pool) and the home of timers, sockets and the C
// libraries.
//
// A turn: timers, then `prepare`: run jobs, end the turn; then poll: callbacks; then `check`: run
// jobs, end the turn. So whatever a callback has caused leaves before the loop blocks again, in one
// write per socket.
//
// Invariants: everything but `submit`, `enqueue` and `stop` belongs to the loop's thread. The lock
// guards only the queue from other threads. While that queue is not empty exactly one wake-up is
// under way, however many jobs it gets.
public import CUV
import Glibc
import Synchronization

/// Gets one call at the end of a turn that it asked for by `EventLoop.atTurnEnd`.
public protocol TurnEndObserver: AnyObject {
  func loopTurnEnded()
}

/// A libuv loop that owns its thread. `@unchecked Sendable`: the mutable state below `remote` is
/// touched only on the loop's thread, which `preconditionInLoop` checks.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
  private enum Job {
    case swift(UnownedJob)
    case work(@Sendable () -> Void)
  }

  private struct Remote {
    var jobs: [Job] = []
    /// A wake-up is on its way; the loop clears it when it takes the jobs.
    var signalled = false
    var stopRequested = false
    var closed = false
  }

  public let name: String
  /// The C loop, for libraries that attach to it. Valid until `run` returns.
  public let uv: UnsafeMutablePointer<uv_loop_t>

  private let wake = UnsafeMutablePointer<uv_async_t>.allocate(capacity: 1)
  private let prepare = UnsafeMutablePointer<uv_prepare_t>.allocate(capacity: 1)
  private let check = UnsafeMutablePointer<uv_check_t>.allocate(capacity: 1)
  private let idle = UnsafeMutablePointer<uv_idle_t>.allocate(capacity: 1)

  private let remote = Locked(Remote())
  /// pthread_self() of the loop's thread; 0 before `run` and after it.
  private let threadID = Atomic<UInt>(0)
  private var thread: pthread_t?

  private var local: [Job] = []
  private var localHead = 0
  private var turnEnd: [any TurnEndObserver] = []
  private var turnEndSpare: [any TurnEndObserver] = []
  private var idleRunning = false
  /// Turns so far, for tests and metrics.
  public private(set) var turns: UInt64 = 0
  /// Wake-ups from other threads so far: less than the jobs they brought.
  public private(set) var wakeups: UInt64 = 0

  /// A loop that the caller will `run` on a thread of its own choice.
  public init(name: String) throws(EventLoopError) {
    self.name = name
    uv = .allocate(capacity: 1)
    try EventLoopError.check(uv_loop_init(uv), "uv_loop_init")
    let me = Unmanaged.passUnretained(self).toOpaque()  // the handles are closed before deinit
    wake.pointee.data = me
    prepare.pointee.data = me
    check.pointee.data = me
    idle.pointee.data = me
    try EventLoopError.check(
      uv_async_init(uv, wake) { EventLoop.from($0!.pointee.data).woken() }, "uv_async_init")
    uv_prepare_init(uv, prepare)
    uv_check_init(uv, check)
    uv_idle_init(uv, idle)
    wake.pointee.data = me
    prepare.pointee.data = me
    check.pointee.data = me
    idle.pointee.data = me
    uv_prepare_start(prepare) { EventLoop.from($0!.pointee.data).drain() }
    uv_check_start(check) { EventLoop.from($0!.pointee.data).drain() }
  }

  deinit {
    precondition(remote.withLock { $0.closed }, "EventLoop \(name) dropped without run and stop")
    wake.deallocate()
    prepare.deallocate()
    check.deallocate()
    idle.deallocate()
    uv.deallocate()
  }

  /// A loop on a thread of its own, running when this returns. End it by `stop` and `join`.
  public static func start(name: String) throws(EventLoopError) -> EventLoop {
    let loop = try EventLoop(name: name)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(loop).toOpaque()  // released by the thread
    let code = pthread_create(&thread, nil, EventLoop.threadMain, argument)
    guard code == 0 else {
      Unmanaged<EventLoop>.fromOpaque(argument).release()
      loop.stop()
      loop.run()
      throw EventLoopError(operation: "pthread_create", code: -code)
    }
    loop.thread = thread
    return loop
  }

  private static let threadMain:
    @convention(c) (UnsafeMutableRawPointer?) ->
      UnsafeMutableRawPointer? = { argument in
        let loop = Unmanaged<EventLoop>.fromOpaque(argument!).takeRetainedValue()
        uvx_name_thread(loop.name)
        loop.run()
        return nil
      }

  /// Waits for the end of the thread of a loop made by `start`. Not from the loop itself.
  public func join() {
    guard let thread else { return }
    precondition(!inLoop, "EventLoop.join on the loop's own thread")
    pthread_join(thread, nil)
    self.thread = nil
  }

  // MARK: - Running

  /// Runs until `stop`. When it returns, libuv has confirmed that nothing is left open; a handle
  /// that its owner did not close is a programmer's mistake and stops the process.
  public func run() {
    precondition(threadID.load(ordering: .relaxed) == 0, "EventLoop \(name) runs already")
    threadID.store(EventLoop.currentThread, ordering: .relaxed)
    while !remote.withLock({ $0.stopRequested }) { uv_run(uv, UV_RUN_DEFAULT) }
    finish()
    threadID.store(0, ordering: .relaxed)
  }

  /// Ends `run` after the turn under way. From any thread, more than once.
  public func stop() {
    remote.withLock { state in
      guard !state.closed else { return }
      state.stopRequested = true
      uv_async_send(wake)
    }
  }

  private func finish() {
    // What was handed over before the stop still runs: continuations must not be leaked.
    takeRemote()
    while localHead < local.count || !turnEnd.isEmpty { drain() }
    if remote.withLock({ state in
      if state.jobs.isEmpty { state.closed = true }
      return !state.closed
    }) {
      return finish()
    }
    uv_close(UnsafeMutableRawPointer(wake).assumingMemoryBound(to: uv_handle_t.self), nil)
    uv_close(UnsafeMutableRawPointer(prepare).assumingMemoryBound(to: uv_handle_t.self), nil)
    uv_close(UnsafeMutableRawPointer(check).assumingMemoryBound(to: uv_handle_t.self), nil)
    uv_close(UnsafeMutableRawPointer(idle).assumingMemoryBound(to: uv_handle_t.self), nil)
    // Two turns: one for close callbacks, one for what those close in turn.
    uv_run(uv, UV_RUN_NOWAIT)
    uv_run(uv, UV_RUN_NOWAIT)
    let code = uv_loop_close(uv)
    precondition(code == 0, "EventLoop \(name) stopped with open handles: \(openHandles())")
  }

  /// The libuv types of the handles that are still open, for the message of a failed stop.
  public func openHandles() -> [String] {
    final class Names { var list: [String] = [] }
    let names = Names()
    withExtendedLifetime(names) {
      uv_walk(
        uv,
        { handle, argument in
          guard let handle, let argument, let text = uv_handle_type_name(handle.pointee.type)
          else { return }
          let names = Unmanaged<Names>.fromOpaque(argument).takeUnretainedValue()
          names.list.append(String(cString: text))
        }, Unmanaged.passUnretained(names).toOpaque())  // alive during the walk, see above
    }
    return names.list
  }

  // MARK: - Isolation

  private static var currentThread: UInt { UInt(pthread_self()) }

  /// Whether the caller is on the loop's thread.
  public var inLoop: Bool { threadID.load(ordering: .relaxed) == EventLoop.currentThread }

  public func preconditionInLoop() {
    precondition(inLoop, "not on the thread of EventLoop \(name)")
  }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { .init(ordinary: self) }
  public func checkIsolated() { preconditionInLoop() }
  public func isIsolatingCurrentContext() -> Bool? { inLoop }

  // MARK: - Work

  /// For the Swift runtime. After `stop` has finished it traps: the task could never run.
  public func enqueue(_ job: consuming ExecutorJob) { add(.swift(UnownedJob(job))) }

  /// Runs `work` on the loop, in order with everything that is handed over by the same thread.
  public func submit(_ work: @escaping @Sendable () -> Void) { add(.work(work)) }

  /// Runs `body` on the loop and comes back with its result.
  public func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      submit { continuation.resume(with: Result { try body() }) }
    }
  }

  private func add(_ job: Job) {
    if inLoop {
      local.append(job)
      return
    }
    remote.withLock { state in
      precondition(!state.closed, "work for EventLoop \(name) after its stop")
      state.jobs.append(job)
      guard !state.signalled else { return }
      state.signalled = true
      uv_async_send(wake)  // under the lock: the handle cannot be closed meanwhile
    }
  }

  /// Calls `observer` once when the jobs of this turn are done. The observer sees to it itself that
  /// it asks only once a turn.
  public func atTurnEnd(_ observer: any TurnEndObserver) {
    assert(inLoop)
    turnEnd.append(observer)
  }

  private func woken() {
    wakeups &+= 1
    if remote.withLock({ $0.stopRequested }) { uv_stop(uv) }
    takeRemote()
  }

  private func takeRemote() {
    var taken: [Job] = []
    remote.withLock { state in
      (taken, state.jobs) = (state.jobs, [])
      state.signalled = false
    }
    local.append(contentsOf: taken)
  }

  private func drain() {
    turns &+= 1
    var budget = EventLoopLimits.jobsPerTurnMax
    for _ in 0..<EventLoopLimits.turnEndRoundsMax {
      runJobs(&budget)
      guard !turnEnd.isEmpty else { break }
      swap(&turnEnd, &turnEndSpare)
      for observer in turnEndSpare { observer.loopTurnEnded() }
      turnEndSpare.removeAll(keepingCapacity: true)
    }
    setIdle(localHead < local.count || !turnEnd.isEmpty)
  }

  private func runJobs(_ budget: inout Int) {
    let serial = asUnownedSerialExecutor()
    let task = asUnownedTaskExecutor()
    while localHead < local.count, budget > 0 {
      let job = local[localHead]
      localHead += 1
      budget -= 1
      switch job {
      case .swift(let job): job.runSynchronously(isolatedTo: serial, taskExecutor: task)
      case .work(let work): work()
      }
    }
    if localHead == local.count {
      local.removeAll(keepingCapacity: local.capacity <= EventLoopLimits.jobsPerTurnMax)
      localHead = 0
    } else if localHead >= EventLoopLimits.jobsPerTurnMax {
      // Never empty at a turn's end: give the used front back, else the array would only grow.
      local.removeFirst(localHead)
      localHead = 0
    }
  }

  /// An active idle handle keeps the poll from blocking; it runs only while work is left over.
  private func setIdle(_ on: Bool) {
    guard on != idleRunning else { return }
    idleRunning = on
    if on { uv_idle_start(idle) { _ in } } else { uv_idle_stop(idle) }
  }

  private static func from(_ data: UnsafeMutableRawPointer?) -> EventLoop {
    Unmanaged<EventLoop>.fromOpaque(data!).takeUnretainedValue()  // set in init, alive in run
  }
}
