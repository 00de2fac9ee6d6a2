// Write-through: the database commits, then Redis gets the value, if no newer one is there. A reader
// finds the newest value in Redis; where Redis has none or has been told to forget it, it loads under a
// lease like any other reader.
//
// Invariants: on the loop's thread of its cache. Redis never goes back to an older version: a value
// keeps its version when it ends (`17-`) or is to be forgotten (`17?`). Where Redis lost everything
// between a commit and its set, an older write could come late and find no version: so a set is left
// out, and the key goes to the invalidation log, when the cache lost its link in between.
import EventLoops
import RedisClient

/// A value and the number of its version; nil bytes: it has ended.
public struct VersionedValue: Sendable, Hashable {
  public let version: Int64
  public let bytes: [UInt8]?

  public init(version: Int64, bytes: [UInt8]?) {
    precondition(version >= 0)
    self.version = version
    self.bytes = bytes
  }
}

public final class WriteThrough {
  public typealias Load = nonisolated(nonsending) () async throws -> VersionedValue?
  public typealias Commit = nonisolated(nonsending) () async throws -> VersionedValue
  /// Tells every process through the database that a key of Redis is not to be believed.
  public typealias LogInvalidation = nonisolated(nonsending) (String) async throws -> Void

  /// The cache of the durable Redis.
  public let cache: CacheAside
  /// Sets that Redis took, that it had a newer version of, and that failed.
  public private(set) var sets: UInt64 = 0
  public private(set) var setsOlder: UInt64 = 0
  public private(set) var setsFailed: UInt64 = 0
  private let logInvalidation: LogInvalidation

  public init(cache: CacheAside, logInvalidation: @escaping LogInvalidation) {
    self.cache = cache
    self.logInvalidation = logInvalidation
  }

  /// Commits, then sets the key in Redis unless a newer version is there. Throws what `commit` throws;
  /// a Redis that fails is no error.
  @discardableResult
  public func write(
    _ key: String, _ policy: CachePolicy, commit: @escaping Commit
  ) async throws -> VersionedValue {
    cache.loop.preconditionInLoop()
    let link = cache.redis.counters.link.connects
    let value = try await commit()
    cache.forgetHere(key)
    await set(key, policy, value, link: link)
    return value
  }

  /// The value of `key`, prolonged by its TTL; nil when there is none or it has ended.
  public func read(
    _ key: String, _ policy: CachePolicy, load: @escaping Load
  ) async throws -> CacheAside.Answer {
    try await cache.read(key, policy) {
      let value = try await load()
      return LoadedRow(value: value?.bytes, version: value?.version)
    }
  }

  private func set(
    _ key: String, _ policy: CachePolicy, _ value: VersionedValue, link: UInt64
  ) async {
    let policy = policy.compressed(by: cache.options.timeDivisor)
    let size = value.bytes?.count ?? 0
    guard cache.gate.isReachable, cache.redis.counters.link.connects == link,
      size <= policy.bytesMax
    else { return await failed(key) }
    let envelope = CacheEnvelope(number: value.version, value: value.bytes)
    let arguments = [
      Array(String(value.version).utf8), envelope.encoded, cache.decimal(policy.ttlMilliseconds),
    ]
    let result = await withUnsafeContinuation { continuation in
      cache.commands.run(.setIfNewer, key: key, arguments) { continuation.resume(returning: $0) }
    }
    switch result {
    case .success(.integer(1)): sets += 1
    case .success: setsOlder += 1
    case .failure: await failed(key)
    }
  }

  private func failed(_ key: String) async {
    setsFailed += 1
    await cache.invalidate([key])
    do {
      try await logInvalidation(key)
    } catch {
      // This process still has it pending; the others learn of it by the trigger of the table.
      cache.problem("the invalidation log did not take a key: \(error)")
    }
  }
}
