// The document at `/openapi.json`: OpenAPI 3.1, written from the route table.
import MarketData
import WebTransport

enum OpenAPI {
  /// The whole document. It does not change while a process runs.
  static func document(_ routes: [Route], schemas: [(name: String, schema: Schema)]) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.field("openapi", "3.1.0")
      writer.key("info")
      writer.object { writer in
        writer.field("title", "Tapedeck")
        writer.field("version", "1")
        writer.field(
          "description",
          "Accounts, positions, orders (read only: placing one is the exchange's affair), "
            + "watchlists, and the market: its newest values and its past. Streams are described "
            + "at /asyncapi.json. Money and quantities are exact decimals, written as strings. Every error "
            + "has a body with a code and a message.")
      }
      writer.key("paths")
      writer.object { paths(routes, &$0) }
      writer.key("components")
      writer.object { components(schemas, &$0) }
    }
    return writer.bytes()
  }

  private static func paths(_ routes: [Route], _ writer: inout JSONWriter) {
    var order: [String] = []
    var byPath: [String: [Route]] = [:]
    for route in routes {
      if byPath[route.documentPath] == nil { order.append(route.documentPath) }
      byPath[route.documentPath, default: []].append(route)
    }
    for path in order {
      writer.key(path)
      writer.object { writer in
        for route in byPath[path, default: []] {
          writer.key(route.method.rawValue.lowercased())
          writer.object { operation(route, &$0) }
        }
      }
    }
  }

  private static func operation(_ route: Route, _ writer: inout JSONWriter) {
    writer.field("operationId", route.operation)
    writer.field("summary", route.summary)
    let inTarget = route.parameters.filter { $0.place != .body }
    if !inTarget.isEmpty {
      writer.key("parameters")
      writer.array(inTarget) { parameter($1, &$0) }
    }
    if route.hasBody { body(route, &writer) }
    writer.key("responses")
    writer.object { responses(route, &$0) }
    if route.access == .credentials {
      writer.key("security")
      writer.array { writer in
        for schemes in [["keyId", "keySecret"], ["basic"], ["bearer"]] {
          writer.object { writer in
            for scheme in schemes {
              writer.key(scheme)
              writer.array { _ in }
            }
          }
        }
      }
    }
  }

  private static func parameter(
    _ parameter: any ParameterDeclaration, _ writer: inout JSONWriter
  ) {
    writer.object { writer in
      writer.field("name", parameter.name)
      writer.field("in", parameter.place.rawValue)
      writer.field("required", parameter.isRequired)
      writer.field("description", parameter.summary)
      if case .array = parameter.schema {
        // Commas between the elements.
        writer.field("style", parameter.place == .path ? "simple" : "form")
        writer.field("explode", false)
      }
      writer.key("schema")
      writer.schema(parameter.schema)
    }
  }

  private static func body(_ route: Route, _ writer: inout JSONWriter) {
    let members = route.parameters.filter { $0.place == .body }
    writer.key("requestBody")
    writer.object { writer in
      writer.field("required", members.contains(where: \.isRequired))
      writer.key("content")
      writer.object { writer in
        writer.key("application/json")
        writer.object { writer in
          writer.key("schema")
          writer.schema(
            .object(
              members.map { .init(name: $0.name, schema: $0.schema, isRequired: $0.isRequired) }))
        }
      }
    }
  }

  private static func responses(_ route: Route, _ writer: inout JSONWriter) {
    if let success = route.success {
      writer.key(String(success.status))
      writer.object { writer in
        writer.field("description", success.summary)
        if !success.headers.isEmpty { headers(success.headers, &writer) }
        if let schema = success.schema { content(schema, &writer) }
      }
    }
    for (status, summary) in errors(of: route) {
      writer.key(String(status))
      writer.object { writer in
        writer.field("description", summary)
        content(.named("Error"), &writer)
      }
    }
  }

  private static func headers(
    _ headers: [(name: String, schema: Schema, summary: String)], _ writer: inout JSONWriter
  ) {
    writer.key("headers")
    writer.object { writer in
      for header in headers {
        writer.key(header.name)
        writer.object { writer in
          writer.field("description", header.summary)
          writer.key("schema")
          writer.schema(header.schema)
        }
      }
    }
  }

  private static func content(_ schema: Schema, _ writer: inout JSONWriter) {
    writer.key("content")
    writer.object { writer in
      writer.key("application/json")
      writer.object { writer in
        writer.key("schema")
        writer.schema(schema)
      }
    }
  }

  /// What can go wrong with any route of its kind, and with this one.
  static func errors(of route: Route) -> [(status: Int, summary: String)] {
    var errors: [Int: String] = [
      400: "The request is malformed, or a parameter is unknown or there twice.",
      503: "A database or too many requests are in the way; nothing is known to have been done.",
    ]
    if route.access == .credentials {
      errors[401] = "No credentials, or wrong or revoked ones."
      errors[429] = "Too many wrong credentials from this address or for this key."
    }
    if route.parameters.contains(where: { $0.place == .path }) {
      errors[404] = "There is no such thing, or it is somebody else's."
    }
    if !route.parameters.isEmpty {
      errors[422] = "A parameter or member does not fit; it is named."
    }
    if [.post, .put, .patch].contains(route.method) {
      errors[411] = "The body's length is missing."
      errors[413] = "The body is too large."
    }
    if route.hasBody { errors[415] = "The body is not application/json." }
    for (status, summary) in route.errors { errors[status] = summary }
    return errors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private static func components(
    _ schemas: [(name: String, schema: Schema)], _ writer: inout JSONWriter
  ) {
    writer.key("schemas")
    writer.object { writer in
      for (name, schema) in schemas {
        writer.key(name)
        writer.schema(schema)
      }
      writer.key("Error")
      writer.schema(
        .object([
          .init(name: "code", schema: .integer(nil), isRequired: true),
          .init(name: "message", schema: .text(), isRequired: true),
        ]))
    }
    writer.key("securitySchemes")
    writer.object { writer in
      for (scheme, header) in [
        ("keyId", "APCA-API-KEY-ID"), ("keySecret", "APCA-API-SECRET-KEY"),
      ] {
        writer.key(scheme)
        writer.object { writer in
          writer.field("type", "apiKey")
          writer.field("in", "header")
          writer.field("name", header)
        }
      }
      for scheme in ["basic", "bearer"] {
        writer.key(scheme)
        writer.object { writer in
          writer.field("type", "http")
          writer.field("scheme", scheme)
        }
      }
    }
  }
}
