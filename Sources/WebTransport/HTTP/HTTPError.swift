// Every error that leaves over HTTP, in one table: status, code and default words. The body is always
// {"code":int,"message":string}, as the official SDKs read it; a code is its status times 100,000
// plus 10,000 plus a number, so a client finds the status in it.

/// An error answer.
public struct HTTPError: Error, Hashable, Sendable {
  public let status: Int
  public let code: Int
  public let message: String
  public var headers: [HTTPRequest.Header] = []

  public init(status: Int, code: Int, message: String, headers: [HTTPRequest.Header] = []) {
    self.status = status
    self.code = code
    self.message = message
    self.headers = headers
  }

  private init(_ status: Int, _ number: Int, _ message: String) {
    self.init(status: status, code: status * 100_000 + 10_000 + number, message: message)
  }

  public static func badRequest(_ message: String) -> HTTPError { HTTPError(400, 0, message) }
  public static func unauthorized(_ message: String = "unauthorized") -> HTTPError {
    HTTPError(401, 0, message)
  }
  public static func forbidden(_ message: String) -> HTTPError { HTTPError(403, 0, message) }
  public static func notFound(_ message: String = "endpoint not found") -> HTTPError {
    HTTPError(404, 0, message)
  }
  /// `allow` lists the methods that the path does have.
  public static func methodNotAllowed(allow: [HTTPMethod]) -> HTTPError {
    var error = HTTPError(405, 0, "method not allowed")
    error.headers = [
      .init(name: "allow", value: allow.map(\.rawValue).joined(separator: ", "))
    ]
    return error
  }
  public static let requestTimeout = HTTPError(408, 0, "the request did not arrive in time")
  public static let lengthRequired = HTTPError(
    411, 0, "a content-length is required; chunked bodies are not taken")
  public static func bodyTooLarge(max: Int) -> HTTPError {
    HTTPError(413, 0, "the body is larger than \(max) bytes")
  }
  public static func unprocessable(_ message: String) -> HTTPError { HTTPError(422, 0, message) }
  /// The handshake asks for a WebSocket version that is not spoken here.
  public static let upgradeRequired: HTTPError = {
    var error = HTTPError(426, 0, "only version 13 of the WebSocket protocol is spoken")
    error.headers = [
      .init(name: "upgrade", value: "websocket"), .init(name: "sec-websocket-version", value: "13"),
    ]
    return error
  }()
  public static func tooManyRequests(_ message: String = "too many requests.") -> HTTPError {
    HTTPError(429, 0, message)
  }
  public static func headTooLarge(max: Int) -> HTTPError {
    HTTPError(431, 0, "the request line and headers are larger than \(max) bytes")
  }
  public static let internalError = HTTPError(500, 0, "internal server error")
  public static let notImplemented = HTTPError(501, 0, "this method is not served")
  /// Too much is going on; `message` says of what.
  public static func unavailable(
    _ message: String, retryAfterSeconds seconds: Int = 1
  ) -> HTTPError {
    var error = HTTPError(503, 0, message)
    error.headers = [.init(name: "retry-after", value: String(seconds))]
    return error
  }
  public static let answerTimeout = HTTPError.unavailable("the answer took too long")

  public var response: HTTPResponse {
    var body: [UInt8] = []
    body.append(contentsOf: "{\"code\":\(code),\"message\":".utf8)
    HTTPError.appendJSON(message, to: &body)
    body.append(UInt8(ascii: "}"))
    var response = HTTPResponse.json(body, status: status)
    response.headers += headers
    return response
  }

  private static func appendJSON(_ text: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        out.append(UInt8(ascii: "\\"))
        out.append(byte)
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        out.append(contentsOf: "\\u00".utf8)
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
