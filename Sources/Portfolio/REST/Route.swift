// One endpoint, wholly: how it is asked, what it takes, what it answers, and what does it. The router
// and the document are both made from the list of these (`RouteTable`).
import Credentials
import MarketData
import WebTransport

struct Route: Sendable {
  enum Access: Sendable {
    /// Anybody.
    case open
    /// Who presents a key or a session; rows are then those of its account.
    case credentials
  }

  /// What a request is answered when all goes well.
  struct Success: Sendable {
    var status = 200
    let summary: String
    /// Nil: no body.
    let schema: Schema?
    /// What may be in the answer's head.
    var headers: [(name: String, schema: Schema, summary: String)] = []

    static func ok(
      _ schema: Schema, _ summary: String,
      headers: [(name: String, schema: Schema, summary: String)] = []
    ) -> Success {
      Success(summary: summary, schema: schema, headers: headers)
    }
    static func noContent(_ summary: String) -> Success {
      Success(status: 204, summary: summary, schema: nil)
    }
  }

  typealias Handler = @Sendable (Call) async throws -> HTTPResponse

  let method: HTTPMethod
  /// With names in braces; `{name+}` at the end takes all the rest, slashes too.
  let pattern: String
  /// The operation's id in the document: what the official SDK calls it, where it does.
  let operation: String
  let summary: String
  var access = Access.credentials
  var parameters: [any ParameterDeclaration] = []
  /// Whatever else a request carries is not looked at: it is refused anyway.
  var takesAnything = false
  /// Nil: it never goes well.
  let success: Success?
  /// Errors that only this endpoint gives, with their reasons.
  var errors: [(status: Int, summary: String)] = []
  let handler: Handler

  /// The name of the parameter that takes the rest of the path.
  var tail: String? {
    guard let open = pattern.lastIndex(of: "{"), pattern.hasSuffix("+}") else { return nil }
    return String(pattern[pattern.index(after: open)...].dropLast(2))
  }

  /// As the router wants it: `/v2/watchlists/:watchlist_id/*`.
  var routerPattern: String {
    pattern.split(separator: "/", omittingEmptySubsequences: false).map { segment in
      guard segment.hasPrefix("{") else { return String(segment) }
      return segment.hasSuffix("+}") ? "*" : ":\(segment.dropFirst().dropLast())"
    }.joined(separator: "/")
  }

  /// As OpenAPI writes it: `/v2/watchlists/{watchlist_id}/{symbol}`.
  var documentPath: String {
    var path = pattern
    path.replace("+}", with: "}")
    return path
  }

  var hasBody: Bool { parameters.contains { $0.place == .body } }
}

/// One request on its way through a handler.
struct Call {
  let service: PortfolioService
  /// Whose request it is; an open route has none.
  let principal: Principal?
  let arguments: Arguments
  let request: HTTPRequest

  var owner: Principal {
    guard let principal else { preconditionFailure("an open route has no owner") }
    return principal
  }

  subscript<Value>(_ parameter: Parameter<Value>) -> Value? { arguments[parameter] }
}
