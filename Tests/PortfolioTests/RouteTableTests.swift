import Foundation
import MarketData
import Testing
import WebTransport

@testable import Portfolio

/// The router and the document say the same, since both are the table.
@Suite struct RouteTableTests {
  private func document() throws -> [String: Any] {
    let data = Data(RouteTable.document)
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func everyRouteIsInTheDocumentOnce() throws {
    let paths = try #require(try document()["paths"] as? [String: [String: Any]])
    #expect(paths.values.map(\.count).reduce(0, +) == RouteTable.all.count)
    #expect(Set(RouteTable.all.map(\.operation)).count == RouteTable.all.count)
    for route in RouteTable.all {
      let operation =
        paths[route.documentPath]?[route.method.rawValue.lowercased()] as? [String: Any]
      #expect(operation?["operationId"] as? String == route.operation)
      #expect((operation?["security"] != nil) == (route.access == .credentials))
    }
  }

  /// A name in a pattern without a parameter would trap at the first request.
  @Test func everyNameInAPatternIsAParameter() {
    for route in RouteTable.all {
      let names = route.documentPath.split(separator: "/").filter { $0.hasPrefix("{") }
        .map { String($0.dropFirst().dropLast()) }
      let parameters = route.parameters.filter { $0.place == .path }.map(\.name)
      #expect(names.sorted() == parameters.sorted(), "\(route.operation)")
      #expect(Set(route.parameters.map(\.name)).count == route.parameters.count)
    }
  }

  @Test func everyReferenceLeadsToASchema() throws {
    let components = try #require(try document()["components"] as? [String: Any])
    let schemas = try #require(components["schemas"] as? [String: Any])
    let text = String(decoding: RouteTable.document, as: UTF8.self)
    for match in text.matches(of: /#\/components\/schemas\/([A-Za-z]+)/) {
      #expect(schemas[String(match.1)] != nil, "\(match.1)")
    }
  }

  /// A row that the SDKs have no word for costs its request, not the SDK's whole list.
  @Test func aWordOfNoClosedListIsRefusedOrEmpty() throws {
    var asset = Asset(
      id: "x", symbol: "X", assetClass: "us_equity", exchange: "NSE", name: "", status: "active",
      isTradable: true, isMarginable: false, isShortable: false, isEasyToBorrow: false,
      isFractionable: false, attributes: [])
    let text = String(decoding: try Answers.asset.checkedBytes(asset), as: UTF8.self)
    #expect(text.contains(#""exchange":"""#))
    asset.assetClass = "fx"
    #expect(throws: UnspeakableRow.self) { try Answers.asset.checkedBytes(asset) }
  }
}
