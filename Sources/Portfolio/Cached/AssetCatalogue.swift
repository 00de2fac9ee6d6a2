// The assets, through the cache. Nobody's users write them, so each process keeps them too (L1).
import Caching
import EventLoops

final class AssetCatalogue {
  private let loop: EventLoop
  private let cache: CacheAside
  private let store: PortfolioStore
  private static let format = CachedJSON(version: "a1")
  /// The index that was decoded last, and its bytes: with L1 they are the same array again and again.
  private var decoded: (bytes: [UInt8], index: AssetIndex)?

  init(loop: EventLoop, cache: CacheAside, store: PortfolioStore) {
    self.loop = loop
    self.cache = cache
    self.store = store
  }

  func index() async throws -> AssetIndex {
    let store = store
    let answer = try await cache.read("config:assets", CachePolicies.assetIndex) {
      AssetIndex(try await store.assets()).encode()
    }
    if let bytes = answer.value {
      if let decoded, decoded.bytes == bytes { return decoded.index }
      if let index = AssetIndex(decoding: bytes) {
        decoded = (bytes, index)
        return index
      }
      // Not ours: thrown away, and read where it is right.
      await cache.invalidate(["config:assets"])
    }
    return AssetIndex(try await store.assets())
  }

  /// The JSON of each of these assets, by symbol; what is gone is left out.
  func json(_ symbols: [String]) async throws -> [String: [UInt8]] {
    var tasks: [(String, Task<[UInt8]?, any Error>)] = []
    for symbol in symbols {
      let call = Unchecked(catalogue: self)
      tasks.append(
        (
          symbol,
          Task.immediate(executorPreference: loop) { try await call.catalogue.json(symbol) }
        ))
    }
    var found: [String: [UInt8]] = [:]
    var failure: (any Error)?
    for (symbol, task) in tasks {
      do { found[symbol] = try await task.value } catch { failure = error }
    }
    if let failure { throw failure }
    return found
  }

  func json(_ symbol: String) async throws -> [UInt8]? {
    let store = store
    let key = "asset:\(symbol)"
    let load: CacheAside.Load = {
      try await store.assets(symbols: [symbol]).first.map {
        AssetCatalogue.format.encode(try Answers.asset.checkedBytes($0))
      }
    }
    guard let bytes = try await cache.read(key, CachePolicies.asset, load: load).value else {
      return nil
    }
    if let json = AssetCatalogue.format.decode(bytes) { return json }
    await cache.invalidate([key])
    return try await load().flatMap(AssetCatalogue.format.decode)
  }

  /// `@unchecked Sendable`: its tasks start on the loop and, by their executor preference, stay there.
  private struct Unchecked: @unchecked Sendable { let catalogue: AssetCatalogue }
}
