// Whether the feed behind the topics is alive, from one gateway loop's own view: its own heartbeat
// came through its own link to Redis lately, and said "live". Pure; the caller gives the time.
package import MarketData

package struct FeedWatch: Sendable {
  package enum Condition: UInt8, Sendable {
    /// No heartbeat yet, and not overdue: keys that are there are within their TTL.
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
  /// Monotonic milliseconds of that heartbeat, or of the watch's start.
  package private(set) var heardMilliseconds: UInt64

  package init(nowMilliseconds: UInt64) { heardMilliseconds = nowMilliseconds }

  package var isLive: Bool { condition != .stale }

  /// A heartbeat came. One that is older than the last (a former leader's) is ignored.
  package mutating func receive(
    _ heartbeat: FeedHeartbeat, nowMilliseconds: UInt64
  ) -> Change? {
    if let last = self.heartbeat, heartbeat.sequence < last.sequence { return nil }
    self.heartbeat = heartbeat
    heardMilliseconds = nowMilliseconds
    return become(heartbeat.state == .live ? .live : .stale)
  }

  /// To be called a few times a second.
  package mutating func tick(nowMilliseconds: UInt64) -> Change? {
    let silence = nowMilliseconds &- heardMilliseconds
    guard silence > GatewayLimits.heartbeatAgeMaxMilliseconds else { return nil }
    return become(.stale)
  }

  private mutating func become(_ next: Condition) -> Change? {
    let before = condition
    condition = next
    guard before != next else { return nil }
    switch next {
    case .live: return before == .stale ? .becameLive : nil
    case .stale: return .becameStale
    case .unknown: return nil
    }
  }
}
