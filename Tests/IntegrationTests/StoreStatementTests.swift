// Goal: PostgreSQL takes every statement with the types that are declared for it, and none is named
// twice. Method: it prepares each against the schema.
import PostgresClient
import TestSupport
import Testing

@testable import Portfolio

@Suite(.serialized) struct StoreStatementTests {
  private struct Text {
    var name: String
    var sql: String
    var types: [PostgresType]

    init<Row>(_ statement: PostgresStatement<Row>) {
      name = statement.name
      sql = statement.sql
      types = statement.types
    }
  }

  private static let all: [Text] = [
    Text(AccountStatements.account), Text(AccountStatements.positions),
    Text(AccountStatements.positionByAsset), Text(AccountStatements.positionBySymbol),
    Text(AssetStatements.all), Text(AssetStatements.byID), Text(AssetStatements.bySymbol),
    Text(AssetStatements.bySymbols), Text(CalendarStatements.between),
    Text(CalendarStatements.clock), Text(CalendarStatements.extend), Text(EquityStatements.daily),
    Text(EquityStatements.holdings), Text(EquityStatements.insert), Text(EquityStatements.spaced),
    Text(FillStatements.exists), Text(FillStatements.newestFirst),
    Text(FillStatements.oldestFirst), Text(OrderStatements.byClientID), Text(OrderStatements.byID),
    Text(OrderStatements.legs), Text(OrderStatements.newestFirst),
    Text(OrderStatements.oldestFirst), Text(OrderStatements.open), Text(ProfileStatements.change),
    Text(ProfileStatements.profile), Text(ProfileStatements.version),
    Text(Pruning.equityHistory), Text(Pruning.invalidationLog), Text(Pruning.sessions),
    Text(WatchlistStatements.append),
    Text(WatchlistStatements.byID), Text(WatchlistStatements.byName),
    Text(WatchlistStatements.clear), Text(WatchlistStatements.closeGap),
    Text(WatchlistStatements.count), Text(WatchlistStatements.delete),
    Text(WatchlistStatements.fill), Text(WatchlistStatements.insert),
    Text(WatchlistStatements.lock), Text(WatchlistStatements.lockAccount),
    Text(WatchlistStatements.ofAccount), Text(WatchlistStatements.ofUser),
    Text(WatchlistStatements.remove), Text(WatchlistStatements.rename),
    Text(WatchlistStatements.resolve), Text(WatchlistStatements.touch),
  ]

  @Test func everyStatementIsPrepared() throws {
    let scene = try StoreScene()
    defer { scene.close() }
    #expect(Set(Self.all.map(\.name)).count == Self.all.count)
    for statement in Self.all {
      let types = statement.types.map { "(\($0.rawValue)::regtype)" }
      // PREPARE takes names of types, the numbers are looked up first.
      let names = try types.map { try scene.server.psql("SELECT \($0)") }
      let list = names.isEmpty ? "" : "(\(names.joined(separator: ", ")))"
      let refusal = scene.refusal("PREPARE \(statement.name)\(list) AS \(statement.sql)")
      #expect(refusal == nil, "\(statement.name): \(refusal ?? "")")
    }
  }
}
