import EventLoops
import RedisClient
import TestSupport
import Testing

/// A private Redis and a loop; the body runs on the loop.
func withRedis(
  tcp: Bool = false, password: String? = nil, arguments: [String] = [],
  _ body: @escaping @Sendable (EventLoop, PrivateRedis) async throws -> Void
) async throws {
  let redis = ServerBox(try PrivateRedis(arguments: arguments, tcp: tcp, password: password))
  defer { redis.server.close() }
  try await withLoop("redis") { loop in try await body(loop, redis.server) }
}

/// `@unchecked Sendable`: the test's task and the loop never use the server at the same time.
private struct ServerBox: @unchecked Sendable {
  let server: PrivateRedis
  init(_ server: PrivateRedis) { self.server = server }
}

extension RedisConnection {
  /// Started and ready.
  static func ready(
    _ loop: EventLoop, _ redis: PrivateRedis, options: RedisOptions = RedisOptions()
  ) async throws -> RedisConnection {
    let connection = RedisConnection(loop: loop, url: try RedisURL(redis.url), options: options)
    connection.start()
    try #require(await connection.waitUntilReady(milliseconds: 5_000))
    return connection
  }

  /// SET of text, for tests.
  func set(_ key: String, _ value: String, ttlMilliseconds: Int64 = 10_000) -> RedisAppend {
    set(
      key: Array(key.utf8).span.bytes, value: Array(value.utf8).span.bytes,
      ttlMilliseconds: ttlMilliseconds)
  }

  func getText(_ key: String) async throws(RedisError) -> String? {
    try await get(key).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// Fast times, so that a test of them takes milliseconds.
let quickOptions: RedisOptions = {
  var options = RedisOptions()
  options.probeAfterMilliseconds = 60
  options.answerTimeoutMilliseconds = 150
  options.checkEveryMilliseconds = 20
  options.reconnectDelayBaseMilliseconds = 5
  options.reconnectDelayMaxMilliseconds = 20
  return options
}()
