// A trap of libwebsockets 4.1.6 on libuv: where connect() fails at once (no route to the address, no
// port left), it closes the socket and frees the connection, but not the uv_poll_t that watched it. The
// loop could never end. So what such a failure leaves behind is found and closed here.
import CUV
import EventLoops
import Glibc

enum PollHandles {
  typealias Handle = UnsafeMutablePointer<uv_handle_t>

  private final class Found {
    var handles: Set<Handle> = []
  }

  /// The polls of a loop that are not closing. Loop's thread.
  static func all(on loop: EventLoop) -> Set<Handle> {
    let found = Found()
    uv_walk(
      loop.uv,
      { handle, argument in
        guard let handle, let argument, handle.pointee.type == UV_POLL, uv_is_closing(handle) == 0
        else { return }
        // `found` outlives this synchronous walk.
        Unmanaged<Found>.fromOpaque(argument).takeUnretainedValue().handles.insert(handle)
      }, Unmanaged.passUnretained(found).toOpaque())
    return found.handles
  }

  /// Closes what came since, and frees it: libwebsockets made it by its allocator, which is libc's.
  static func closeLeaked(on loop: EventLoop, except before: Set<Handle>) {
    for handle in all(on: loop).subtracting(before) { uv_close(handle) { free($0) } }
  }
}
