public import EventLoops
public import RedisClient

/// Times and bounds of a `CacheAside`; the defaults are the production values.
public struct CacheOptions: Sendable {
  public init() {}
}

public final class CacheAside {
  /// Reads the row: nil when there is none.
  public typealias Load = nonisolated(nonsending) () async throws -> [UInt8]?

  public struct Answer: Sendable {
    /// nil: there is no such row.
    public let value: [UInt8]?
    public let outcome: CacheOutcome
  }

  public let loop: EventLoop
  public let redis: RedisConnection

  /// Takes over `onReady` and `onDown` of `redis`, a connection of the cache's own. Starts and closes
  /// it with itself.
  public init(
    loop: EventLoop, redis: RedisConnection, options: CacheOptions = CacheOptions(),
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) {
    self.loop = loop
    self.redis = redis
  }

  public func start() { redis.start() }
  public func close() { redis.close() }

  /// The value of `key`. Throws only what `load` throws.
  public func read(
    _ key: String, _ policy: CachePolicy, load: @escaping Load
  ) async throws -> Answer {
    Answer(value: try await load(), outcome: .bypass(.unavailable))
  }

  /// After the commit of a write: no read that begins later gets what was there before. Never fails:
  /// what Redis cannot be told now is told before the cache is read again.
  public func invalidate(_ keys: [String]) async {}

  /// As `invalidate`, for all keys that match a glob of Redis (`user:17:*`). Not on a request's path:
  /// it walks through all keys. The number of keys deleted.
  @discardableResult
  public func invalidate(pattern: String) async -> Int { 0 }
}
