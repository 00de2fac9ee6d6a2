/// What a link did so far.
public struct RedisLinkCounters: Hashable, Sendable {
  public var connects: UInt64 = 0
  public var connectFailures: UInt64 = 0
  public var linksLost: UInt64 = 0
  public var writes: UInt64 = 0
  /// Writes of which the kernel took only a part.
  public var partialWrites: UInt64 = 0
  public var bytesWritten: UInt64 = 0
  public var reads: UInt64 = 0
  public var bytesRead: UInt64 = 0
  public var replies: UInt64 = 0
  public var probes: UInt64 = 0
}
