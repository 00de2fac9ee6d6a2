public import EventLoops

/// Runs `body` on a fresh loop with a thread of its own, which is stopped and joined afterwards: a
/// handle that `body` leaves open ends the test process.
public func withLoop<T: Sendable>(
  _ name: String = "test", _ body: @escaping @Sendable (EventLoop) async throws -> T
) async throws -> T {
  let loop = try EventLoop.start(name: name)
  let result = await Task(executorPreference: loop) { try await body(loop) }.result
  loop.stop()
  loop.join()
  return try result.get()
}

extension EventLoop {
  /// Lets the loop turn until `condition` holds; false when it does not within the time.
  public func wait(
    milliseconds: UInt64 = 5_000, until condition: () -> Bool
  ) async -> Bool {
    let deadline = EventLoop.monotonicNanoseconds + milliseconds * 1_000_000
    while !condition() {
      guard EventLoop.monotonicNanoseconds < deadline else { return false }
      await sleep(milliseconds: 1)
    }
    return true
  }
}
