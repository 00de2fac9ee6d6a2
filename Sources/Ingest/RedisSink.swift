package import RedisClient

/// Writes to Redis over one link; what leaves in a turn leaves in one write.
package final class RedisSink: MarketSink {
  private let redis: RedisConnection

  package init(_ redis: RedisConnection) { self.redis = redis }

  package func set(key: RawSpan, value: RawSpan, ttlMilliseconds: UInt32) -> Bool {
    redis.set(key: key, value: value, ttlMilliseconds: Int64(ttlMilliseconds)) == .queued
  }

  package func publish(channel: RawSpan, message: RawSpan) -> Bool {
    redis.spublish(channel: channel, message: message) == .queued
  }

  package func delete(key: RawSpan) -> Bool { redis.delete(key: key) == .queued }
}
