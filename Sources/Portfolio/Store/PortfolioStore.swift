// What the service asks the database, as functions. Every question about money or orders takes the
// account it is asked for, and sees nothing of others: a foreign id is like one that does not exist.
//
// Ids are UUIDs, checked by the caller. Belongs to the pool's loop. It caches nothing.
import PostgresClient

final class PortfolioStore {
  let pool: PostgresPool

  init(pool: PostgresPool) { self.pool = pool }

  // MARK: - Money

  func account(_ accountID: String) async throws(PostgresError) -> Account? {
    try await pool.query(AccountStatements.account, [.uuid(accountID)]).first
  }

  func positions(_ accountID: String) async throws(PostgresError) -> [Position] {
    try await pool.query(AccountStatements.positions, [.uuid(accountID)])
  }

  func position(_ accountID: String, symbol: String) async throws(PostgresError) -> Position? {
    try await pool.query(
      AccountStatements.positionBySymbol, [.uuid(accountID), .text(symbol)]
    ).first
  }

  func position(_ accountID: String, assetID: String) async throws(PostgresError) -> Position? {
    try await pool.query(
      AccountStatements.positionByAsset, [.uuid(accountID), .uuid(assetID)]
    ).first
  }

  /// What belongs together, as it was at one moment.
  struct Holdings: Hashable, Sendable {
    var account: Account
    var positions: [Position]
  }

  /// Account and positions of one moment; nil: there is no such account.
  func holdings(_ accountID: String) async throws(PostgresError) -> Holdings? {
    try await snapshot { transaction throws(PostgresError) in
      guard
        let account = try await transaction.query(
          AccountStatements.account, [.uuid(accountID)]
        ).first
      else { return nil }
      let positions = try await transaction.query(
        AccountStatements.positions, [.uuid(accountID)])
      return Holdings(account: account, positions: positions)
    }
  }

  struct Overview: Hashable, Sendable {
    var holdings: Holdings
    /// The newest, with their legs beside them.
    var openOrders: [Order]
  }

  /// All the money of one moment; nil: there is no such account.
  func portfolio(_ accountID: String) async throws(PostgresError) -> Overview? {
    let id = [PostgresParameter.uuid(accountID)]
    return try await snapshot { transaction throws(PostgresError) in
      guard let account = try await transaction.query(AccountStatements.account, id).first else {
        return nil
      }
      return Overview(
        holdings: Holdings(
          account: account,
          positions: try await transaction.query(AccountStatements.positions, id)),
        openOrders: try await transaction.query(OrderStatements.open, id))
    }
  }

  /// One snapshot of the database for all of `body`'s questions.
  private func snapshot<Value>(
    _ body: (PostgresTransaction) async throws(PostgresError) -> Value
  ) async throws(PostgresError) -> Value {
    do {
      return try await pool.transaction(.repeatableReadReadOnly, body)
    } catch let error as PostgresError {
      throw error
    } catch {
      preconditionFailure("the body throws nothing else: \(error)")
    }
  }

  // MARK: - Orders and fills

  func orders(
    _ accountID: String, _ filter: OrderFilter
  ) async throws(PostgresError) -> [Order] {
    let statement = filter.isAscending ? OrderStatements.oldestFirst : OrderStatements.newestFirst
    let parameters = filter.parameters(accountID)
    guard filter.isNested else { return try await pool.query(statement, parameters) }
    return try await snapshot { transaction throws(PostgresError) in
      let orders = try await transaction.query(statement, parameters)
      return try await self.withLegs(orders, accountID, transaction)
    }
  }

  func order(
    _ accountID: String, id: String, isNested: Bool = false
  ) async throws(PostgresError) -> Order? {
    try await order(OrderStatements.byID, .uuid(id), accountID, isNested)
  }

  func order(
    _ accountID: String, clientOrderID: String, isNested: Bool = false
  ) async throws(PostgresError) -> Order? {
    try await order(OrderStatements.byClientID, .text(clientOrderID), accountID, isNested)
  }

  private func order(
    _ statement: PostgresStatement<Order>, _ key: PostgresParameter, _ accountID: String,
    _ isNested: Bool
  ) async throws(PostgresError) -> Order? {
    let parameters = [.uuid(accountID), key]
    guard isNested else { return try await pool.query(statement, parameters).first }
    return try await snapshot { transaction throws(PostgresError) in
      let orders = try await transaction.query(statement, parameters)
      return try await self.withLegs(orders, accountID, transaction).first
    }
  }

  private func withLegs(
    _ orders: [Order], _ accountID: String, _ transaction: PostgresTransaction
  ) async throws(PostgresError) -> [Order] {
    let parents = orders.filter { $0.orderClass != "simple" }.map(\.id)
    if parents.isEmpty { return orders }
    let legs = Dictionary(
      grouping: try await transaction.query(
        OrderStatements.legs, [.uuid(accountID), .uuids(parents)]),
      by: \.parentID)
    return orders.map { order in
      var order = order
      order.legs = legs[order.id] ?? []
      return order
    }
  }

  /// One page; nil: `afterFill` is no fill of this account.
  func fills(
    _ accountID: String, _ filter: FillFilter
  ) async throws(PostgresError) -> [Fill]? {
    let page = try await pool.query(
      filter.isAscending ? FillStatements.oldestFirst : FillStatements.newestFirst,
      filter.parameters(accountID))
    if page.isEmpty, let token = filter.afterFill {
      let exists = try await pool.query(FillStatements.exists, [.uuid(accountID), .uuid(token)])
      return exists == [true] ? [] : nil
    }
    return page
  }

  // MARK: - Assets, profile, market

  func assets() async throws(PostgresError) -> [Asset] {
    try await pool.query(AssetStatements.all)
  }

  func assets(symbols: [String]) async throws(PostgresError) -> [Asset] {
    try await pool.query(AssetStatements.bySymbols, [.texts(symbols)])
  }

  func asset(symbol: String) async throws(PostgresError) -> Asset? {
    try await pool.query(AssetStatements.bySymbol, [.text(symbol)]).first
  }

  func asset(id: String) async throws(PostgresError) -> Asset? {
    try await pool.query(AssetStatements.byID, [.uuid(id)]).first
  }

  func profile(_ userID: String) async throws(PostgresError) -> Profile? {
    try await pool.query(ProfileStatements.profile, [.uuid(userID)]).first
  }

  func profileVersion(_ userID: String) async throws(PostgresError) -> Int64? {
    try await pool.query(ProfileStatements.version, [.uuid(userID)]).first
  }

  /// The profile after the change; nil: there is none.
  func changeProfile(
    _ userID: String, _ change: ProfileChange
  ) async throws(PostgresError) -> Profile? {
    try await pool.query(
      ProfileStatements.change,
      [
        .uuid(userID), .textOrNull(change.displayName), .textOrNull(change.locale),
        .textOrNull(change.timeZone), change.preferences.map { .json($0) } ?? .null,
      ]
    ).first
  }

  /// Days from `start` to `end`, both `YYYY-MM-DD`, both included.
  func calendar(start: String?, end: String?) async throws(PostgresError) -> [CalendarDay] {
    try await pool.query(
      CalendarStatements.between, [.dateOrNull(start), .dateOrNull(end)])
  }

  /// - Parameter moment: microseconds since 1970.
  func clock(at moment: Int64) async throws(PostgresError) -> MarketClock {
    let rows = try await pool.query(
      CalendarStatements.clock, [.timestamp(microseconds: moment)])
    // The statement selects from one row without a condition.
    return rows[0]
  }

  /// Points from `start` (excluded) to `end` (included), in microseconds since 1970, one an interval:
  /// its last. `daily` makes an interval of each day of New York.
  func equityHistory(
    _ accountID: String, after start: Int64, until end: Int64, interval: EquityInterval
  ) async throws(PostgresError) -> [EquityPoint] {
    let range: [PostgresParameter] = [
      .uuid(accountID), .timestamp(microseconds: start), .timestamp(microseconds: end),
    ]
    return switch interval {
    case .daily: try await pool.query(EquityStatements.daily, range)
    case .seconds(let seconds):
      try await pool.query(EquityStatements.spaced, range + [.integer(seconds)])
    }
  }
}
