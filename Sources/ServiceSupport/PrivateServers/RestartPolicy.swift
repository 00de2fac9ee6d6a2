/// When a supervised server that has ended is started again. Pure: the caller has the clock.
struct RestartPolicy {
  private(set) var failures = 0

  /// The pause before the next start of a server that ended after `livedMilliseconds`.
  mutating func delay(livedMilliseconds: UInt64) -> UInt64 {
    if livedMilliseconds >= ServiceSupportLimits.restartResetMilliseconds { failures = 0 }
    let doublings = min(failures, 16)
    failures += 1
    return min(
      ServiceSupportLimits.restartDelayMilliseconds << UInt64(doublings),
      ServiceSupportLimits.restartDelayMaxMilliseconds)
  }
}
