import PostgresClient
import RedisClient
import ServiceSupport

/// The servers of `tapedeck up`, all in one directory.
struct PrivateServers {
  /// Prices and cache.
  let redis: RedisURL
  /// Sessions.
  let durable: RedisURL
  let postgres: PostgresLocation

  /// Starts them on the main loop, where their stops are registered too.
  static func start(
    in directory: StateDirectory, on host: ProcessHost
  ) async throws -> PrivateServers {
    // First: it says whether PostgreSQL is there at all, and its first start takes longest.
    let postgres = try PrivatePostgres(loop: host.loop, directory: directory, logger: host.logger)
    host.onStop("postgres") { await postgres.stop() }
    try await postgres.start()
    let redis = PrivateRedis(
      loop: host.loop, directory: directory, role: .market, logger: host.logger)
    host.onStop("redis") { await redis.stop() }
    try await redis.start()
    let durable = PrivateRedis(
      loop: host.loop, directory: directory, role: .durable, logger: host.logger)
    host.onStop("redis-durable") { await durable.stop() }
    try await durable.start()
    return PrivateServers(
      redis: try RedisURL(redis.url), durable: try RedisURL(durable.url),
      postgres: try PostgresLocation(postgres.url))
  }
}
