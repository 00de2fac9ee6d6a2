import Testing
import WebTransport

@testable import Portfolio

/// Goal: a request is read wholly or refused with the name of what is wrong. Method: routes made for
/// the purpose, requests as the web server hands them on.
@Suite struct ArgumentsTests {
  private let limit = Parameter.query("limit", .integer(1...500), "")
  private let status = Parameter.query("status", .choice(["open", "closed"]), isRequired: true, "")
  private let symbols = Parameter.query("symbols", .symbols, "")
  private let after = Parameter.query("after", .instant, "")
  private let nested = Parameter.query("nested", .flag, "")
  private let id = Parameter.path("id", .uuid, "")
  private let asset = Parameter.path("symbol", .symbol, "")
  private let name = Parameter.body("name", .words(1...5), isRequired: true, "")
  private let list = Parameter.body("symbols", .symbols(0...3), "")

  private func route(
    _ method: HTTPMethod = .get, _ pattern: String = "/x", _ parameters: [any ParameterDeclaration]
  ) -> Route {
    Route(
      method: method, pattern: pattern, operation: "x", summary: "", parameters: parameters,
      success: .noContent("")
    ) { _ in HTTPResponse(status: 204) }
  }

  private func read(
    _ route: Route, query: [(String, String)] = [], path: [(String, String)] = [],
    body: String? = nil, type: String? = "application/json"
  ) -> Result<Arguments, HTTPError> {
    var request = HTTPRequest(
      method: route.method, path: "/x", query: query.map { .init(name: $0.0, value: $0.1) },
      headers: type.map { [.init(name: "content-type", value: $0)] } ?? [],
      body: Array((body ?? "").utf8))
    request.parameters = path.map { .init(name: $0.0, value: $0.1) }
    return Result { () throws(HTTPError) in try Arguments(request, route) }
  }

  private func failure(_ result: Result<Arguments, HTTPError>) -> String {
    switch result {
    case .success: "none"
    case .failure(let error): "\(error.status) \(error.message)"
    }
  }

  private var listing: Route { route(.get, "/x", [limit, status, symbols, after, nested]) }

  @Test func typedValuesArrive() throws {
    let arguments = try read(
      listing,
      query: [
        ("limit", "500"), ("status", "open"), ("symbols", "AAPL,BTC/USD"), ("nested", "True"),
        ("after", "2026-11-21T06:23:00+00:00"),
      ]
    ).get()
    #expect(arguments[limit] == 500)
    #expect(arguments[status] == "open")
    #expect(arguments[symbols] == ["AAPL", "BTC/USD"])
    #expect(arguments[nested] == true)
    #expect(arguments[after] == 1_795_242_180_000_000)
  }

  @Test func whatIsWrongInTheQueryIsNamed() {
    let open = ("status", "open")
    #expect(failure(read(listing)) == "422 status is missing")
    #expect(
      failure(read(listing, query: [open, ("foo", "1")])) == "400 foo: there is no such parameter")
    #expect(failure(read(listing, query: [open, open])) == "400 status: it is there twice")
    #expect(
      failure(read(listing, query: [("status", "OPEN")]))
        == "422 status must be one of open, closed")
    for text in ["0", "501", "-1", "+5", "05", "5.0", "", " 5", "5 ", "1e2", "9223372036854775808"]
    {
      #expect(
        failure(read(listing, query: [open, ("limit", text)]))
          == "422 limit must be an integer from 1 to 500", "\(text)")
    }
    // A plus that was not encoded arrives as a space.
    #expect(
      failure(read(listing, query: [open, ("after", "2026-11-21T06:23:00 00:00")]))
        .hasPrefix("422 after must be"))
    for text in ["", "aapl", "AAPL,", ",", "AAPL,,MSFT", "A B", String(repeating: "A", count: 33)] {
      #expect(
        failure(read(listing, query: [open, ("symbols", text)])).hasPrefix("422 symbols"), "\(text)"
      )
    }
    let long = String(repeating: "x", count: 1_000)
    #expect(failure(read(listing, query: [(long, "")])).utf8.count < 120)
  }

  @Test func whatIsWrongInThePathIsNamed() throws {
    let one = route(.get, "/x/{id}", [id])
    #expect(failure(read(one, path: [("id", "17")])) == "422 id must be a UUID")
    let text = "2A5AEBB9-48C0-5E7A-AC09-C194973CAE9E"
    #expect(try read(one, path: [("id", text)]).get()[id] == text.lowercased())
    let tail = route(.get, "/x/{symbol+}", [asset])
    #expect(tail.routerPattern == "/x/*" && tail.documentPath == "/x/{symbol}")
    #expect(try read(tail, path: [("*", "BTC/USD")]).get()[asset] == "BTC/USD")
    #expect(failure(read(tail, path: [("*", "btc")])).hasPrefix("422 symbol must be a symbol"))
  }

  @Test func bodiesAreStrict() throws {
    let post = route(.post, "/x", [name, list])
    let arguments = try read(post, body: #"{"name":"n\u00e9","symbols":["AAPL"]}"#).get()
    #expect(arguments[name] == "n\u{e9}")
    #expect(arguments[list] == ["AAPL"])
    #expect(
      failure(read(post, body: #"{"name":"n"}"#, type: nil))
        == "415 content-type must be application/json")
    #expect(failure(read(post, body: "name=n", type: "text/plain")).hasPrefix("415"))
    #expect(
      failure(read(post, body: #"{"name":"n"}"#, type: "Application/JSON; charset=utf-8")) == "none"
    )
    #expect(
      failure(read(post, body: #"{"name":}"#))
        == "400 malformed JSON at byte 8: a value was expected")
    #expect(failure(read(post, body: "")).hasPrefix("400 malformed JSON at byte 0"))
    #expect(
      failure(read(post, body: #"{"name":"n"} x"#)).hasPrefix("400 malformed JSON at byte 13"))
    #expect(failure(read(post, body: "[]")) == "422 the body must be a JSON object")
    #expect(failure(read(post, body: "{}")) == "422 name is missing")
    #expect(failure(read(post, body: #"{"name":"n","name":"n"}"#)) == "422 name: it is there twice")
    #expect(
      failure(read(post, body: #"{"name":"n","nam":1}"#)) == "422 nam: there is no such member")
    for value in ["null", "1", "true", "[]", "{}", #""""#, #""123456""#, #""a\u0000""#, #""a\n""#] {
      #expect(
        failure(read(post, body: "{\"name\":\(value)}")).hasPrefix("422 name must be text"),
        "\(value)")
    }
    for value in ["null", "\"AAPL\"", "[1]", "[\"aapl\"]", "[null]", #"["A","B","C","D"]"#] {
      #expect(
        failure(read(post, body: "{\"name\":\"n\",\"symbols\":\(value)}"))
          == "422 symbols must be at most 3 symbols, each 1 to 32 of A-Z, 0-9 and . _ / -",
        "\(value)")
    }
    let deep = String(repeating: "[", count: 9)
    #expect(failure(read(post, body: deep)).contains("nested too deeply"))
  }

  @Test func anOptionalBodyMayBeLeftOut() throws {
    let put = route(.put, "/x", [list])
    #expect(try read(put, body: nil, type: nil).get()[list] == nil)
    #expect(try read(put, body: "{}").get()[list] == nil)
    #expect(failure(read(put, body: "{}", type: nil)).hasPrefix("415"))
  }
}
