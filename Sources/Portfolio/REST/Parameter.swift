// What a request carries besides its method: values in the path, in the query and in the body. A
// route lists them; the request is read by that list and documented by it.
import MarketData

/// What a route needs to know of a parameter, whatever its type.
protocol ParameterDeclaration: Sendable {
  var name: String { get }
  var place: ParameterPlace { get }
  var isRequired: Bool { get }
  var summary: String { get }
  var schema: Schema { get }
  var rule: String { get }
  /// The value, or nil where the text does not fit.
  func value(fromText text: String) -> (any Sendable)?
  func value(fromJSON json: BodyValue) -> (any Sendable)?
}

enum ParameterPlace: String, Sendable {
  case path, query
  /// A member of the body, which is an object.
  case body
}

/// A parameter that the handler asks for by its type: `call[Parameters.limit]`.
struct Parameter<Value: Sendable>: ParameterDeclaration {
  let name: String
  let place: ParameterPlace
  let kind: ValueKind<Value>
  let isRequired: Bool
  let summary: String

  var schema: Schema { kind.schema }
  var rule: String { kind.rule }

  static func path(_ name: String, _ kind: ValueKind<Value>, _ summary: String) -> Self {
    Self(name: name, place: .path, kind: kind, isRequired: true, summary: summary)
  }

  static func query(
    _ name: String, _ kind: ValueKind<Value>, isRequired: Bool = false, _ summary: String
  ) -> Self {
    Self(name: name, place: .query, kind: kind, isRequired: isRequired, summary: summary)
  }

  static func body(
    _ name: String, _ kind: ValueKind<Value>, isRequired: Bool = false, _ summary: String
  ) -> Self {
    Self(name: name, place: .body, kind: kind, isRequired: isRequired, summary: summary)
  }

  func value(fromText text: String) -> (any Sendable)? { kind.fromText(text) }
  func value(fromJSON json: BodyValue) -> (any Sendable)? { kind.fromJSON(json) }
}
