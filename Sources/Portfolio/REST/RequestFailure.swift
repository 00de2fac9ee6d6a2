// What a failure below becomes on the wire: one table. A client never reads what the database said.
import Credentials
import PostgresClient
import WebTransport

struct RequestFailure {
  let response: HTTPError
  /// For the log, when it is worth a line.
  let report: String?

  init(_ error: any Error, method: HTTPMethod) {
    switch error {
    case let error as HTTPError: self.init(error)
    case let error as PostgresError: self.init(error, method)
    case let failure as CredentialFailure: self.init(RequestFailure.refusal(failure))
    case let refusal as SessionRefusal: self.init(RequestFailure.refusal(refusal))
    // The server closes, or has answered for this request already.
    case is CancellationError: self.init(.unavailable("the request was given up"))
    default: self.init(.internalError, "a request failed: \(error)")
    }
  }

  private init(_ response: HTTPError, _ report: String? = nil) {
    self.response = response
    self.report = report
  }

  private init(_ error: PostgresError, _ method: HTTPMethod) {
    // Not 504: who gets that repeats the request, which may have been done.
    if error.isUnavailable || error.code == .cancelled {
      let words =
        error.mayHaveExecuted && method != .get
        ? "the database went away during the write: it may have been done; look before repeating it"
        : "the database cannot be reached"
      self.init(.unavailable(words), "the database failed a request: \(error)")
    } else {
      self.init(.internalError, "a statement failed: \(error)")
    }
  }

  static func refusal(_ failure: CredentialFailure) -> HTTPError {
    switch failure {
    case .invalid, .revoked: return unauthorized("\(failure)")
    case .tooManyFailures(let seconds):
      var error = HTTPError.tooManyRequests("\(failure)")
      error.headers = [.init(name: "retry-after", value: String(seconds))]
      return error
    case .unavailable: return .unavailable("\(failure)")
    }
  }

  private static func refusal(_ refusal: SessionRefusal) -> HTTPError {
    switch refusal {
    case .needsKey: .forbidden("\(refusal)")
    case .revoked: unauthorized("\(refusal)")
    case .notFound: .notFound("\(refusal)")
    case .unavailable: .unavailable("\(refusal)")
    }
  }

  static func unauthorized(_ words: String) -> HTTPError {
    var error = HTTPError.unauthorized(words)
    error.headers = [.init(name: "www-authenticate", value: "Bearer")]
    return error
  }
}
