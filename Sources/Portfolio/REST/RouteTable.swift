// Every endpoint. The router of a web server and `/openapi.json` are both made from this list; to add an
// endpoint is to add a value to one of its parts.
import WebTransport

enum RouteTable {
  static let all: [Route] =
    accountRoutes + orderRoutes + watchlistRoutes + assetRoutes + marketRoutes
    + recordedRoutes + latestRoutes + snapshotRoutes + ownRoutes

  /// The document. A route of it is made here, since it shows the table that it is in.
  static let document = OpenAPI.document(all, schemas: Answers.schemas)

  static let documentRoute = "/openapi.json"
}

extension HTTPResponse {
  /// One row as JSON.
  static func json<Row>(_ shape: Shape<Row>, _ row: Row) throws -> HTTPResponse {
    .json(try shape.checkedBytes(row))
  }

  /// Rows as a JSON array.
  static func json<Row>(_ shape: Shape<Row>, _ rows: [Row]) throws -> HTTPResponse {
    .json(try shape.checkedBytes(rows))
  }
}
