import Caching
import EventLoops
import RedisClient
import TestSupport
import Testing

/// Rows that a test's loads read, on the test's loop. Counts what the database would have to do.
final class CacheTable {
  let loop: EventLoop
  var rows: [String: String] = [:]
  var delayMilliseconds: UInt64 = 0
  private(set) var queries = 0
  /// Loads under way for a key, at most so many at a time.
  private(set) var concurrentMax = 0
  private var concurrent: [String: Int] = [:]
  /// A load that comes to this point waits until the test calls `letGo`.
  var holdsAfterReading = false
  private var held: [CheckedContinuation<Void, Never>] = []
  var heldCount: Int { held.count }

  init(_ loop: EventLoop) { self.loop = loop }

  func letGo() {
    holdsAfterReading = false
    let waiting = held
    held = []
    for continuation in waiting { continuation.resume() }
  }

  func load(_ key: String) async -> [UInt8]? {
    queries += 1
    concurrent[key, default: 0] += 1
    concurrentMax = max(concurrentMax, concurrent[key] ?? 0)
    let row = rows[key]
    if delayMilliseconds > 0 { await loop.sleep(milliseconds: delayMilliseconds) }
    if holdsAfterReading { await withCheckedContinuation { held.append($0) } }
    concurrent[key, default: 0] -= 1
    return row.map { Array($0.utf8) }
  }
}

/// What runs on one loop and is captured by tasks of that loop. `@unchecked Sendable`: used on that
/// loop's thread only.
final class OnLoop<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

extension CacheAside {
  /// A cache of its own connection, started and believed.
  static func ready(
    _ loop: EventLoop, _ url: String, options: CacheOptions = quickCacheOptions,
    redisOptions: RedisOptions = quickOptions,
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) async throws -> CacheAside {
    let connection = RedisConnection(loop: loop, url: try RedisURL(url), options: redisOptions)
    let cache = CacheAside(
      loop: loop, redis: connection, options: options, subscriberOptions: redisOptions,
      random: random)
    cache.start()
    try #require(await loop.wait { cache.isAvailable && cache.isListening })
    return cache
  }

  /// Reads `key` of `table` as text.
  func text(
    _ key: String, _ policy: CachePolicy, _ table: CacheTable
  ) async throws -> (String?, CacheOutcome) {
    let answer = try await read(key, policy) { await table.load(key) }
    return (answer.value.map { String(decoding: $0, as: UTF8.self) }, answer.outcome)
  }
}

/// Fast times, so that outages of a test take milliseconds.
let quickCacheOptions: CacheOptions = {
  var options = CacheOptions()
  options.answerMilliseconds = 200
  options.probeDelayBaseMilliseconds = 20
  options.probeDelayMaxMilliseconds = 100
  options.synchronizeRetryMilliseconds = 20
  options.tickMilliseconds = 5
  return options
}()

let testPolicy = CachePolicy(
  name: "watchlist", pattern: "watchlist:{userId}", ttlMilliseconds: 60_000)
/// For thousands of readers on a busy machine: only a waiter that is not woken waits this long.
let stampedePolicy = CachePolicy(
  name: "watchlist", pattern: "watchlist:{userId}", ttlMilliseconds: 60_000,
  leaseMilliseconds: 60_000, waitMilliseconds: 30_000)
let stampedeOptions: CacheOptions = {
  var options = quickCacheOptions
  options.answerMilliseconds = 30_000
  return options
}()
let localPolicy = CachePolicy(
  name: "asset", pattern: "asset:{symbol}", ttlMilliseconds: 60_000, usesLocal: true)

extension PrivateRedis {
  /// The number that a command answers; -99 when it answers none.
  func number(_ words: String...) -> Int {
    let answer =
      switch words.count {
      case 2: command(words[0], words[1])
      case 3: command(words[0], words[1], words[2])
      default: command(words[0], words[1], words[2], words[3])
      }
    guard let answer, answer.hasPrefix(":") else { return -99 }
    return Int(answer.dropFirst().prefix { $0 != "\r\n" }) ?? -99
  }
}
