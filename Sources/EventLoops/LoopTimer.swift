import CUV

/// A timer of one loop, in milliseconds of the monotonic clock. Belongs to the loop's thread.
///
/// It holds `fire` until `close`, so an owner that is captured there lives as long.
public final class LoopTimer {
  private let loop: EventLoop
  private let handle = LoopHandle<uv_timer_t>()
  private let target: HandleTarget<Void>
  private var closed = false

  public init(loop: EventLoop, _ fire: @escaping () -> Void) {
    loop.preconditionInLoop()
    self.loop = loop
    target = HandleTarget(fire)
    uv_timer_init(loop.uv, handle.raw)
    handle.attach(target)
  }

  deinit { close() }

  /// Fires once after `afterMilliseconds`, counted from the start of this turn, then each
  /// `repeatingMilliseconds` unless that is 0. A timer under way starts anew.
  public func start(afterMilliseconds: UInt64, repeatingMilliseconds: UInt64 = 0) {
    loop.preconditionInLoop()
    precondition(!closed, "LoopTimer.start after close")
    uv_timer_start(
      handle.raw,
      { raw in
        let target = LoopHandle<uv_timer_t>.target(raw!.pointee.data, as: HandleTarget<Void>.self)
        target.call?(())
      }, afterMilliseconds, repeatingMilliseconds)
  }

  public func stop() {
    loop.preconditionInLoop()
    guard !closed else { return }
    uv_timer_stop(handle.raw)
  }

  public var isActive: Bool {
    !closed
      && uv_is_active(UnsafeMutableRawPointer(handle.raw).assumingMemoryBound(to: uv_handle_t.self))
        != 0
  }

  /// Ends it for good; more than once is allowed.
  public func close() {
    guard !closed else { return }
    loop.preconditionInLoop()
    closed = true
    target.call = nil
    handle.close()
  }
}
