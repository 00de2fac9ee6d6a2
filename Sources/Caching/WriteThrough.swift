/// A value and the number of its version; nil bytes: it has ended.
public struct VersionedValue: Sendable, Hashable {
  public let version: Int64
  public let bytes: [UInt8]?

  public init(version: Int64, bytes: [UInt8]?) {
    self.version = version
    self.bytes = bytes
  }
}

public final class WriteThrough {
  public typealias Load = nonisolated(nonsending) () async throws -> VersionedValue?
  public typealias Commit = nonisolated(nonsending) () async throws -> VersionedValue

  /// The cache of the durable Redis.
  public let cache: CacheAside
  /// Tells every process through the database that a key of Redis is not to be believed.
  public typealias LogInvalidation = nonisolated(nonsending) (String) async throws -> Void

  public init(cache: CacheAside, logInvalidation: @escaping LogInvalidation) {
    self.cache = cache
  }

  /// Commits, then sets the key in Redis unless a newer version is there. Throws what `commit` throws;
  /// a Redis that fails is no error: the key goes to the invalidation log.
  public func write(
    _ key: String, _ policy: CachePolicy, commit: @escaping Commit
  ) async throws -> VersionedValue {
    try await commit()
  }

  /// The value of `key`, prolonged by its TTL; nil when there is none or it has ended.
  public func read(
    _ key: String, _ policy: CachePolicy, load: @escaping Load
  ) async throws -> CacheAside.Answer {
    CacheAside.Answer(value: try await load()?.bytes, outcome: .bypass(.unavailable))
  }
}
