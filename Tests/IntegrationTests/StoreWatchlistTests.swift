import PostgresClient
import TestSupport
import Testing

@testable import Portfolio

@Suite(.serialized) struct StoreWatchlistTests {
  private typealias S = StoreScene
  private static let account = S.account(1)

  @Test func aListIsMadeChangedAndDeleted() async throws {
    try await withStore { store, _ in
      let made = try await store.createWatchlist(
        Self.account, name: "New", symbols: ["MSFT", "BTCUSD", "MSFT", "AAPL"])
      guard case .done(let list) = made else { throw Unexpected(made) }
      #expect(list.symbols == ["MSFT", "BTC/USD", "AAPL"] && list.name == "New")
      #expect(try await store.watchlist(Self.account, id: list.id) == list)
      #expect(try await store.watchlist(Self.account, name: "New") == list)
      #expect(try await store.watchlists(userID: S.user(1)).contains(list))

      // A repeated request finds its list.
      #expect(
        try await store.createWatchlist(Self.account, name: "New", symbols: []) == .nameTaken(list))
      #expect(
        try await store.createWatchlist(Self.account, name: "Other", symbols: ["AAPL", "NONE"])
          == .unknownSymbols(["NONE"]))
      #expect(try await store.watchlists(Self.account).count == 3)

      // In the middle, at the end, again, and back.
      let removed = try await store.removeFromWatchlist(
        Self.account, id: list.id, symbol: "BTC/USD")
      #expect(Self.symbols(removed) == ["MSFT", "AAPL"])
      #expect(
        try await store.removeFromWatchlist(Self.account, id: list.id, symbol: "BTCUSD")
          == .notInList)
      #expect(
        try await store.removeFromWatchlist(Self.account, id: list.id, symbol: "NONE") == .notInList
      )
      for _ in 0..<2 {
        let added = try await store.addToWatchlist(Self.account, id: list.id, symbol: "BTC/USD")
        #expect(Self.symbols(added) == ["MSFT", "AAPL", "BTC/USD"])
      }
      #expect(
        try await store.addToWatchlist(Self.account, id: list.id, symbol: "NONE")
          == .unknownSymbols(["NONE"]))

      // Name, symbols, both, neither.
      let renamed = try await store.updateWatchlist(
        Self.account, id: list.id, name: "Renamed", symbols: nil)
      #expect(Self.symbols(renamed) == ["MSFT", "AAPL", "BTC/USD"])
      let emptied = try await store.updateWatchlist(
        Self.account, id: list.id, name: nil, symbols: [])
      guard case .done(let empty) = emptied else { throw Unexpected(emptied) }
      #expect(empty.name == "Renamed" && empty.symbols.isEmpty && empty.updatedAt >= list.updatedAt)
      let same = try await store.updateWatchlist(
        Self.account, id: list.id, name: "Renamed", symbols: ["AAPL"])
      #expect(Self.symbols(same) == ["AAPL"])
      guard
        case .nameTaken = try await store.updateWatchlist(
          Self.account, id: list.id, name: "First", symbols: [])
      else { throw Unexpected(same) }
      #expect(try await store.watchlist(Self.account, id: list.id)?.symbols == ["AAPL"])

      #expect(try await store.deleteWatchlist(Self.account, id: list.id) == .deleted)
      #expect(try await store.deleteWatchlist(Self.account, id: list.id) == .notFound)
    }
  }

  @Test func writersAtOnceLoseNothing() async throws {
    // They wait for each other's locks, each on a connection: not for 2 s on a busy machine.
    var options = PostgresOptions()
    options.waitMilliseconds = 60_000
    options.statementMilliseconds = 60_000
    try await withStore(options: options) { store, scene in
      let pool = store.pool
      // One name, many makers: one makes it.
      let makers = (0..<20).map { _ in
        pool.begin { pool in
          try await PortfolioStore(pool: pool).createWatchlist(
            Self.account, name: "One", symbols: ["AAPL"])
        }
      }
      var made = 0
      for maker in makers {
        if case .done = try await maker.value.get() { made += 1 }
      }
      #expect(made == 1)
      #expect(try scene.server.psql("SELECT count(*) FROM watchlists WHERE name = 'One'") == "1")

      // Many symbols at once into and out of one list.
      try scene.server.psql(
        """
        INSERT INTO assets (symbol, class, exchange, name)
        SELECT 'S' || n, 'us_equity', '', 'S' FROM generate_series(1, 40) AS n
        """)
      let list = S.list(1)
      let writers = (1...40).map { n in
        pool.begin { pool in
          let store = PortfolioStore(pool: pool)
          _ = try await store.addToWatchlist(Self.account, id: list, symbol: "S\(n)")
          if n % 2 == 0 {
            _ = try await store.removeFromWatchlist(Self.account, id: list, symbol: "S\(n)")
          }
        }
      }
      for writer in writers { try await writer.value.get() }
      let symbols = try #require(try await store.watchlist(Self.account, id: list)).symbols
      let added = (1...40).filter { $0 % 2 == 1 }.map { "S\($0)" }
      #expect(Set(symbols) == Set(["AAPL", "MSFT"] + added) && symbols.count == 22)
      #expect(
        try scene.server.psql(
          "SELECT max(position) FROM watchlist_items WHERE watchlist_id = '\(list)'") == "21")
    }
  }

  @Test func boundsAreKept() async throws {
    try await withStore { store, scene in
      try scene.server.psql(
        """
        INSERT INTO assets (symbol, class, exchange, name)
        SELECT 'S' || n, 'us_equity', '', 'S' FROM generate_series(1, 501) AS n
        """)
      let symbols = (1...501).map { "S\($0)" }
      let list = S.list(2)
      #expect(
        try await store.updateWatchlist(Self.account, id: list, name: nil, symbols: symbols)
          == .tooManySymbols)
      let full = try await store.updateWatchlist(
        Self.account, id: list, name: nil, symbols: Array(symbols.dropLast()))
      #expect(Self.symbols(full)?.count == 500)
      #expect(
        try await store.addToWatchlist(Self.account, id: list, symbol: "S501") == .tooManySymbols)
      _ = try await store.removeFromWatchlist(Self.account, id: list, symbol: "S1")
      let again = try await store.addToWatchlist(Self.account, id: list, symbol: "S501")
      #expect(Self.symbols(again)?.last == "S501")

      for n in 3...PortfolioLimits.watchlistsMax {
        guard
          case .done = try await store.createWatchlist(Self.account, name: "L\(n)", symbols: [])
        else {
          Issue.record("list \(n)")
          continue
        }
      }
      #expect(
        try await store.createWatchlist(Self.account, name: "over", symbols: []) == .tooManyLists)
      // One that is there is still found.
      guard
        case .nameTaken = try await store.createWatchlist(Self.account, name: "L3", symbols: [])
      else {
        Issue.record("L3")
        return
      }
    }
  }

  private static func symbols(_ outcome: WatchlistOutcome) -> [String]? {
    if case .done(let list) = outcome { list.symbols } else { nil }
  }

  private struct Unexpected: Error {
    let outcome: WatchlistOutcome
    init(_ outcome: WatchlistOutcome) { self.outcome = outcome }
  }
}
