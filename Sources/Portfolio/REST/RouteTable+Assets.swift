// Assets, through the cache: an index to choose from, and the JSON of each.
import Credentials
import MarketData
import WebTransport

extension RouteTable {
  static let assetRoutes: [Route] = [
    Route(
      method: .get, pattern: "/v2/assets", operation: "get_all_assets", summary: "All assets.",
      parameters: [
        Parameters.assetStatus, Parameters.assetClass, Parameters.assetExchange,
        Parameters.assetAttributes,
      ],
      success: .ok(.array(Answers.asset.reference), "The assets, by symbol.")
    ) { call in
      let attributes = call[Parameters.assetAttributes].map {
        $0.split(separator: ",").map(String.init)
      }
      let chosen = try await call.service.assets.index().entries.filter { entry in
        func fits(_ wanted: String?, _ value: String) -> Bool { wanted == nil || wanted == value }
        let status = call[Parameters.assetStatus]
        return (status == "all" || fits(status, entry.status))
          && fits(call[Parameters.assetClass], entry.assetClass)
          && fits(call[Parameters.assetExchange], entry.exchange)
          && (attributes?.contains(where: entry.attributes.contains) ?? true)
      }
      let json = try await call.service.assets.json(chosen.map(\.symbol))
      var writer = JSONWriter()
      writer.array(chosen.compactMap { json[$0.symbol] }) {
        $0.raw(String(decoding: $1, as: UTF8.self))
      }
      return .json(writer.bytes())
    },
    Route(
      method: .get, pattern: "/v2/assets/{symbol_or_asset_id+}", operation: "get_asset",
      summary: "One asset.", parameters: [Parameters.assetName],
      success: .ok(Answers.asset.reference, "The asset.")
    ) { call in
      let name = call.arguments.required(Parameters.assetName)
      guard let entry = try await call.service.assets.index().find(name),
        let json = try await call.service.assets.json(entry.symbol)
      else { throw HTTPError.notFound("asset not found") }
      return .json(json)
    },
  ]
}
