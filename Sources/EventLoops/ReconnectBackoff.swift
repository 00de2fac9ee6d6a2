/// Waits between attempts to connect, with full jitter: the n-th is drawn evenly from 0 to
/// min(max, base * 2^n), so that clients which lost the same server come back spread out. Pure.
public struct ReconnectBackoff {
  public let baseMilliseconds: UInt64
  public let maxMilliseconds: UInt64
  public private(set) var attempt = 0

  public init(baseMilliseconds: UInt64, maxMilliseconds: UInt64) {
    self.baseMilliseconds = baseMilliseconds
    self.maxMilliseconds = maxMilliseconds
  }

  /// The largest wait that the next draw can give.
  public var ceilingMilliseconds: UInt64 {
    // 2^20 * 1 ms is over any sensible maximum; the shift stays far from overflow.
    let doubled = baseMilliseconds.multipliedReportingOverflow(by: 1 << UInt64(min(attempt, 20)))
    return doubled.overflow ? maxMilliseconds : min(maxMilliseconds, doubled.partialValue)
  }

  public mutating func next(using random: inout some RandomNumberGenerator) -> UInt64 {
    let wait = UInt64.random(in: 0...ceilingMilliseconds, using: &random)
    attempt += 1
    return wait
  }

  /// After a link that really served.
  public mutating func reset() { attempt = 0 }
}
