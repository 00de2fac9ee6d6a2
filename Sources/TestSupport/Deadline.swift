import EventLoops

/// A point in time on the monotonic clock.
public struct Deadline {
  private let end: UInt64

  public init(milliseconds: Int32) {
    end = EventLoop.monotonicNanoseconds + UInt64(max(0, milliseconds)) * 1_000_000
  }

  public var hasPassed: Bool { EventLoop.monotonicNanoseconds >= end }

  public var millisecondsLeft: Int32 {
    let now = EventLoop.monotonicNanoseconds
    return now >= end ? 0 : Int32((end - now) / 1_000_000) + 1
  }
}

/// Asks until the answer is yes; false when it is not within the time.
public func until(
  milliseconds: Int32 = 5_000, _ condition: () async throws -> Bool
) async throws -> Bool {
  let deadline = Deadline(milliseconds: milliseconds)
  while true {
    if try await condition() { return true }
    if deadline.hasPassed { return false }
    try await Task.sleep(for: .milliseconds(5))
  }
}
