/// An answer. `content-length`, `connection` and `date` are added when it is written; the body of an
/// answer to HEAD is left out then.
public struct HTTPResponse: Sendable {
  public var status: Int
  /// Names in lower case. No carriage return or line feed may be in them: they are written as spaces.
  public var headers: [HTTPRequest.Header]
  public var body: [UInt8]

  public init(status: Int, headers: [HTTPRequest.Header] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// An answer in JSON.
  public static func json(_ body: [UInt8], status: Int = 200) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [.init(name: "content-type", value: "application/json")], body: body)
  }

  public static func json(_ body: String, status: Int = 200) -> HTTPResponse {
    json(Array(body.utf8), status: status)
  }

  public static func text(_ body: String, status: Int = 200) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [.init(name: "content-type", value: "text/plain; charset=utf-8")],
      body: Array(body.utf8))
  }

  public static func error(_ error: HTTPError) -> HTTPResponse { error.response }
}
