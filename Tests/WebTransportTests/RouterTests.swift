import Testing

@testable import WebTransport

struct RouterTests {
  private func router() -> Router {
    var router = Router()
    func add(_ method: HTTPMethod, _ pattern: String) {
      router.on(method, pattern) { _ in .text("\(method.rawValue) \(pattern)") }
    }
    // Worst order on purpose: the best match must win.
    add(.get, "/v2/*")
    add(.get, "/v2/assets/*")
    add(.get, "/v2/watchlists/:id")
    add(.delete, "/v2/watchlists/:id")
    add(.get, "/v2/watchlists/all")
    add(.delete, "/v2/watchlists/:id/:symbol")
    add(.post, "/v2/orders")
    add(.get, "/")
    return router
  }

  private func text(_ method: HTTPMethod, _ path: String) -> String {
    switch router().match(method, path) {
    case .found(.immediate(let handler), let parameters):
      let answer = handler(HTTPRequest(method: method, path: path))
      let values = parameters.map { " \($0.name)=\($0.value)" }.joined()
      return String(decoding: answer.body, as: UTF8.self) + values
    case .found(.async, _): return "async"
    case .methodNotAllowed(let allow): return "405 \(allow.map(\.rawValue).joined(separator: ","))"
    case .notFound: return "404"
    }
  }

  @Test(arguments: [
    ("/", "GET /"), ("/v2/assets/BTC/USD", "GET /v2/assets/* *=BTC/USD"),
    ("/v2/assets/AAPL", "GET /v2/assets/* *=AAPL"), ("/v2/assets", "GET /v2/* *=assets"),
    ("/v2/watchlists/all", "GET /v2/watchlists/all"),
    ("/v2/watchlists/a b", "GET /v2/watchlists/:id id=a b"),
    ("/v2/watchlists/x/y", "GET /v2/* *=watchlists/x/y"), ("/v2", "404"), ("/v2/", "404"),
    ("/v3", "404"), ("/v2/orders", "GET /v2/* *=orders"),
  ])
  func theMostExactRouteWins(path: String, expected: String) {
    #expect(text(.get, path) == expected)
  }

  /// It failed so: a skin tone behind a slash made one character of the two, and the route was
  /// another.
  @Test func aSlashSeparatesWhateverCombinesWithIt() {
    for mark in ["\u{1F3FB}", "\u{301}", "\u{200D}"] {
      #expect(
        text(.delete, "/v2/watchlists/x/\(mark)")
          == "DELETE /v2/watchlists/:id/:symbol id=x symbol=\(mark)")
      #expect(text(.get, "/\(mark)") == "404")
    }
  }

  @Test func otherMethodsAreNamed() {
    #expect(text(.put, "/v2/watchlists/7") == "405 DELETE,GET,HEAD")
    #expect(
      text(.delete, "/v2/watchlists/7/AAPL") == "DELETE /v2/watchlists/:id/:symbol id=7 symbol=AAPL"
    )
    #expect(text(.head, "/v2/assets/AAPL") == "GET /v2/assets/* *=AAPL")
  }
}
