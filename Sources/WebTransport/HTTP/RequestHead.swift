// What a head means, apart from where it comes from: the length of the body and whether the connection
// lives on. Pure.
import Glibc

struct RequestHead {
  var method: HTTPMethod
  var contentLength: String?
  var transferEncoding: String?
  /// As on the request line, `HTTP/1.1`.
  var version: String
  var connection: String?

  enum Body: Equatable {
    case none
    case bytes(Int)
  }

  /// The body to expect, or the error to answer.
  func body(bytesMax: Int) -> Result<Body, HTTPError> {
    if transferEncoding != nil { return .failure(.lengthRequired) }
    guard let contentLength else {
      return method.needsLength ? .failure(.lengthRequired) : .success(.none)
    }
    // Digits only: lws reads this with atoll, which takes "5, 6", "+5" and "5x" too, and a second
    // opinion about a length is how requests are smuggled.
    guard (1...18).contains(contentLength.utf8.count),
      contentLength.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let length = Int(contentLength)
    else { return .failure(.badRequest("content-length is not a number")) }
    guard length <= bytesMax else { return .failure(.bodyTooLarge(max: bytesMax)) }
    return .success(length == 0 ? .none : .bytes(length))
  }

  /// Whether lws goes on to read a body after this head: by what its atoll makes of the length, or
  /// because it believes in 100 MiB.
  var lwsReadsBody: Bool {
    guard let contentLength else { return method.needsLength }
    return atoll(contentLength) > 0
  }

  /// Whether the client may send another request after this one.
  var keepsAlive: Bool {
    let options = (connection ?? "").lowercased().split(separator: ",").map {
      $0.drop { $0 == " " }.prefix { $0 != " " }
    }
    if options.contains("close") { return false }
    return version == "HTTP/1.1" || options.contains("keep-alive")
  }
}
