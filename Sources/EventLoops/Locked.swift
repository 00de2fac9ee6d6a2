import Glibc

/// A value behind a pthread mutex, for the few things that several threads share.
///
/// Not `Synchronization.Mutex`: that one is built on the futex call itself in a library that is not
/// instrumented, so ThreadSanitizer reports every use as a race. pthread's mutex it understands.
public final class Locked<Value>: @unchecked Sendable {  // the mutex guards `value`
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  public init(_ value: Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    let code = pthread_mutex_init(mutex, nil)
    precondition(code == 0, "pthread_mutex_init: \(code)")
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  public func withLock<R>(_ body: (inout Value) throws -> R) rethrows -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
