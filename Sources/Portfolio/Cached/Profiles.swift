// Profiles, by versioned keys: `user:{userId}:version` points to `user:{userId}:profile:v{n}`. A write
// makes a new version, so an old profile is never wrong, only no longer pointed to.
import Caching
import Credentials
import PostgresClient

final class Profiles {
  private let cache: CacheAside
  private let pool: PostgresPool
  private static let format = CachedJSON(version: "p1")

  init(cache: CacheAside, pool: PostgresPool) {
    self.cache = cache
    self.pool = pool
  }

  /// The profile's JSON; nil when the user has none.
  func json(of owner: Principal) async throws -> [UInt8]? {
    let user = owner.userID
    // A version can be overtaken between the two reads; then the pointer is read anew.
    for _ in 0..<3 {
      guard let version = try await version(user) else { return nil }
      do {
        return try await json(user, version)
      } catch is Overtaken {
        await cache.invalidate([pointer(user)])
      }
    }
    return try await row(user).map { try Answers.profile.checkedBytes($0) }
  }

  /// What is nil stays. Nil when the user has no profile.
  func update(
    displayName: String?, locale: String?, timeZone: String?, of owner: Principal
  ) async throws -> [UInt8]? {
    do {
      let row = try await pool.transaction(.readCommitted) { transaction -> ProfileRow? in
        let user = PostgresParameter.uuid(owner.userID)
        _ = try await transaction.query(
          ProfileStatements.update,
          [user, .textOrNull(displayName), .textOrNull(locale), .textOrNull(timeZone)])
        return try await transaction.query(ProfileStatements.profile, [user]).first
      }
      await cache.invalidate([pointer(owner.userID)])
      return try row.map { try Answers.profile.checkedBytes($0) }
    } catch let error as PostgresError {
      if error.mayHaveExecuted { await cache.invalidate([pointer(owner.userID)]) }
      throw error
    }
  }

  private struct Overtaken: Error {}

  private func pointer(_ user: String) -> String { "user:\(user):version" }

  private func row(_ user: String) async throws -> ProfileRow? {
    try await pool.query(ProfileStatements.profile, [.uuid(user)]).first
  }

  private func version(_ user: String) async throws -> Int64? {
    let pool = pool
    let load: CacheAside.Load = {
      try await pool.query(ProfileStatements.version, [.uuid(user)]).first.map {
        Array(String($0).utf8)
      }
    }
    let key = pointer(user)
    let bytes = try await cache.read(key, CachePolicies.profileVersion, load: load).value
    guard let bytes else { return nil }
    if let version = Int64(String(decoding: bytes, as: UTF8.self)) { return version }
    await cache.invalidate([key])
    return try await load().flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
  }

  private func json(_ user: String, _ version: Int64) async throws -> [UInt8]? {
    let pool = pool
    let key = "user:\(user):profile:v\(version)"
    let load: CacheAside.Load = {
      guard let row = try await pool.query(ProfileStatements.profile, [.uuid(user)]).first else {
        return nil
      }
      // Never under another version's key.
      guard row.version == version else { throw Overtaken() }
      return Profiles.format.encode(try Answers.profile.checkedBytes(row))
    }
    let bytes = try await cache.read(key, CachePolicies.profile, load: load).value
    guard let bytes else { throw Overtaken() }
    if let json = Profiles.format.decode(bytes) { return json }
    await cache.invalidate([key])
    return try await load().flatMap(Profiles.format.decode)
  }
}
