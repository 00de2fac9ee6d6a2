import CUV

/// The memory of one libuv handle and the object that its callbacks reach, kept until libuv has
/// confirmed the close: a handle must not move or go while libuv knows it (libuv: "uv_close ... This
/// MUST be called on each handle before memory is released").
struct LoopHandle<Raw> {
  let raw: UnsafeMutablePointer<Raw>

  init() { raw = .allocate(capacity: 1) }

  private var handle: UnsafeMutablePointer<uv_handle_t> {
    UnsafeMutableRawPointer(raw).assumingMemoryBound(to: uv_handle_t.self)
  }

  /// Stores `target` for `LoopHandle.target`; retained until the close is confirmed.
  func attach(_ target: AnyObject) {
    handle.pointee.data = Unmanaged.passRetained(target).toOpaque()  // released in `close`
  }

  /// The object behind a handle in a callback; alive, since `attach` retained it.
  static func target<T: AnyObject>(_ data: UnsafeMutableRawPointer?, as type: T.Type) -> T {
    Unmanaged<T>.fromOpaque(data!).takeUnretainedValue()
  }

  /// Gives back the memory of a handle whose init failed, which libuv does not know.
  func discard() { raw.deallocate() }

  func close() {
    uv_close(handle) { handle in
      guard let handle else { return }
      Unmanaged<AnyObject>.fromOpaque(handle.pointee.data).release()
      UnsafeMutableRawPointer(handle).deallocate()
    }
  }
}

/// What a callback of a handle calls. `call` is emptied at close, which breaks the cycle of an owner
/// that holds the handle whose closure holds the owner.
final class HandleTarget<Argument> {
  var call: ((Argument) -> Void)?
  init(_ call: @escaping (Argument) -> Void) { self.call = call }
}
