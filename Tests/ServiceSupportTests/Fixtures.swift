import EventLoops
import Glibc
import Logging
import ServiceSupport
import Synchronization

/// A fresh directory under /tmp, gone afterwards. Short, for sockets lie in it.
func withTemporaryDirectory<T>(_ body: (String) async throws -> T) async throws -> T {
  var template = Array("/tmp/tapedeck-XXXXXX".utf8CString)
  guard let made = mkdtemp(&template) else {
    throw ServiceSupportError(.directory, "mkdtemp: errno \(errno)")
  }
  let path = String(cString: made)
  defer { _ = run("rm", "-rf", path) }
  return try await body(path)
}

/// Runs `body` on a loop of its own thread, as a root task of that loop.
func onOwnLoop<T: Sendable>(
  _ body: @escaping @Sendable (EventLoop) async throws -> T
) async throws -> T {
  let loop = try EventLoop.start(name: "test")
  let task = Task(executorPreference: loop) { try await body(loop) }
  let result = await task.result
  loop.stop()
  loop.join()
  return try result.get()
}

/// Runs a program beside `body` and ends it afterwards. Its end is waited for: a child that nobody
/// reaps hides the end of every later exit test from Swift Testing, which waits for any child's.
func withBystander(
  _ loop: EventLoop, _ executable: String, _ arguments: [String],
  _ body: (Int32) async throws -> Void
) async throws {
  let output = open("/dev/null", O_WRONLY | O_CLOEXEC)
  defer { close(output) }
  let process = try LoopProcess(
    loop: loop, executable: executable, arguments: arguments, output: output
  ) { _ in }
  let result: Result<Void, any Error>
  do {
    result = .success(try await body(process.processID))
  } catch {
    result = .failure(error)
  }
  process.send(signal: SIGKILL)
  while process.isRunning { await loop.sleep(milliseconds: 1) }
  process.close()
  try result.get()
}

/// Collects the messages of a logger.
final class LogRecorder: Sendable {
  private let state = Locked<[String]>([])
  var lines: [String] { state.withLock { $0 } }

  func logger(level: Logger.Level = .trace) -> Logger {
    Logger(label: "test") { _ in Handler(recorder: self, level: level) }
  }

  private struct Handler: LogHandler {
    let recorder: LogRecorder
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(recorder: LogRecorder, level: Logger.Level) {
      self.recorder = recorder
      logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      recorder.state.withLock { $0.append("\(event.level.rawValue) \(event.message)") }
    }
  }
}

/// Holds a thread until it is opened.
final class Gate: Sendable {
  private let isOpen = Atomic<Bool>(false)
  func open() { isOpen.store(true, ordering: .releasing) }
  func wait() { while !isOpen.load(ordering: .acquiring) { usleep(1_000) } }
}

/// A thread that computes a status.
final class PlainThread: Sendable {
  private let work: @Sendable () -> Int32
  private let done = Locked<(@Sendable (Int32) -> Void)?>(nil)

  private init(_ work: @escaping @Sendable () -> Int32) { self.work = work }

  /// Runs `work` on a thread of its own, outside of any task, as a main thread runs.
  static func status(_ work: @escaping @Sendable () -> Int32) async -> Int32 {
    let thread = PlainThread(work)
    return await withCheckedContinuation { continuation in
      thread.start { continuation.resume(returning: $0) }
    }
  }

  private func start(_ done: @escaping @Sendable (Int32) -> Void) {
    self.done.withLock { $0 = done }
    var thread = pthread_t()
    let me = Unmanaged.passRetained(self).toOpaque()  // released by the thread
    pthread_create(
      &thread, nil,
      { argument in
        let box = Unmanaged<PlainThread>.fromOpaque(argument!).takeRetainedValue()
        let status = box.work()
        box.done.withLock { $0 }?(status)
        return nil
      }, me)
    pthread_detach(thread)
  }
}
