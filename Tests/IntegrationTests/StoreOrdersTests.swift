// Goal: every filter of orders and fills gives what it says and nothing of others. Method: all of an
// account's rows, filtered once more in Swift.
import PostgresClient
import TestSupport
import Testing

@testable import Portfolio

@Suite(.serialized) struct StoreOrdersTests {
  @Test func filtersOfOrdersGiveWhatTheySay() async throws {
    try await withDemo { store, server in
      for (account, _) in try demoAccounts(server) {
        var everything = OrderFilter()
        everything.status = .all
        everything.limit = 500
        let all = try await store.orders(account, everything)
        #expect(all.count == 66 || all.count == 68)
        #expect(zip(all, all.dropFirst()).allSatisfy(Self.isNewer))
        var random = SplitMix64(seed: 7)
        for _ in 0..<200 {
          let filter = Self.filter(all, &random)
          let found = try await store.orders(account, filter)
          #expect(found.map(\.id) == Self.model(all, filter).map(\.id), "\(filter)")
          for order in found where filter.isNested {
            #expect(
              order.legs.map(\.id)
                == all.reversed().filter { $0.parentID == order.id }.map(\.id))
          }
        }
      }
    }
  }

  private static func isNewer(_ a: Order, _ b: Order) -> Bool {
    (a.submittedAt, a.id) > (b.submittedAt, b.id)
  }

  private static func filter(_ all: [Order], _ random: inout SplitMix64) -> OrderFilter {
    var filter = OrderFilter()
    filter.status = [.open, .closed, .all].randomElement(using: &random)!
    filter.isAscending = Bool.random(using: &random)
    filter.isNested = Bool.random(using: &random)
    filter.limit = [1, 7, 50, 500].randomElement(using: &random)!
    if Int.random(in: 0..<3, using: &random) == 0 {
      filter.side = ["buy", "sell"].randomElement(using: &random)!
    }
    // Times of orders, so that both ends' exclusion shows.
    if Bool.random(using: &random) { filter.after = all.randomElement(using: &random)!.submittedAt }
    if Bool.random(using: &random) { filter.until = all.randomElement(using: &random)!.submittedAt }
    if Bool.random(using: &random) {
      filter.symbols = (0..<3).map { _ in
        let symbol = all.randomElement(using: &random)!.symbol
        return Bool.random(using: &random) ? symbol : symbol.filter { $0 != "/" }
      }
    }
    return filter
  }

  private static func model(_ all: [Order], _ filter: OrderFilter) -> [Order] {
    let closed = ["filled", "canceled", "expired", "replaced", "rejected"]
    var found = all.filter { order in
      let isClosed = closed.contains(order.status)
      return (filter.status == .all || isClosed == (filter.status == .closed))
        && filter.after.map { order.submittedAt > $0 } ?? true
        && filter.until.map { order.submittedAt < $0 } ?? true
        && filter.side.map { order.side == $0 } ?? true
        && filter.symbols.map {
          $0.contains(order.symbol) || $0.contains(order.symbol.filter { $0 != "/" })
        } ?? true
        && (!filter.isNested || order.parentID == nil)
    }
    if filter.isAscending { found.reverse() }
    return Array(found.prefix(filter.limit))
  }

  @Test func pagesOfFillsAreTheWholeInOrder() async throws {
    try await withDemo { store, server in
      let account = try demoAccounts(server)[0].account
      // Several at one moment, so that pages begin between them.
      try server.psql(
        """
        UPDATE fills SET at = date_trunc('day', at) WHERE id IN (
          SELECT id FROM fills WHERE account_id = '\(account)' ORDER BY at LIMIT 20)
        """)
      let ids = try server.psql(
        "SELECT id FROM fills WHERE account_id = '\(account)' ORDER BY at DESC, id DESC"
      ).split(separator: "\n").map(String.init)
      #expect(ids.count > 50)
      for (isAscending, size) in [(false, 7), (true, 13), (false, 100), (true, 1)] {
        let expected = isAscending ? ids.reversed() : ids
        let fills = try await Self.pages(store, account, size, isAscending)
        #expect(fills.map(\.id) == expected)
      }
      // A fill that is booked between two pages shifts nothing.
      var filter = FillFilter()
      filter.pageSize = 10
      let first = try #require(try await store.fills(account, filter))
      try server.psql(
        """
        SELECT book_fill(id, 0.5, 1) FROM orders
        WHERE account_id = '\(account)' AND status = 'partially_filled' LIMIT 1
        """)
      filter.afterFill = first.last?.id
      let second = try #require(try await store.fills(account, filter))
      #expect((first + second).map(\.id) == Array(ids.prefix(20)))
      // Of one day of New York, and between two moments.
      let day = try server.psql(
        """
        SELECT ((timestamptz 'epoch' + \(first[3].at) * interval '1 microsecond')
          AT TIME ZONE 'America/New_York')::date
        """)
      var daily = FillFilter()
      daily.date = day
      let ofDay = try #require(try await store.fills(account, daily))
      let countOfDay = try server.psql(
        """
        SELECT count(*) FROM fills WHERE account_id = '\(account)'
          AND (at AT TIME ZONE 'America/New_York')::date = '\(day)'
        """)
      #expect(String(ofDay.count) == countOfDay)
      var between = FillFilter()
      between.after = first[9].at
      between.until = first[0].at
      let inside = try #require(try await store.fills(account, between))
      let expected = first.filter { $0.at > first[9].at && $0.at < first[0].at }
      #expect(inside.map(\.id) == expected.map(\.id))
    }
  }

  private static func pages(
    _ store: PortfolioStore, _ account: String, _ size: Int, _ isAscending: Bool
  ) async throws -> [Fill] {
    var filter = FillFilter()
    filter.pageSize = size
    filter.isAscending = isAscending
    var all: [Fill] = []
    // Bounded, for a page that does not move on.
    while let page = try await store.fills(account, filter), !page.isEmpty, all.count < 1_000 {
      all += page
      filter.afterFill = page.last?.id
    }
    return all
  }

  @Test func nobodySeesAnothersRows() async throws {
    try await withDemo { store, server in
      let accounts = try demoAccounts(server)
      let (own, other) = (accounts[0].account, accounts[1].account)
      var everything = OrderFilter()
      everything.status = .all
      let orders = try await store.orders(other, everything)
      let fills = try #require(try await store.fills(other, FillFilter()))
      let lists = try await store.watchlists(other)
      let held = try await store.positions(other)
      #expect(!orders.isEmpty && !fills.isEmpty && !lists.isEmpty && !held.isEmpty)
      for order in orders {
        #expect(try await store.order(own, id: order.id) == nil)
        #expect(try await store.order(own, id: order.id, isNested: true) == nil)
        #expect(try await store.order(other, id: order.id)?.id == order.id)
        #expect(try await store.order(other, clientOrderID: order.clientOrderID)?.id == order.id)
        #expect(try await store.order(own, clientOrderID: order.clientOrderID) == nil)
      }
      var filter = FillFilter()
      filter.afterFill = fills[0].id
      #expect(try await store.fills(own, filter) == nil)
      let mine = try await store.orders(own, everything)
      #expect(Set(mine.map(\.id)).isDisjoint(with: orders.map(\.id)))
      for list in lists {
        let id = list.id
        #expect(try await store.watchlist(own, id: id) == nil)
        #expect(try await store.deleteWatchlist(own, id: id) == .notFound)
        #expect(try await store.addToWatchlist(own, id: id, symbol: "KO") == .notFound)
        #expect(try await store.removeFromWatchlist(own, id: id, symbol: "JPM") == .notFound)
        #expect(try await store.updateWatchlist(own, id: id, name: "x", symbols: []) == .notFound)
      }
      #expect(try await store.watchlists(other) == lists)
      // Somebody else's short position is nobody else's.
      let short = try #require(held.first { !$0.isLong })
      #expect(try await store.position(other, assetID: short.assetID) == short)
      #expect(try await store.position(other, symbol: short.symbol) == short)
      let ownShort = try await store.position(own, assetID: short.assetID)
      #expect(ownShort == nil || ownShort!.isLong)
      let nobody = "ffffffff-ffff-4fff-8fff-ffffffffffff"
      #expect(try await store.portfolio(nobody) == nil)
      #expect(try await store.holdings(nobody) == nil)
      #expect(try await store.account(nobody) == nil)
      #expect(try await store.positions(nobody).isEmpty)
    }
  }
}
