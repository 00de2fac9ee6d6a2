// Watchlists are the one thing a user writes. Each write is one transaction, and tells its outcome as
// a value; the caller invalidates the cache after it returned (and the triggers do so too).
import PostgresClient

/// What came of a write.
enum WatchlistOutcome: Hashable, Sendable {
  /// The list as it is now.
  case done(Watchlist)
  case deleted
  /// The account has no such list.
  case notFound
  /// The account has a list of this name: this one.
  case nameTaken(Watchlist)
  /// These mean no asset.
  case unknownSymbols([String])
  /// The symbol to be removed is not in the list.
  case notInList
  /// `PortfolioLimits.watchlistsMax`
  case tooManyLists
  /// `PortfolioLimits.watchlistSymbolsMax`
  case tooManySymbols
}

extension PortfolioStore {
  func watchlists(_ accountID: String) async throws(PostgresError) -> [Watchlist] {
    try await pool.query(WatchlistStatements.ofAccount, [.uuid(accountID)])
  }

  /// For the cache, whose key names the user.
  func watchlists(userID: String) async throws(PostgresError) -> [Watchlist] {
    try await pool.query(WatchlistStatements.ofUser, [.uuid(userID)])
  }

  func watchlist(_ accountID: String, id: String) async throws(PostgresError) -> Watchlist? {
    try await pool.query(WatchlistStatements.byID, [.uuid(accountID), .uuid(id)]).first
  }

  func watchlist(_ accountID: String, name: String) async throws(PostgresError) -> Watchlist? {
    try await pool.query(WatchlistStatements.byName, [.uuid(accountID), .text(name)]).first
  }

  /// Makes a list. Repeated after a lost answer, it makes no second one: its name is taken.
  func createWatchlist(
    _ accountID: String, name: String, symbols: [String]
  ) async throws(PostgresError) -> WatchlistOutcome {
    try await write { transaction in
      _ = try await transaction.query(WatchlistStatements.lockAccount, [.uuid(accountID)])
      let symbols = try await self.resolve(symbols, transaction)
      // First whether it is there: a repeated request is answered alike when the account is full.
      if let taken = try await self.named(name, accountID, transaction) {
        throw Refusal(.nameTaken(taken))
      }
      let count = try await transaction.query(WatchlistStatements.count, [.uuid(accountID)])[0]
      guard count < PortfolioLimits.watchlistsMax else { throw Refusal(.tooManyLists) }
      guard
        let id = try await transaction.query(
          WatchlistStatements.insert, [.uuid(accountID), .text(name)]
        ).first
      else { throw Refusal(.notFound) }
      try await transaction.execute(WatchlistStatements.fill, [.uuid(id), .texts(symbols)])
      return try await self.done(id, accountID, transaction)
    }
  }

  /// Changes name, symbols or both; nil stays.
  func updateWatchlist(
    _ accountID: String, id: String, name: String?, symbols: [String]?
  ) async throws(PostgresError) -> WatchlistOutcome {
    try await write { transaction in
      try await self.hold(id, accountID, transaction)
      if let symbols {
        let resolved = try await self.resolve(symbols, transaction)
        try await transaction.execute(WatchlistStatements.clear, [.uuid(id)])
        try await transaction.execute(WatchlistStatements.fill, [.uuid(id), .texts(resolved)])
      }
      if let name {
        // Names are given one after another, see `lockAccount`.
        if let taken = try await self.named(name, accountID, transaction), taken.id != id {
          throw Refusal(.nameTaken(taken))
        }
        try await transaction.execute(WatchlistStatements.rename, [.uuid(id), .text(name)])
      }
      return try await self.done(id, accountID, transaction)
    }
  }

  /// Puts a symbol at the list's end; one that is in it stays where it is.
  func addToWatchlist(
    _ accountID: String, id: String, symbol: String
  ) async throws(PostgresError) -> WatchlistOutcome {
    try await write { transaction in
      try await self.hold(id, accountID, transaction)
      let symbol = try await self.resolve([symbol], transaction)[0]
      guard let list = try await self.list(id, accountID, transaction) else {
        throw Refusal(.notFound)
      }
      if list.symbols.contains(symbol) { return .done(list) }
      guard list.symbols.count < PortfolioLimits.watchlistSymbolsMax else {
        throw Refusal(.tooManySymbols)
      }
      try await transaction.execute(WatchlistStatements.append, [.uuid(id), .text(symbol)])
      return try await self.done(id, accountID, transaction)
    }
  }

  func removeFromWatchlist(
    _ accountID: String, id: String, symbol: String
  ) async throws(PostgresError) -> WatchlistOutcome {
    try await write { transaction in
      try await self.hold(id, accountID, transaction)
      let resolved = try await transaction.query(
        WatchlistStatements.resolve, [.texts([symbol])])
      guard let symbol = resolved.first?.symbol,
        let place = try await transaction.query(
          WatchlistStatements.remove, [.uuid(id), .text(symbol)]
        ).first
      else { throw Refusal(.notInList) }
      try await transaction.execute(
        WatchlistStatements.closeGap, [.uuid(id), .integer(place)])
      return try await self.done(id, accountID, transaction)
    }
  }

  func deleteWatchlist(
    _ accountID: String, id: String
  ) async throws(PostgresError) -> WatchlistOutcome {
    let count = try await pool.execute(
      WatchlistStatements.delete, [.uuid(accountID), .uuid(id)])
    return count > 0 ? .deleted : .notFound
  }

  // MARK: - Inside a transaction

  /// Ends the transaction without effect, with an outcome.
  private struct Refusal: Error {
    let outcome: WatchlistOutcome
    init(_ outcome: WatchlistOutcome) { self.outcome = outcome }
  }

  private func write(
    _ body: (PostgresTransaction) async throws -> WatchlistOutcome
  ) async throws(PostgresError) -> WatchlistOutcome {
    do {
      return try await pool.transaction(.readCommitted, body)
    } catch let refusal as Refusal {
      return refusal.outcome
    } catch let error as PostgresError {
      throw error
    } catch {
      preconditionFailure("the bodies throw nothing else: \(error)")
    }
  }

  /// Keeps the list from others until the end. First the account's lock, as everywhere, so that two
  /// writers cannot wait for each other.
  private func hold(
    _ id: String, _ accountID: String, _ transaction: PostgresTransaction
  ) async throws {
    _ = try await transaction.query(WatchlistStatements.lockAccount, [.uuid(accountID)])
    let rows = try await transaction.query(
      WatchlistStatements.lock, [.uuid(accountID), .uuid(id)])
    guard !rows.isEmpty else { throw Refusal(.notFound) }
  }

  /// The assets' symbols, each once, in order.
  private func resolve(
    _ wanted: [String], _ transaction: PostgresTransaction
  ) async throws -> [String] {
    if wanted.isEmpty { return [] }
    let rows = try await transaction.query(WatchlistStatements.resolve, [.texts(wanted)])
    let known = Dictionary(uniqueKeysWithValues: rows.map { ($0.wanted, $0.symbol) })
    let unknown = wanted.filter { known[$0] == nil }
    guard unknown.isEmpty else { throw Refusal(.unknownSymbols(unknown)) }
    var seen: Set<String> = []
    let symbols = wanted.compactMap { known[$0] }.filter { seen.insert($0).inserted }
    guard symbols.count <= PortfolioLimits.watchlistSymbolsMax else {
      throw Refusal(.tooManySymbols)
    }
    return symbols
  }

  private func named(
    _ name: String, _ accountID: String, _ transaction: PostgresTransaction
  ) async throws -> Watchlist? {
    try await transaction.query(
      WatchlistStatements.byName, [.uuid(accountID), .text(name)]
    ).first
  }

  private func list(
    _ id: String, _ accountID: String, _ transaction: PostgresTransaction
  ) async throws -> Watchlist? {
    try await transaction.query(
      WatchlistStatements.byID, [.uuid(accountID), .uuid(id)]
    ).first
  }

  private func done(
    _ id: String, _ accountID: String, _ transaction: PostgresTransaction
  ) async throws -> WatchlistOutcome {
    try await transaction.execute(WatchlistStatements.touch, [.uuid(id)])
    guard let list = try await list(id, accountID, transaction) else { throw Refusal(.notFound) }
    return .done(list)
  }
}
