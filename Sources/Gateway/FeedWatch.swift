// Whether the feed behind the topics is alive, from one gateway loop's own view: its own heartbeat
// came through its own link to Redis, was made lately, and said "live". Pure; the caller gives the
// time.
//
// A run is one process's play of the feed. What an earlier run wrote is vouched for as long as its own
// last heartbeat is young enough, and by no later run's.
package import MarketData

package struct FeedWatch: Sendable {
  package enum Condition: UInt8, Sendable {
    /// No heartbeat yet, and not overdue: nothing is shown, and nothing called stale.
    case unknown
    case live
    case stale
  }

  package enum Change: Hashable, Sendable {
    case becameLive
    case becameStale
  }

  package private(set) var condition = Condition.unknown
  /// The heartbeat seen last, whatever its state.
  package private(set) var heartbeat: FeedHeartbeat?
  /// Monotonic milliseconds when the newest heartbeat was made, or of the watch's start.
  package private(set) var heardMilliseconds: UInt64
  /// The epoch with which the run under way began; 0: not said.
  package private(set) var run: UInt64 = 0
  /// When the run before this one was heard last, until its values are too old.
  private var earlierRunHeard: UInt64?
  private var pace = HeartbeatPace()

  package init(nowMilliseconds: UInt64) { heardMilliseconds = nowMilliseconds }

  package var isLive: Bool { condition == .live }
  package var isStale: Bool { condition == .stale }

  package func silence(nowMilliseconds now: UInt64) -> UInt64 { now - min(now, heardMilliseconds) }

  /// Whether the writer is heard, whatever it says of the feed.
  package func isHeard(nowMilliseconds now: UInt64) -> Bool {
    heartbeat != nil && silence(nowMilliseconds: now) <= GatewayLimits.heartbeatAgeMaxMilliseconds
  }

  /// A heartbeat came. One that is older than the last (a former leader's) is ignored; one that was on
  /// its way for long counts from when it was made. For `isPrompt` see `HeartbeatPace`.
  package mutating func receive(
    _ heartbeat: FeedHeartbeat, nowMilliseconds now: UInt64, isPrompt: Bool = true
  ) -> Change? {
    if let last = self.heartbeat, heartbeat.sequence < last.sequence { return nil }
    if heartbeat.run != run {
      if self.heartbeat != nil, earlierRunHeard == nil { earlierRunHeard = heardMilliseconds }
      run = heartbeat.run
      pace = HeartbeatPace()
    }
    let made =
      heartbeat.madeMilliseconds.map {
        pace.made(at: $0, nowMilliseconds: now, isPrompt: isPrompt)
      } ?? now
    let isFirst = self.heartbeat == nil
    self.heartbeat = heartbeat
    heardMilliseconds = isFirst ? made : max(made, heardMilliseconds)
    return become(
      heartbeat.state == .live && isHeard(nowMilliseconds: now) ? .live : .stale)
  }

  /// To be called a few times a second.
  package mutating func tick(nowMilliseconds now: UInt64) -> Change? {
    guard silence(nowMilliseconds: now) > GatewayLimits.heartbeatAgeMaxMilliseconds else {
      return nil
    }
    return become(.stale)
  }

  /// True once, when what an earlier run wrote and this one did not is no longer vouched for.
  package mutating func earlierRunEnds(nowMilliseconds now: UInt64) -> Bool {
    guard let heard = earlierRunHeard,
      now - min(now, heard) > GatewayLimits.heartbeatAgeMaxMilliseconds
    else { return false }
    earlierRunHeard = nil
    return true
  }

  private mutating func become(_ next: Condition) -> Change? {
    let before = condition
    condition = next
    guard before != next else { return nil }
    return next == .live ? .becameLive : .becameStale
  }
}
