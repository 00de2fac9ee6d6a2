/// Where values go: Redis, or a recorder in tests. Each call says whether it was taken; what is not
/// taken (no link, buffer full) has had no effect.
package protocol MarketSink: AnyObject {
  /// `SET key value PX ttlMilliseconds`.
  func set(key: RawSpan, value: RawSpan, ttlMilliseconds: UInt32) -> Bool
  /// `SPUBLISH channel message`.
  func publish(channel: RawSpan, message: RawSpan) -> Bool
  /// `DEL key`.
  func delete(key: RawSpan) -> Bool
}
