import CUV

/// Watches a file descriptor that somebody else owns and closes (after `close` here). Belongs to the
/// loop's thread.
public final class LoopPoll {
  public struct Events: OptionSet, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let readable = Events(rawValue: Int32(UV_READABLE.rawValue))
    public static let writable = Events(rawValue: Int32(UV_WRITABLE.rawValue))
    public static let disconnected = Events(rawValue: Int32(UV_DISCONNECT.rawValue))
  }

  private let loop: EventLoop
  private let handle = LoopHandle<uv_poll_t>()
  private let target: HandleTarget<Events>
  private var watched: Events = []
  private var closed = false

  /// `ready` gets the events that came; on an error of the descriptor all that were watched, so that
  /// the next read or write finds out what it is.
  public init(
    loop: EventLoop, fd: Int32, _ ready: @escaping (Events) -> Void
  ) throws(EventLoopError) {
    loop.preconditionInLoop()
    self.loop = loop
    target = HandleTarget(ready)
    let code = uv_poll_init(loop.uv, handle.raw, fd)
    guard code == 0 else {
      handle.discard()
      closed = true
      throw EventLoopError(operation: "uv_poll_init", code: code)
    }
    handle.attach(target)
  }

  deinit { close() }

  /// Watches exactly these from now on; the same set again costs nothing.
  public func watch(_ events: Events) {
    loop.preconditionInLoop()
    precondition(!closed, "LoopPoll.watch after close")
    guard events != watched else { return }
    watched = events
    guard !events.isEmpty else {
      uv_poll_stop(handle.raw)
      return
    }
    uv_poll_start(handle.raw, events.rawValue) { raw, status, events in
      let target = LoopHandle<uv_poll_t>.target(raw!.pointee.data, as: HandleTarget<Events>.self)
      target.call?(status < 0 ? [.readable, .writable] : Events(rawValue: events))
    }
  }

  /// Ends it for good; more than once is allowed. The descriptor may be closed after this.
  public func close() {
    guard !closed else { return }
    loop.preconditionInLoop()
    closed = true
    target.call = nil
    uv_poll_stop(handle.raw)
    handle.close()
  }
}
