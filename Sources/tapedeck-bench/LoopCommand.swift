import ArgumentParser
import CUV
import EventLoops
import Glibc

/// What it costs to come back to a loop: the figures behind `EventLoops`' rules.
struct LoopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loop",
    abstract: "An await on one loop, a resumed continuation, a hop from outside.")

  @Option(help: "Repetitions of each.") var count = 200_000

  func run() throws {
    let loop = try EventLoop.start(name: "bench")
    let count = count
    LoopCommand.blocking { await LoopCommand.measure(loop, count) }
    loop.stop()
    loop.join()
  }

  private static func measure(_ loop: EventLoop, _ count: Int) async {
    let here = LoopActor(loop: loop)
    report("await on one loop", count, await here.awaitNeighbour(count))
    report(
      "continuation resumed on the loop", count,
      await Task(executorPreference: loop) { await LoopActor.resumeContinuations(loop, count) }
        .value)
    let fewer = max(count / 20, 1)
    report("hop from the global pool and back", fewer, await hops(loop, fewer))
    report("submit from another thread", count, await submits(loop, count))
  }

  private static func hops(_ loop: EventLoop, _ count: Int) async -> Cost {
    let start = Cost.now(loop)
    for _ in 0..<count { _ = try? await loop.run { 1 } }
    return await Cost.since(start, loop)
  }

  private static func submits(_ loop: EventLoop, _ count: Int) async -> Cost {
    let start = Cost.now(loop)
    for _ in 0..<count { loop.submit {} }
    _ = try? await loop.run { 1 }
    return await Cost.since(start, loop)
  }

  private static func report(_ name: String, _ count: Int, _ cost: Cost) {
    func each(_ nanoseconds: UInt64) -> String { "\(nanoseconds / UInt64(count)) ns" }
    let padding = String(repeating: " ", count: max(1, 36 - name.count))
    print("\(name)\(padding)\(each(cost.wall)) wall, \(each(cost.loop)) of the loop's CPU")
  }

  /// The synchronous main waits here: an async one would park inside libdispatch.
  static func blocking(_ body: @escaping @Sendable () async -> Void) {
    let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    sem_init(done, 0, 0)
    let posted = Semaphore(raw: done)
    Task {
      await body()
      sem_post(posted.raw)
    }
    sem_wait(done)
    sem_destroy(done)
    done.deallocate()
  }

  /// `@unchecked Sendable`: POSIX semaphores are made for several threads.
  private struct Semaphore: @unchecked Sendable { let raw: UnsafeMutablePointer<sem_t> }
}

/// Wall time and the loop thread's CPU time, in nanoseconds.
struct Cost: Sendable {
  var wall: UInt64
  var loop: UInt64

  static func now(_ loop: EventLoop) -> Cost {
    Cost(wall: EventLoop.monotonicNanoseconds, loop: loop.inLoop ? threadNanoseconds() : 0)
  }

  /// Since `start`; where that was taken outside the loop, only the wall time is known.
  static func since(_ start: Cost, _ loop: EventLoop) async -> Cost {
    let wall = EventLoop.monotonicNanoseconds - start.wall
    guard loop.inLoop else { return Cost(wall: wall, loop: 0) }
    return Cost(wall: wall, loop: threadNanoseconds() - start.loop)
  }

  static func threadNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// An actor that lives on the loop.
private actor LoopActor {
  private let loop: EventLoop
  private var calls = 0

  init(loop: EventLoop) { self.loop = loop }

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  func awaitNeighbour(_ count: Int) async -> Cost {
    let other = LoopActor(loop: loop)
    let start = Cost.now(loop)
    for _ in 0..<count { await other.call() }
    let end = Cost.now(loop)
    return Cost(wall: end.wall - start.wall, loop: end.loop - start.loop)
  }

  private func call() { calls &+= 1 }

  static func resumeContinuations(_ loop: EventLoop, _ count: Int) async -> Cost {
    let start = Cost.now(loop)
    for _ in 0..<count {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        loop.submit { continuation.resume() }
      }
    }
    let end = Cost.now(loop)
    return Cost(wall: end.wall - start.wall, loop: end.loop - start.loop)
  }
}
