// Watchlists: read through the cache, written in one transaction each.
import Credentials
import MarketData
import WebTransport

extension RouteTable {
  private static let answer = Route.Success.ok(Answers.watchlist.reference, "The watchlist.")

  static let watchlistRoutes: [Route] = [
    Route(
      method: .get, pattern: "/v2/watchlists", operation: "get_watchlists",
      summary: "All watchlists, with their assets.",
      success: .ok(.array(Answers.watchlist.reference), "The watchlists, oldest first.")
    ) { call in
      let lists = try await call.service.watchlists.all(of: call.owner)
      return try .json(Answers.watchlist, try await call.service.shown(lists))
    },
    Route(
      method: .post, pattern: "/v2/watchlists", operation: "create_watchlist",
      summary:
        "Makes a watchlist. One of the same name with the same symbols is the answer itself.",
      parameters: [Parameters.newWatchlistName, Parameters.watchlistSymbols], success: answer,
      errors: [(409, "Another watchlist has the name.")]
    ) { call in
      let list = try await call.service.watchlists.create(
        name: call.arguments.required(Parameters.newWatchlistName),
        symbols: call[Parameters.watchlistSymbols] ?? [], of: call.owner)
      return try .json(Answers.watchlist, try await call.service.shown([list])[0])
    },
    Route(
      method: .get, pattern: "/v2/watchlists/{watchlist_id}", operation: "get_watchlist_by_id",
      summary: "One watchlist, with its assets.", parameters: [Parameters.watchlistID],
      success: answer
    ) { call in
      let id = call.arguments.required(Parameters.watchlistID)
      guard let list = try await call.service.watchlists.one(id, of: call.owner) else {
        throw Watchlists.missing
      }
      return try .json(Answers.watchlist, try await call.service.shown([list])[0])
    },
    Route(
      method: .put, pattern: "/v2/watchlists/{watchlist_id}", operation: "update_watchlist_by_id",
      summary: "Changes a watchlist's name, its symbols or both; what is left out stays.",
      parameters: [
        Parameters.watchlistID, Parameters.watchlistName, Parameters.watchlistSymbols,
      ], success: answer, errors: [(409, "Another watchlist has the name.")]
    ) { call in
      let list = try await call.service.watchlists.update(
        call.arguments.required(Parameters.watchlistID), name: call[Parameters.watchlistName],
        symbols: call[Parameters.watchlistSymbols], of: call.owner)
      return try .json(Answers.watchlist, try await call.service.shown([list])[0])
    },
    Route(
      method: .post, pattern: "/v2/watchlists/{watchlist_id}",
      operation: "add_asset_to_watchlist_by_id",
      summary: "Puts a symbol at the end of a watchlist; one that is on it stays where it is.",
      parameters: [Parameters.watchlistID, Parameters.addedSymbol], success: answer
    ) { call in
      let list = try await call.service.watchlists.add(
        call.arguments.required(Parameters.addedSymbol),
        to: call.arguments.required(Parameters.watchlistID), of: call.owner)
      return try .json(Answers.watchlist, try await call.service.shown([list])[0])
    },
    Route(
      method: .delete, pattern: "/v2/watchlists/{watchlist_id}",
      operation: "delete_watchlist_by_id", summary: "Deletes a watchlist.",
      parameters: [Parameters.watchlistID], success: .noContent("It is deleted.")
    ) { call in
      try await call.service.watchlists.delete(
        call.arguments.required(Parameters.watchlistID), of: call.owner)
      return HTTPResponse(status: 204)
    },
    Route(
      method: .delete, pattern: "/v2/watchlists/{watchlist_id}/{symbol+}",
      operation: "remove_asset_from_watchlist_by_id", summary: "Takes a symbol off a watchlist.",
      parameters: [Parameters.watchlistID, Parameters.watchlistSymbol], success: answer
    ) { call in
      let list = try await call.service.watchlists.remove(
        call.arguments.required(Parameters.watchlistSymbol),
        from: call.arguments.required(Parameters.watchlistID), of: call.owner)
      return try .json(Answers.watchlist, try await call.service.shown([list])[0])
    },
  ]
}

extension PortfolioService {
  /// Lists with the JSON of their assets; one that is no more is left out.
  func shown(_ lists: [Watchlist]) async throws -> [ShownWatchlist] {
    let symbols = Set(lists.flatMap(\.symbols))
    let assets = try await assets.json(Array(symbols))
    return lists.map { list in
      ShownWatchlist(
        row: list,
        assets: list.symbols.compactMap { symbol in
          assets[symbol].map { String(decoding: $0, as: UTF8.self) }
        })
    }
  }
}
