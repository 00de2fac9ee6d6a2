import MarketData

/// The id of an activity: when it was, so that ids sort, and which fill it is.
/// `1795242180000000::2a5aebb9-48c0-5e7a-ac09-c194973cae9e`.
struct ActivityID: Hashable, Sendable, CustomStringConvertible {
  /// Since 1970.
  var microseconds: Int64
  var fillID: String

  var description: String { "\(microseconds)::\(fillID)" }
}

extension ActivityID {
  init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1].isEmpty, (1...17).contains(parts[0].utf8.count),
      parts[0].utf8.allSatisfy({ $0 &- 0x30 < 10 }), let microseconds = Int64(parts[0]),
      let fillID = ValueKind.uuid.fromText(String(parts[2]))
    else { return nil }
    self.init(microseconds: microseconds, fillID: fillID)
  }
}

extension ValueKind<ActivityID> {
  static let activityID = ValueKind(
    .text(pattern: "^[0-9]{1,17}::[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
    "the id of an activity"
  ) { ActivityID($0) }
}
