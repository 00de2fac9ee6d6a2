/// A clock that only a test moves, in milliseconds. One thread at a time.
public final class ManualClock {
  public private(set) var nowMilliseconds: UInt64

  public init(startingAt milliseconds: UInt64 = 0) { nowMilliseconds = milliseconds }

  public func advance(milliseconds: UInt64) { nowMilliseconds += milliseconds }
}
