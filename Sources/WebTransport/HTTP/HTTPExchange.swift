// One request and its answer on one connection. Made when the head is complete, dropped when the
// answer has left; only connections that are in the middle of a request have one. Loop's thread only.

final class HTTPExchange {
  enum State {
    /// The body is still coming.
    case readingBody
    /// A handler is at work.
    case handling
    /// The answer is leaving piece by piece.
    case answering
    /// An error has been answered; the rest of the request is read and dropped, then it closes.
    case discarding
  }

  let id: ConnectionID
  var request: HTTPRequest
  /// The client may send another request after this one.
  var keepsAlive: Bool
  var state = State.readingBody
  /// Bytes of the body still to come.
  var bodyRemaining: Int
  /// The handler did not answer at once: lws was told to read no further.
  var isSuspended = false
  /// Where libwebsockets keeps what the client sent behind this request.
  var unread: UnsafeMutablePointer<OpaquePointer?>?
  /// Within the first, synchronous stretch of the handler.
  var isStarting = false
  /// What a handler answered in that stretch.
  var early: HTTPResponse?
  var task: Task<Void, Never>?
  /// Loop milliseconds when the present state must have ended.
  var deadline: UInt64
  /// What has not been handed to lws of the answer.
  var output: [UInt8] = []
  var outputOffset = 0

  init(
    id: ConnectionID, request: HTTPRequest, keepsAlive: Bool, bodyRemaining: Int, deadline: UInt64
  ) {
    self.id = id
    self.request = request
    self.keepsAlive = keepsAlive
    self.bodyRemaining = bodyRemaining
    self.deadline = deadline
  }
}
