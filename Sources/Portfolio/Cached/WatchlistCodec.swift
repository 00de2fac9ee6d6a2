// What `watchlist:{userId}` holds: all lists of a user, ids, names and symbols only. What their assets
// are is looked up apart, so that an asset that changes needs no list to be invalidated.
import MarketData
import WebTransport

enum WatchlistCodec {
  private static let version: [UInt8] = Array("w1 ".utf8)

  static func encode(_ lists: [Watchlist]) -> [UInt8] {
    var writer = JSONWriter()
    writer.array(lists) { writer, list in
      writer.object { writer in
        writer.field("id", list.id)
        writer.field("account_id", list.accountID)
        writer.field("name", list.name)
        writer.field("created_at", list.createdAt)
        writer.field("updated_at", list.updatedAt)
        writer.key("symbols")
        writer.array(list.symbols) { $0.string($1) }
      }
    }
    return version + writer.bytes()
  }

  /// Nil for whatever is not exactly what `encode` writes.
  static func decode(_ bytes: [UInt8]) -> [Watchlist]? {
    guard bytes.starts(with: version),
      let value = try? BodyValue.parse(Array(bytes.dropFirst(version.count))),
      case .array(let elements) = value
    else { return nil }
    var lists: [Watchlist] = []
    for element in elements {
      guard case .object(let members) = element, let list = list(members) else { return nil }
      lists.append(list)
    }
    return lists
  }

  private static func list(_ members: [BodyValue.Member]) -> Watchlist? {
    guard
      members.map(\.name) == ["id", "account_id", "name", "created_at", "updated_at", "symbols"],
      case .string(let idText) = members[0].value, let id = ValueKind.uuid.fromText(idText),
      case .string(let accountText) = members[1].value,
      let accountID = ValueKind.uuid.fromText(accountText),
      case .string(let name) = members[2].value,
      case .number(let created) = members[3].value, let createdAt = Int64(created),
      case .number(let updated) = members[4].value, let updatedAt = Int64(updated),
      let symbols = ValueKind.symbols(0...PortfolioLimits.watchlistSymbolsMax).fromJSON(
        members[5].value)
    else { return nil }
    return Watchlist(
      id: id, accountID: accountID, name: name, createdAt: createdAt, updatedAt: updatedAt,
      symbols: symbols)
  }
}
