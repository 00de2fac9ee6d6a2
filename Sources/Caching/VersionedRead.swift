extension CacheAside {
  /// Reads the number of the present version: nil when there is no row.
  public typealias LoadVersion = nonisolated(nonsending) () async throws -> Int64?

  /// A value whose key holds its version: `pointer` leads to the number, the number to the key. A write
  /// raises the number and invalidates the pointer alone; the old key is read no more and expires. What
  /// `load` brings may be newer than the number, never older, since the number was read before.
  ///
  /// - Parameters:
  ///   - key: of the value of a version, such as `user:17:profile:v3`.
  ///   - loadVersion: where it finds no row there is no value either.
  public func readVersioned(
    pointer: String, _ pointerPolicy: CachePolicy = CachePolicies.profileVersion,
    key: (Int64) -> String, _ policy: CachePolicy = CachePolicies.profile,
    loadVersion: @escaping LoadVersion,
    load: @escaping Load
  ) async throws -> Answer {
    let found = try await read(pointer, pointerPolicy) {
      try await loadVersion().map { Array(String($0).utf8) }
    }
    guard let bytes = found.value else { return found }
    guard let version = Int64(String(decoding: bytes, as: UTF8.self)) else {
      // No number of ours under the pointer: have it made anew, and ask the database.
      await invalidate([pointer])
      return Answer(value: try await load(), outcome: .bypass(.unavailable))
    }
    return try await read(key(version), policy, load: load)
  }
}
