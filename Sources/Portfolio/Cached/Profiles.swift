// Profiles, by versioned keys: `user:{userId}:version` points to `user:{userId}:profile:v{n}`. A write
// makes a new version, so an old profile is never wrong, only no longer pointed to.
import Caching
import Credentials
import PostgresClient

final class Profiles {
  private let cache: CacheAside
  private let store: PortfolioStore
  private static let format = CachedJSON(version: "p1")

  init(cache: CacheAside, store: PortfolioStore) {
    self.cache = cache
    self.store = store
  }

  /// The profile's JSON; nil when the user has none.
  func json(of owner: Principal) async throws -> [UInt8]? {
    let store = store
    let user = owner.userID
    let load: CacheAside.Load = {
      try await store.profile(user).map {
        Profiles.format.encode(try Answers.profile.checkedBytes($0))
      }
    }
    let answer = try await cache.readVersioned(
      pointer: pointer(user), key: { "user:\(user):profile:v\($0)" },
      loadVersion: { try await store.profileVersion(user) }, load: load)
    guard let bytes = answer.value else { return nil }
    if let json = Profiles.format.decode(bytes) { return json }
    return try await load().flatMap(Profiles.format.decode)
  }

  /// The profile's JSON after the change; nil when the user has none.
  func change(_ change: ProfileChange, of owner: Principal) async throws -> [UInt8]? {
    do {
      let profile = try await store.changeProfile(owner.userID, change)
      await cache.invalidate([pointer(owner.userID)])
      return try profile.map { try Answers.profile.checkedBytes($0) }
    } catch let error as PostgresError {
      if error.mayHaveExecuted { await cache.invalidate([pointer(owner.userID)]) }
      throw error
    }
  }

  private func pointer(_ user: String) -> String { "user:\(user):version" }
}
