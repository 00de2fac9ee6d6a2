import CUV

/// Receives one signal of the process on the loop's thread. One owner per signal: nothing else in
/// the process may handle the same one.
public final class LoopSignal {
  private let loop: EventLoop
  private let handle = LoopHandle<uv_signal_t>()
  private let target: HandleTarget<Void>
  private var closed = false

  public init(
    loop: EventLoop, signal: Int32, _ received: @escaping () -> Void
  ) throws(EventLoopError) {
    loop.preconditionInLoop()
    self.loop = loop
    target = HandleTarget(received)
    uv_signal_init(loop.uv, handle.raw)
    handle.attach(target)
    let code = uv_signal_start(
      handle.raw,
      { raw, _ in
        let target = LoopHandle<uv_signal_t>.target(
          raw!.pointee.data, as: HandleTarget<Void>.self)
        target.call?(())
      }, signal)
    guard code == 0 else {
      close()
      throw EventLoopError(operation: "uv_signal_start \(signal)", code: code)
    }
  }

  deinit { close() }

  /// Gives the signal its earlier disposition back; more than once is allowed.
  public func close() {
    guard !closed else { return }
    loop.preconditionInLoop()
    closed = true
    target.call = nil
    handle.close()
  }
}
