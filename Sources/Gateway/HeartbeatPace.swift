// When a heartbeat was made, by the receiver's clock, so that one which waited on its way (in a Redis
// that was stopped, in buffers of a link that stood still) vouches for nothing newer than it is. Pure.
//
// Writer and receiver have different clocks that run at the same pace. What lies between them is the
// clocks' difference plus the way; the least ever seen is the quickest way, and what is more than that
// is how late a heartbeat came. No clock has to be set right.
struct HeartbeatPace {
  /// Receiver's milliseconds minus writer's, at the least.
  private var quickest: Int64?
  private var arrivedMilliseconds: UInt64 = 0
  /// Heartbeats in a row that came at their usual pace, all of them late.
  private var lateInPace = 0

  /// When it was made, at the latest `now`.
  ///
  /// - Parameter isPrompt: Redis is known to deliver to us without delay, so that what is late all the
  ///   time is another clock (a suspended machine's) and not another way. The writer for its part
  ///   ends a link on which Redis lags behind.
  mutating func made(
    at writerMilliseconds: UInt64, nowMilliseconds now: UInt64, isPrompt: Bool
  ) -> UInt64 {
    let between = Int64(clamping: now) &- Int64(clamping: writerMilliseconds)
    defer { arrivedMilliseconds = now }
    guard let quickest, between > quickest else {
      self.quickest = between
      lateInPace = 0
      return now
    }
    let late = UInt64(bitPattern: between &- quickest)  // positive, and may be above Int64.max
    guard isPrompt else { return now - min(now, late) }
    if late <= GatewayLimits.heartbeatAgeMaxMilliseconds {
      lateInPace = 0
      self.quickest = min(between, quickest + GatewayLimits.clockDriftMilliseconds)
    } else if now - arrivedMilliseconds >= GatewayLimits.heartbeatPaceMilliseconds {
      lateInPace += 1
      if lateInPace >= GatewayLimits.heartbeatsLateMax {
        self.quickest = between
        lateInPace = 0
        return now
      }
    }
    return now - min(now, late)
  }
}
