/// The methods that libwebsockets knows; a request with any other is answered 400 before it gets here.
public enum HTTPMethod: String, Hashable, Sendable, CaseIterable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case patch = "PATCH"
  case delete = "DELETE"
  case options = "OPTIONS"

  /// A request with these must say how long its body is: lws believes in 100 MiB otherwise.
  var needsLength: Bool { self == .post || self == .put || self == .patch }
}
