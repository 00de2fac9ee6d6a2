import MarketData
import RedisClient

/// Takes the next epoch of a feed, atomically: larger than every one before, and at least the time
/// in seconds, so that it also grows when Redis has lost its keys. A key that holds no plausible
/// epoch (Lua's numbers are exact below 2^53) counts as lost.
enum EpochScript {
  private static let source = """
    local old = tonumber(redis.call('GET', KEYS[1]) or '0')
    if not (old and old >= 0 and old < 2^52) then old = 0 end
    local now = tonumber(redis.call('TIME')[1])
    local epoch = math.max(old + 1, now, tonumber(ARGV[1]))
    redis.call('SET', KEYS[1], string.format('%.0f', epoch), 'PX', ARGV[2])
    return epoch
    """

  /// `floor` is the least epoch that will do. The answer is an integer.
  static func command(feed: String, floor: UInt64) -> Redis.Eval {
    Redis.Eval(
      source, keys: [Array(FeedKey.epoch.name(feed: feed).utf8)],
      arguments: [
        Array(String(floor).utf8), Array(String(FeedKey.epoch.ttlMilliseconds).utf8),
      ])
  }
}
