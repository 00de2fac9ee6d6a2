// The watchlists of users: read through the cache, written in one transaction each, invalidated after
// the commit. A list of somebody else is a list that does not exist.
import Caching
import Credentials
import PostgresClient
import WebTransport

final class Watchlists {
  private let cache: CacheAside
  private let pool: PostgresPool

  init(cache: CacheAside, pool: PostgresPool) {
    self.cache = cache
    self.pool = pool
  }

  // MARK: - Reading

  func all(of owner: Principal) async throws -> [WatchlistRow] {
    let pool = pool
    let key = key(owner)
    let load: CacheAside.Load = {
      WatchlistCodec.encode(
        try await pool.query(WatchlistStatements.all, [.uuid(owner.accountID)]))
    }
    if let bytes = try await cache.read(key, CachePolicies.watchlist, load: load).value {
      if let lists = WatchlistCodec.decode(bytes) { return lists }
      await cache.invalidate([key])
    }
    return try await pool.query(WatchlistStatements.all, [.uuid(owner.accountID)])
  }

  /// Nil where the owner has no such list.
  func one(_ id: String, of owner: Principal) async throws -> WatchlistRow? {
    try await all(of: owner).first { $0.id == id }
  }

  private func key(_ owner: Principal) -> String { "watchlist:\(owner.userID)" }

  // MARK: - Writing

  /// A list of that name with the same symbols is the answer itself: who repeats a request whose
  /// answer was lost gets what the first one made.
  func create(
    name: String, symbols: [String], of owner: Principal
  ) async throws -> WatchlistRow {
    try await write(owner) { transaction in
      let assets = try await self.resolve(symbols, "symbols", transaction)
      let account = PostgresParameter.uuid(owner.accountID)
      let same = try await transaction.query(WatchlistStatements.byName, [account, .text(name)])
      if let list = same.first {
        let items = try await transaction.query(WatchlistStatements.items, [.uuid(list.id)])
        guard items == assets else { throw Watchlists.nameTaken }
        return list
      }
      let count = try await transaction.query(WatchlistStatements.count, [account]).first ?? 0
      guard count < Int64(RESTLimits.watchlistsMax) else {
        throw HTTPError.unprocessable(
          "name: an account has at most \(RESTLimits.watchlistsMax) watchlists")
      }
      let id = try await transaction.query(WatchlistStatements.insert, [account, .text(name)])[0]
      try await self.append(assets, to: id, transaction)
      return try await self.read(id, owner, transaction)
    }
  }

  /// What is nil stays.
  func update(
    _ id: String, name: String?, symbols: [String]?, of owner: Principal
  ) async throws -> WatchlistRow {
    try await write(owner) { transaction in
      let assets = try await symbols.mapAsync { try await self.resolve($0, "symbols", transaction) }
      try await self.touch(id, name: name, owner, transaction)
      if let assets {
        try await transaction.execute(WatchlistStatements.clear, [.uuid(id)])
        try await self.append(assets, to: id, transaction)
      }
      return try await self.read(id, owner, transaction)
    }
  }

  /// A symbol that is on the list stays where it is.
  func add(_ symbol: String, to id: String, of owner: Principal) async throws -> WatchlistRow {
    try await write(owner) { transaction in
      try await self.touch(id, name: nil, owner, transaction)
      let assets = try await self.resolve([symbol], "symbol", transaction)
      let items = try await transaction.query(WatchlistStatements.items, [.uuid(id)])
      if !items.contains(assets[0]) {
        guard items.count < RESTLimits.watchlistSymbolsMax else {
          throw HTTPError.unprocessable(
            "symbol: a watchlist has at most \(RESTLimits.watchlistSymbolsMax) symbols")
        }
        try await self.append(assets, to: id, transaction)
      }
      return try await self.read(id, owner, transaction)
    }
  }

  func remove(_ symbol: String, from id: String, of owner: Principal) async throws -> WatchlistRow {
    try await write(owner) { transaction in
      try await self.touch(id, name: nil, owner, transaction)
      let found = try await transaction.query(WatchlistStatements.resolve, [.texts([symbol])])
      guard let asset = found.first?.assetID,
        let place = try await transaction.query(
          WatchlistStatements.remove, [.uuid(id), .uuid(asset)]
        ).first
      else { throw HTTPError.notFound("the watchlist has no \(symbol)") }
      try await transaction.execute(WatchlistStatements.closeUp, [.uuid(id), .integer(place)])
      return try await self.read(id, owner, transaction)
    }
  }

  func delete(_ id: String, of owner: Principal) async throws {
    try await write(owner) { transaction in
      let deleted = try await transaction.query(
        WatchlistStatements.delete, [.uuid(owner.accountID), .uuid(id)])
      guard !deleted.isEmpty else { throw Watchlists.missing }
    }
  }

  // MARK: - Parts of a write

  static let missing = HTTPError.notFound("watchlist not found")
  static let nameTaken = HTTPError(
    status: 409, code: 40_910_000, message: "name: another watchlist has it already")

  private func write<Value>(
    _ owner: Principal, _ body: (PostgresTransaction) async throws -> Value
  ) async throws -> Value {
    do {
      let value = try await pool.transaction(.readCommitted) { transaction in
        try await transaction.execute(WatchlistStatements.lock, [.uuid(owner.accountID)])
        return try await body(transaction)
      }
      await cache.invalidate([key(owner)])
      return value
    } catch let error as PostgresError {
      // It may have been done: then the cache must not tell otherwise.
      if error.mayHaveExecuted { await cache.invalidate([key(owner)]) }
      if error.server?.constraint == "watchlists_name_is_unique" { throw Watchlists.nameTaken }
      throw error
    }
  }

  private func touch(
    _ id: String, name: String?, _ owner: Principal, _ transaction: PostgresTransaction
  ) async throws {
    let touched = try await transaction.query(
      WatchlistStatements.touch, [.uuid(owner.accountID), .uuid(id), .textOrNull(name)])
    guard !touched.isEmpty else { throw Watchlists.missing }
  }

  private func append(
    _ assets: [String], to id: String, _ transaction: PostgresTransaction
  ) async throws {
    guard !assets.isEmpty else { return }
    try await transaction.execute(WatchlistStatements.append, [.uuid(id), .uuids(assets)])
  }

  private func read(
    _ id: String, _ owner: Principal, _ transaction: PostgresTransaction
  ) async throws -> WatchlistRow {
    let lists = try await transaction.query(
      WatchlistStatements.byID, [.uuid(owner.accountID), .uuid(id)])
    guard let list = lists.first else { throw Watchlists.missing }
    return list
  }

  /// The assets of symbols, each once, in their order.
  private func resolve(
    _ symbols: [String], _ member: String, _ transaction: PostgresTransaction
  ) async throws -> [String] {
    guard !symbols.isEmpty else { return [] }
    var assets: [String] = []
    let found = try await transaction.query(WatchlistStatements.resolve, [.texts(symbols)])
    for (place, one) in found.enumerated() {
      guard let asset = one.assetID else {
        let name = member == "symbol" ? member : "\(member)[\(place)]"
        throw HTTPError.unprocessable("\(name): there is no asset \(one.asked)")
      }
      if !assets.contains(asset) { assets.append(asset) }
    }
    return assets
  }
}

extension Optional {
  fileprivate func mapAsync<T>(_ body: (Wrapped) async throws -> T) async throws -> T? {
    guard let self else { return nil }
    return try await body(self)
  }
}
