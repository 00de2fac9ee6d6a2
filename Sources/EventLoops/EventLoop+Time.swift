import CUV
import Glibc

extension EventLoop {
  /// Milliseconds of the monotonic clock, read once a turn.
  public var nowMilliseconds: UInt64 { uv_now(uv) }

  /// Nanoseconds of CLOCK_MONOTONIC, read now.
  public static var monotonicNanoseconds: UInt64 { read(CLOCK_MONOTONIC) }

  /// Nanoseconds of CLOCK_BOOTTIME, read now: it goes on while the machine is suspended, so a lease
  /// measured by it is never believed for too long.
  public static var bootNanoseconds: UInt64 { read(CLOCK_BOOTTIME) }

  /// Nanoseconds since 1970 by the machine's wall clock, which may jump.
  public static var wallNanoseconds: Int64 { Int64(bitPattern: read(CLOCK_REALTIME)) }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Suspends for at least `milliseconds`, on a timer of the loop. Ends early, without an error, when
  /// the task is cancelled.
  public func sleep(milliseconds: UInt64) async {
    let sleeper = Sleeper(loop: self)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        submit { sleeper.begin(continuation, milliseconds: milliseconds) }
      }
    } onCancel: {
      submit { sleeper.end() }
    }
  }
}

/// One sleep under way. `@unchecked Sendable`: every call comes on the loop's thread, by `submit`
/// from the cancelling one.
private final class Sleeper: @unchecked Sendable {
  private let loop: EventLoop
  private var timer: LoopTimer?
  private var continuation: CheckedContinuation<Void, Never>?
  private var ended = false

  init(loop: EventLoop) { self.loop = loop }

  func begin(_ continuation: CheckedContinuation<Void, Never>, milliseconds: UInt64) {
    guard !ended else { return continuation.resume() }
    self.continuation = continuation
    timer = LoopTimer(loop: loop) { [unowned self] in end() }
    timer?.start(afterMilliseconds: milliseconds)
  }

  func end() {
    ended = true
    timer?.close()
    timer = nil
    continuation?.resume()
    continuation = nil
  }
}
