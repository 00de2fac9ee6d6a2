import EventLoops

/// Runs `body` with a loop on its own thread, which is stopped and joined afterwards.
func withLoop<T>(
  _ name: String = "test", _ body: (EventLoop) async throws -> T
) async throws -> T {
  let loop = try EventLoop.start(name: name)
  do {
    let result = try await body(loop)
    loop.stop()
    loop.join()
    return result
  } catch {
    loop.stop()
    loop.join()
    throw error
  }
}

/// A flag or count that several threads may touch.
final class Shared<Value: Sendable>: Sendable {
  private let state: Locked<Value>
  init(_ value: Value) { state = Locked(value) }
  var value: Value { state.withLock { $0 } }
  func update(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}

/// Loop-bound objects handed between closures of one loop in a test.
/// `@unchecked Sendable`: used on that loop's thread only.
final class LoopBox<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// Suspends until `begin`, which runs on the loop, calls its argument.
func onLoop(
  _ loop: EventLoop, _ begin: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
) async {
  await withCheckedContinuation { continuation in
    loop.submit { begin { continuation.resume() } }
  }
}
