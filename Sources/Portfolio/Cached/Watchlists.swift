// The watchlists of users: read through the cache, written by the store in one transaction each,
// invalidated after the commit. A list of somebody else is a list that does not exist.
import Caching
import Credentials
import PostgresClient
import WebTransport

final class Watchlists {
  private let cache: CacheAside
  private let store: PortfolioStore

  init(cache: CacheAside, store: PortfolioStore) {
    self.cache = cache
    self.store = store
  }

  // MARK: - Reading

  func all(of owner: Principal) async throws -> [Watchlist] {
    let store = store
    let key = key(owner)
    let load: CacheAside.Load = {
      WatchlistCodec.encode(try await store.watchlists(userID: owner.userID))
    }
    let answer = try await cache.read(key, CachePolicies.watchlist, load: load)
    if let lists = answer.value.flatMap(WatchlistCodec.decode) {
      return lists.filter { $0.accountID == owner.accountID }
    }
    // Not of our making: thrown away, and asked for where it is right.
    await cache.invalidate([key])
    return try await store.watchlists(owner.accountID)
  }

  /// Nil where the owner has no such list.
  func one(_ id: String, of owner: Principal) async throws -> Watchlist? {
    try await all(of: owner).first { $0.id == id }
  }

  private func key(_ owner: Principal) -> String { "watchlist:\(owner.userID)" }

  // MARK: - Writing

  /// A list of that name with the same symbols is the answer itself: who repeats a request whose
  /// answer was lost gets what the first one made.
  func create(
    name: String, symbols: [String], of owner: Principal
  ) async throws -> Watchlist {
    let outcome = try await write(owner) {
      try await store.createWatchlist(owner.accountID, name: name, symbols: symbols)
    }
    if case .nameTaken(let there) = outcome, Watchlists.mean(symbols, there.symbols) {
      return there
    }
    return try Watchlists.list(outcome, "symbols")
  }

  /// What is nil stays.
  func update(
    _ id: String, name: String?, symbols: [String]?, of owner: Principal
  ) async throws -> Watchlist {
    let outcome = try await write(owner) {
      try await store.updateWatchlist(owner.accountID, id: id, name: name, symbols: symbols)
    }
    return try Watchlists.list(outcome, "symbols")
  }

  /// A symbol that is on the list stays where it is.
  func add(_ symbol: String, to id: String, of owner: Principal) async throws -> Watchlist {
    let outcome = try await write(owner) {
      try await store.addToWatchlist(owner.accountID, id: id, symbol: symbol)
    }
    return try Watchlists.list(outcome, "symbol")
  }

  func remove(_ symbol: String, from id: String, of owner: Principal) async throws -> Watchlist {
    let outcome = try await write(owner) {
      try await store.removeFromWatchlist(owner.accountID, id: id, symbol: symbol)
    }
    return try Watchlists.list(outcome, "symbol")
  }

  func delete(_ id: String, of owner: Principal) async throws {
    let outcome = try await write(owner) {
      try await store.deleteWatchlist(owner.accountID, id: id)
    }
    guard outcome == .deleted else { throw Watchlists.missing }
  }

  private func write(
    _ owner: Principal, _ body: () async throws -> WatchlistOutcome
  ) async throws -> WatchlistOutcome {
    do {
      let outcome = try await body()
      if outcome.hasChanged { await cache.invalidate([key(owner)]) }
      return outcome
    } catch let error as PostgresError {
      // It may have been done: then the cache must not tell otherwise.
      if error.mayHaveExecuted { await cache.invalidate([key(owner)]) }
      throw error
    }
  }

  // MARK: - Outcomes

  static let missing = HTTPError.notFound("watchlist not found")

  private static func list(_ outcome: WatchlistOutcome, _ member: String) throws -> Watchlist {
    switch outcome {
    case .done(let list): return list
    case .deleted, .notFound: throw missing
    case .nameTaken:
      throw HTTPError(
        status: 409, code: 40_910_000, message: "name: another watchlist has it already")
    case .unknownSymbols(let symbols):
      let names = symbols.prefix(5).joined(separator: ", ")
      throw HTTPError.unprocessable("\(member): there is no asset \(names)")
    case .notInList: throw HTTPError.notFound("the watchlist has no such symbol")
    case .tooManyLists:
      throw HTTPError.unprocessable(
        "name: an account has at most \(PortfolioLimits.watchlistsMax) watchlists")
    case .tooManySymbols:
      throw HTTPError.unprocessable(
        "\(member): a watchlist has at most \(PortfolioLimits.watchlistSymbolsMax) symbols")
    }
  }

  /// Whether `asked`, which may name a coin without its slash and a symbol twice, makes the list.
  static func mean(_ asked: [String], _ symbols: [String]) -> Bool {
    var rest = symbols[...]
    var seen: [String] = []
    for one in asked {
      let plain = { (text: String) in text.filter { $0 != "/" } }
      if let first = rest.first, first == one || plain(first) == one {
        seen.append(first)
        rest = rest.dropFirst()
      } else if !seen.contains(where: { $0 == one || plain($0) == one }) {
        return false
      }
    }
    return rest.isEmpty
  }
}

extension WatchlistOutcome {
  fileprivate var hasChanged: Bool {
    switch self {
    case .done, .deleted: true
    case .notFound, .nameTaken, .unknownSymbols, .notInList, .tooManyLists, .tooManySymbols: false
    }
  }
}
