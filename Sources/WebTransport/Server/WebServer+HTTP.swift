// Requests and answers, by the rules of libwebsockets 4.1.6:
// - POST, PUT and PATCH without a length: lws believes in 100 MiB, so 411 and close.
// - Content-Length 0: only POST gets a BODY_COMPLETION; the others are handled at the head.
// - A request read from lws' own buffer must not have a body: 4.1.6 would loop without an end.
// - A handler that suspends: lws must not read meanwhile (rx flow control), else it spins on bytes
//   that it does not take; its own timeout must be off; what the client has pipelined behind the
//   request is dropped, else flow control itself spins (it asks to be told when the connection is
//   writable, and then does not listen), and then the connection closes after the answer. A client
//   that waits for its answer keeps the connection.
// - A flow-controlled connection ignores that it is writable: flow on before waiting for that.
import CLibwebsockets
import EventLoops
import Glibc

extension WebServer {
  // MARK: - The request

  func headArrived(_ id: ConnectionID, _ wsi: OpaquePointer) -> Int32 {
    guard let record = slab.find(id), record.pointee.exchange == nil else { return -1 }
    let unread = lastUnread
    record.pointee.awaitsHead = false
    record.pointee.requests &+= 1
    counters.requests += 1
    let target: (HTTPMethod, String, [HTTPRequest.Argument])
    switch RequestReading.target(wsi) {
    case .success(let found): target = found
    case .failure(let error): return refuseUnread(id, wsi, error, lwsReadsBody: false)
    }
    let head = readHead(wsi, target.0)
    if unread.length > 0, head.lwsReadsBody {
      let error = HTTPError.badRequest("a request with a body cannot be pipelined")
      return refuseUnread(id, wsi, error, lwsReadsBody: false)
    }
    let length: Int
    switch head.body(bytesMax: configuration.bodyBytesMax) {
    case .success(.none): length = 0
    case .success(.bytes(let count)): length = count
    case .failure(let error):
      return refuseUnread(id, wsi, error, lwsReadsBody: head.lwsReadsBody)
    }
    let request = HTTPRequest(
      method: target.0, path: target.1, query: target.2, headers: keptHeaders(wsi),
      remoteAddress: record.pointee.address, isSecure: record.pointee.isSecure)
    let exchange = HTTPExchange(
      id: id, request: request, keepsAlive: head.keepsAlive && !isEnding,
      bodyRemaining: length,
      deadline: loop.nowMilliseconds + configuration.bodyTimeoutMilliseconds)
    exchange.unread = unread.list
    record.pointee.exchange = exchange
    if length > 0 {
      exchange.request.body.reserveCapacity(length)
      return 0
    }
    return target.0 == .post ? 0 : dispatch(exchange, wsi)
  }

  private func readHead(_ wsi: OpaquePointer, _ method: HTTPMethod) -> RequestHead {
    RequestHead(
      method: method,
      contentLength: RequestReading.header(wsi, .token(WSI_TOKEN_HTTP_CONTENT_LENGTH)),
      transferEncoding: RequestReading.header(wsi, .token(WSI_TOKEN_HTTP_TRANSFER_ENCODING)),
      version: RequestReading.header(wsi, .token(WSI_TOKEN_HTTP)) ?? "",
      connection: RequestReading.header(wsi, .token(WSI_TOKEN_CONNECTION)))
  }

  func keptHeaders(_ wsi: OpaquePointer) -> [HTTPRequest.Header] {
    keptHeaders.compactMap { (name, place) in
      RequestReading.header(wsi, place).map { .init(name: name, value: $0) }
    }
  }

  func bodyArrived(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) -> Int32 {
    guard let exchange = slab.find(id)?.pointee.exchange else { return -1 }
    switch exchange.state {
    case .readingBody:
      guard bytes.count <= exchange.bodyRemaining else { return -1 }
      exchange.bodyRemaining -= bytes.count
      exchange.request.body.append(contentsOf: bytes)
      return 0
    case .discarding:
      exchange.bodyRemaining -= bytes.count
      return exchange.bodyRemaining >= 0 ? 0 : -1
    case .handling, .answering: return 0
    }
  }

  func bodyEnded(_ id: ConnectionID, _ wsi: OpaquePointer) -> Int32 {
    guard let exchange = slab.find(id)?.pointee.exchange else { return 0 }
    switch exchange.state {
    case .readingBody: return dispatch(exchange, wsi)
    case .discarding: return -1
    // lws calls again when bytes come while the answer is pending.
    case .handling, .answering: return 0
    }
  }

  // MARK: - The handler

  private func dispatch(_ exchange: HTTPExchange, _ wsi: OpaquePointer) -> Int32 {
    exchange.state = .handling
    switch router.match(exchange.request.method, exchange.request.path) {
    case .notFound: return answer(exchange, wsi, .error(.notFound()))
    case .methodNotAllowed(let allow):
      return answer(exchange, wsi, .error(.methodNotAllowed(allow: allow)))
    case .found(.immediate(let handler), let parameters):
      exchange.request.parameters = parameters
      return answer(exchange, wsi, handler(exchange.request))
    case .found(.async(let handler), let parameters):
      exchange.request.parameters = parameters
      guard counters.pendingRequests < configuration.pendingRequestsMax else {
        return answer(exchange, wsi, .error(.unavailable("too many requests are being answered")))
      }
      return start(handler, exchange, wsi)
    }
  }

  /// What the task of a handler holds. `@unchecked Sendable`: the task starts on the loop and, by its
  /// executor preference, resumes there.
  private struct Call: @unchecked Sendable {
    let server: WebServer
    let exchange: HTTPExchange
    let handler: Router.AsyncHandler
  }

  private func start(
    _ handler: @escaping Router.AsyncHandler, _ exchange: HTTPExchange, _ wsi: OpaquePointer
  ) -> Int32 {
    let call = Call(server: self, exchange: exchange, handler: handler)
    counters.pendingRequests += 1
    exchange.isStarting = true
    let task = Task.immediate(executorPreference: loop) {
      let response = await call.handler(call.exchange.request)
      call.server.handled(call.exchange, response)
    }
    exchange.isStarting = false
    if let early = exchange.early { return answer(exchange, wsi, early) }
    exchange.task = task
    exchange.isSuspended = true
    exchange.deadline = loop.nowMilliseconds + configuration.answerTimeoutMilliseconds
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0)
    suspendedList.append(exchange)
    askForTurnEnd()
    return 0
  }

  /// At the turn's end, when libwebsockets has put away what it had read beyond these requests.
  func stopReadingForSuspended() {
    var list: [HTTPExchange] = []
    swap(&list, &suspendedList)
    for exchange in list {
      guard let record = slab.find(exchange.id), record.pointee.exchange === exchange,
        let wsi = record.pointee.wsi, exchange.state == .handling
      else { continue }
      dropUnread(exchange)
      lws_rx_flow_control(wsi, 0)
    }
  }

  /// What libwebsockets has read behind a suspended request cannot be kept.
  private func dropUnread(_ exchange: HTTPExchange) {
    guard let unread = exchange.unread, lws_buflist_next_segment_len(unread, nil) > 0 else {
      return
    }
    lws_buflist_destroy_all_segments(unread)
    exchange.keepsAlive = false
  }

  private func handled(_ exchange: HTTPExchange, _ response: HTTPResponse) {
    loop.preconditionInLoop()
    counters.pendingRequests -= 1
    exchange.task = nil
    if exchange.isStarting {
      exchange.early = response
      return
    }
    answerLate(exchange, response)
  }

  /// Answers a suspended request, from outside of libwebsockets' callbacks. Nothing happens when the
  /// client has gone or has been answered for a timeout.
  func answerLate(_ exchange: HTTPExchange, _ response: HTTPResponse) {
    guard let record = slab.find(exchange.id), record.pointee.exchange === exchange,
      let wsi = record.pointee.wsi, exchange.state == .handling, !record.pointee.isInCloseList
    else { return }
    dropUnread(exchange)
    // Sent or hung up without waiting: what would follow cannot be read in order any more.
    if !hasNothingToRead(wsi) { exchange.keepsAlive = false }
    if answer(exchange, wsi, response) != 0 { return scheduleClose(exchange.id) }
    guard record.pointee.exchange === exchange else {
      // All has left, and libwebsockets waits for the next request.
      lws_rx_flow_control(wsi, 1)
      return
    }
    // While it leaves lws listens again, and would spin on bytes that it does not take.
    drainSocket(wsi)
    lws_rx_flow_control(wsi, 1)
    lws_callback_on_writable(wsi)
  }

  /// The client is there and has sent nothing that is still in the kernel.
  private func hasNothingToRead(_ wsi: OpaquePointer) -> Bool {
    var byte: UInt8 = 0
    let count = recv(
      lws_get_socket_fd(wsi), &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)
  }

  // MARK: - The answer

  /// Hands an answer to libwebsockets. -1: it has left or cannot, and the connection is to close.
  func answer(
    _ exchange: HTTPExchange, _ wsi: OpaquePointer, _ response: HTTPResponse
  ) -> Int32 {
    if response.status >= 400 { counters.errorAnswers += 1 }
    exchange.output = responseHead.bytes(
      of: response, keepsAlive: exchange.keepsAlive, withoutBody: exchange.request.method == .head)
    exchange.outputOffset = 0
    exchange.state = .answering
    exchange.deadline = loop.nowMilliseconds + configuration.drainTimeoutMilliseconds
    return pump(exchange, wsi)
  }

  /// Writes until something stays in lws' hands or everything has left.
  private func pump(_ exchange: HTTPExchange, _ wsi: OpaquePointer) -> Int32 {
    while true {
      if lws_partial_buffered(wsi) != 0 { return 0 }
      let rest = exchange.output.count - exchange.outputOffset
      guard rest > 0 else { break }
      let count = min(rest, WebTransportLimits.responsePieceBytes)
      let written = exchange.output.withUnsafeMutableBytes {
        lws_write(wsi, $0.baseAddress! + exchange.outputOffset, count, LWS_WRITE_HTTP)
      }
      guard written >= 0 else { return -1 }
      exchange.outputOffset += count
    }
    guard let record = slab.find(exchange.id) else { return -1 }
    record.pointee.lastHeard = loop.nowMilliseconds
    guard exchange.keepsAlive else { return -1 }
    record.pointee.exchange = nil
    record.pointee.awaitsHead = true
    record.pointee.headBegan = 0
    return lws_http_transaction_completed(wsi) == 0 ? 0 : -1
  }

  func httpWritable(_ id: ConnectionID, _ wsi: OpaquePointer) -> Int32 {
    guard let exchange = slab.find(id)?.pointee.exchange, exchange.state == .answering else {
      return 0
    }
    return pump(exchange, wsi)
  }

  // MARK: - Refusals

  /// Answers an error to a request whose body nobody will read, and closes when the client has had
  /// time to see it. `lwsReadsBody`: lws will hand out the body; else its bytes would stay unread.
  private func refuseUnread(
    _ id: ConnectionID, _ wsi: OpaquePointer, _ error: HTTPError, lwsReadsBody: Bool
  ) -> Int32 {
    refuse(id, wsi, error)
    guard lwsReadsBody, let record = slab.find(id) else {
      drainSocket(wsi)
      return -1
    }
    let exchange = HTTPExchange(
      id: id, request: HTTPRequest(method: .get, path: "/"), keepsAlive: false,
      bodyRemaining: WebTransportLimits.discardedBytesMax,
      deadline: loop.nowMilliseconds + WebTransportLimits.discardMilliseconds)
    exchange.state = .discarding
    record.pointee.exchange = exchange
    return 0
  }

  /// Writes an error; the caller closes.
  func refuse(_ id: ConnectionID, _ wsi: OpaquePointer, _ error: HTTPError) {
    refuse(id, wsi, error.response)
  }

  func refuse(_ id: ConnectionID, _ wsi: OpaquePointer, _ response: HTTPResponse) {
    slab.find(id)?.pointee.awaitsHead = false
    if response.status >= 400 { counters.errorAnswers += 1 }
    var bytes = responseHead.bytes(of: response, keepsAlive: false, withoutBody: false)
    _ = bytes.withUnsafeMutableBytes {
      lws_write(wsi, $0.baseAddress!, $0.count, LWS_WRITE_HTTP)
    }
  }

  /// libwebsockets gives a connection up while it parses, without a word to us or, mostly, the
  /// client. Called just before it hangs up.
  func hangsUp(on wsi: OpaquePointer) {
    let overflowed = headOverflowed
    headOverflowed = false
    guard let id = id(of: wsi), let record = slab.find(id) else { return }
    if record.pointee.kind == .webSocket {
      // Only of frames that `FrameChecker` let pass, and it lets none pass that lws minds.
      log(.error, "libwebsockets refuses a frame that was found to be right")
      return
    }
    guard record.pointee.awaitsHead || record.pointee.isUpgrading else { return }
    counters.requests += 1
    let error: HTTPError =
      if record.pointee.isUpgrading {
        .badRequest("the WebSocket handshake is malformed")
      } else if overflowed {
        .headTooLarge(max: configuration.headBytesMax)
      } else {
        .badRequest("the request line or a header is malformed, or the method is unknown")
      }
    record.pointee.isUpgrading = false
    refuse(id, wsi, error)
    drainSocket(wsi)
  }
}
