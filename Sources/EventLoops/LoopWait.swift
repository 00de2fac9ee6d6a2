import Synchronization

/// One value awaited on a loop. `@unchecked Sendable`: `continuation` and `result` are touched on the
/// loop's thread only; a cancelling thread goes through `submit`.
public final class LoopWait<Value: Sendable>: @unchecked Sendable {
  private let loop: EventLoop
  private let finished = Atomic<Bool>(false)
  private var continuation: UnsafeContinuation<Value, Never>?
  private var result: Value?

  public init(loop: EventLoop) { self.loop = loop }

  /// The first value counts; false: another came before, perhaps the one of a cancellation.
  @discardableResult
  public func finish(_ value: Value) -> Bool {
    guard !finished.exchange(true, ordering: .relaxed) else { return false }
    if let continuation {
      self.continuation = nil
      continuation.resume(returning: value)
    } else {
      result = value
    }
    return true
  }

  /// Waits for `finish`, cancelled or not. Once only, as below.
  public func value() async -> Value {
    if let result { return result }
    return await withUnsafeContinuation { continuation = $0 }
  }

  /// Waits for `finish`, or for the task's cancellation, which gives `cancelled` at once. Once only, in
  /// a task that has the loop as its executor.
  public func value(ifCancelled cancelled: Value) async -> Value {
    if let result { return result }
    if Task.isCancelled { return cancelled }
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        if let result {
          continuation.resume(returning: result)
        } else {
          self.continuation = continuation
        }
      }
    } onCancel: {
      // Finished: nobody waits, and the loop may be gone already.
      guard !finished.load(ordering: .relaxed) else { return }
      loop.submit { self.finish(cancelled) }
    }
  }
}
