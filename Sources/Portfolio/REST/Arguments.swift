// The values of one request, read and checked by its route's parameters before the handler runs.
// What is unknown, there twice, missing or does not fit is an error that names it.
import WebTransport

struct Arguments: Sendable {
  private var values: [String: any Sendable] = [:]

  /// The value, or nil when the request does not have it.
  subscript<Value>(_ parameter: Parameter<Value>) -> Value? {
    values[parameter.name] as? Value
  }

  /// The value of a required parameter.
  func required<Value>(_ parameter: Parameter<Value>) -> Value {
    guard let value = self[parameter] else {
      preconditionFailure("the route does not require \(parameter.name)")
    }
    return value
  }

  /// - Throws: 400 for an unknown or repeated query parameter, 415 for a body of another type, 400
  ///   for one that is not JSON, 422 for what is missing or does not fit.
  init(_ request: HTTPRequest, _ route: Route) throws(HTTPError) {
    for parameter in route.parameters where parameter.place == .path {
      // The tail of a catch-all has its name in the document only.
      let name = route.tail == parameter.name ? "*" : parameter.name
      try read(parameter, parameter.value(fromText: request.parameter(name)))
    }
    if route.takesAnything { return }
    try readQuery(request, route)
    if route.hasBody { try readBody(request, route) }
  }

  private mutating func read(
    _ parameter: any ParameterDeclaration, _ value: (any Sendable)?
  ) throws(HTTPError) {
    guard let value else {
      throw .unprocessable("\(parameter.name) must be \(parameter.rule)")
    }
    values[parameter.name] = value
  }

  private mutating func readQuery(_ request: HTTPRequest, _ route: Route) throws(HTTPError) {
    for argument in request.query {
      guard
        let parameter = route.parameters.first(where: {
          $0.place == .query && $0.name == argument.name
        })
      else { throw .badRequest("\(Arguments.shown(argument.name)): there is no such parameter") }
      guard values[parameter.name] == nil else {
        throw .badRequest("\(parameter.name): it is there twice")
      }
      try read(parameter, parameter.value(fromText: argument.value))
    }
    try requireAll(.query, of: route)
  }

  private mutating func readBody(_ request: HTTPRequest, _ route: Route) throws(HTTPError) {
    let takesNone = !route.parameters.contains { $0.place == .body && $0.isRequired }
    if request.body.isEmpty, takesNone { return }
    guard Arguments.isJSON(request.header("content-type")) else {
      throw HTTPError(
        status: 415, code: 41_510_000, message: "content-type must be application/json")
    }
    guard request.body.count <= RESTLimits.bodyBytesMax else {
      throw .bodyTooLarge(max: RESTLimits.bodyBytesMax)
    }
    guard case .object(let members) = try BodyValue.parse(request.body) else {
      throw .unprocessable("the body must be a JSON object")
    }
    for member in members {
      guard
        let parameter = route.parameters.first(where: {
          $0.place == .body && $0.name == member.name
        })
      else { throw .unprocessable("\(Arguments.shown(member.name)): there is no such member") }
      try read(parameter, parameter.value(fromJSON: member.value))
    }
    try requireAll(.body, of: route)
  }

  private func requireAll(_ place: ParameterPlace, of route: Route) throws(HTTPError) {
    for parameter in route.parameters
    where parameter.place == place && parameter.isRequired && values[parameter.name] == nil {
      throw .unprocessable("\(parameter.name) is missing")
    }
  }

  /// `application/json`, with parameters or without.
  static func isJSON(_ contentType: String?) -> Bool {
    guard let contentType else { return false }
    let essence = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return essence.lowercased() == "application/json"
  }

  /// A name that a client sent, cut so that an error stays small.
  private static func shown(_ name: String) -> String {
    name.unicodeScalars.count <= 64 ? name : "\(String(name.unicodeScalars.prefix(64)))..."
  }
}
