// WebSocket client connections of one loop: the libwebsockets context that they share.
//
// Everything runs on the loop's thread. A libwebsockets connection is one attempt to reach one address;
// its opaque user data is the attempt's serial number, never a pointer, so what libwebsockets says of
// an attempt that was given up finds nobody. An attempt is not closed from within a callback but at the
// turn's end, or by returning -1 from its own callback. What the handler is told does not wait for
// libwebsockets to finish with a socket: a dead peer would keep it for seconds.
//
// Names are looked up by `HostLookup`: libwebsockets' own lookup would stop the loop. Redirects are not
// followed (a key would go to a place nobody named), proxies of the environment are not used.
//
// Not here: one connection's life (`ClientWebSocket`), what messages mean (`ClientWebSocketHandler`).
import CLibwebsockets
public import EventLoops
import Glibc

/// Make it, `connect`, and before the loop stops `close`. A loop has a `WebSocketClient` or a
/// `WebServer`, not both: libwebsockets' log cannot be told apart otherwise.
public final class WebSocketClient: TurnEndObserver {
  let loop: EventLoop
  let configuration: WebSocketClientConfiguration

  let contextSlot = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: 1)
  let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
  var vhost: OpaquePointer?

  /// One connection that libwebsockets has.
  struct Attempt {
    /// Nil when its owner has given it up.
    var socket: ClientWebSocket?
    /// Nil before libwebsockets has told it.
    var wsi: OpaquePointer?
  }

  /// Until libwebsockets has destroyed them.
  var attempts: [UInt32: Attempt] = [:]
  private var lastSerial: UInt32 = 0
  /// WebSockets that have not ended.
  private var sockets: [ObjectIdentifier: ClientWebSocket] = [:]
  private var cutList: [UInt32] = []
  private var endedList: [(ClientWebSocket, WebSocketEnd)] = []
  private var turnEndAsked = false
  /// What OpenSSL last said of a certificate, while libwebsockets handles an attempt.
  var certificateFault: String?
  private var logRate = LogRate()
  /// lws complains of the empty proxy that keeps it from the environment's.
  var isSettingUp = false
  private(set) var lastSetUpLine: String?

  private var closing: (timer: LoopTimer, completion: () -> Void, deadline: UInt64)?
  private var isContextDestroyed = false
  private var turnsSinceDestroyed = 0
  private(set) var isClosed = false

  /// On the loop's thread. Throws when the certificates cannot be used.
  public init(
    loop: EventLoop, configuration: WebSocketClientConfiguration
  ) throws(WebTransportError) {
    loop.preconditionInLoop()
    self.loop = loop
    self.configuration = configuration
    contextSlot.initialize(to: nil)
    LibwebsocketsLog.attach(self)
    do {
      try createContext()
    } catch {
      LibwebsocketsLog.detach()
      isClosed = true
      throw error
    }
  }

  deinit {
    precondition(isClosed, "WebSocketClient dropped without close")
    contextSlot.deallocate()
    protocols.deallocate()
  }

  /// Begins to connect; what becomes of it the handler is told, later. `headers` go into the upgrade;
  /// their names and values must be printable ASCII.
  public func connect(
    to url: WebSocketURL, headers: [(name: String, value: String)] = [],
    handler: any ClientWebSocketHandler
  ) -> ClientWebSocket {
    loop.preconditionInLoop()
    precondition(closing == nil && !isClosed, "WebSocketClient.connect after close")
    precondition(
      headers.allSatisfy { header in
        (header.name + header.value).utf8.allSatisfy { 0x20...0x7e ~= $0 }
      }
        && headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
          <= WebTransportLimits.clientHeadersBytesMax,
      "headers that cannot be sent")
    let socket = ClientWebSocket(client: self, url: url, headers: headers, handler: handler)
    sockets[ObjectIdentifier(socket)] = socket
    if attempts.count >= WebTransportLimits.clientSocketsMax {
      socket.fail("\(attempts.count) connections of this process are still open")
    } else if url.isSecure, configuration.trust == .none {
      socket.fail("this client has no certificates for TLS")
    } else {
      socket.begin()
    }
    return socket
  }

  // MARK: - For ClientWebSocket

  func newSerial(_ socket: ClientWebSocket) -> UInt32 {
    repeat { lastSerial &+= 1 } while lastSerial == 0 || attempts[lastSerial] != nil
    attempts[lastSerial] = Attempt(socket: socket)
    return lastSerial
  }

  /// libwebsockets has freed the connection, or never made one.
  func forget(_ serial: UInt32) { attempts[serial] = nil }

  /// Nobody wants to hear of the attempt any more; its connection is cut at the turn's end.
  func giveUp(_ serial: UInt32) {
    guard attempts[serial] != nil else { return }
    attempts[serial]?.socket = nil
    close(serial)
  }

  /// libwebsockets closes the connection at the turn's end, an open WebSocket with what
  /// `lws_close_reason` said.
  func close(_ serial: UInt32) {
    cutList.append(serial)
    askForTurnEnd()
  }

  func ended(_ socket: ClientWebSocket, _ end: WebSocketEnd) {
    guard sockets.removeValue(forKey: ObjectIdentifier(socket)) != nil else { return }
    endedList.append((socket, end))
    askForTurnEnd()
  }

  private func askForTurnEnd() {
    guard !turnEndAsked else { return }
    turnEndAsked = true
    loop.atTurnEnd(self)
  }

  public func loopTurnEnded() {
    turnEndAsked = false
    var cut: [UInt32] = []
    swap(&cut, &cutList)
    if let context = contextSlot.pointee, !isContextDestroyed, !cut.isEmpty {
      for serial in cut {
        guard let wsi = attempts[serial]?.wsi else { continue }
        // With this reason lws keeps an open WebSocket's manners: it sends what is buffered and the
        // close frame; an attempt that is not open is hung up on.
        lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_SYNC)
      }
      // lws arms its libuv timer only after I/O of its own.
      lws_cancel_service(context)
    }
    var ended: [(ClientWebSocket, WebSocketEnd)] = []
    swap(&ended, &endedList)
    for (socket, end) in ended { socket.tellEnd(end) }
  }

  // MARK: - Closing

  /// Ends everything: open WebSockets with 1001, attempts at once. Handlers are told. `completion` runs
  /// when nothing of this client is open on the loop.
  public func close(_ completion: @escaping () -> Void) {
    loop.preconditionInLoop()
    precondition(closing == nil && !isClosed, "WebSocketClient.close twice")
    for socket in sockets.values {
      socket.close(code: WebSocketCloseCode.goingAway, reason: "the client is shutting down")
    }
    let timer = LoopTimer(loop: loop) { [unowned self] in closingTick() }
    closing = (timer, completion, loop.nowMilliseconds + configuration.closeMilliseconds)
    timer.start(afterMilliseconds: 1, repeatingMilliseconds: 5)
  }

  private func closingTick() {
    guard let closing else { return }
    if !isContextDestroyed {
      let isDone = attempts.isEmpty && sockets.isEmpty && endedList.isEmpty
      guard isDone || loop.nowMilliseconds >= closing.deadline else { return }
      for socket in sockets.values { socket.fail("the client was shut down") }
      isContextDestroyed = true
      lws_context_destroy(contextSlot.pointee)
      return
    }
    // libuv confirms the closes in later turns; only then the second call may free the context.
    turnsSinceDestroyed += 1
    guard endedList.isEmpty, turnsSinceDestroyed >= 2 else { return }
    // Each is told of by libwebsockets; not for ever, should it forget one.
    guard attempts.isEmpty || turnsSinceDestroyed >= WebTransportLimits.clientCloseTicksMax else {
      return
    }
    if let context = contextSlot.pointee {
      lws_context_destroy(context)
      guard contextSlot.pointee == nil else { return }
    }
    closing.timer.close()
    self.closing = nil
    isClosed = true
    LibwebsocketsLog.detach()
    closing.completion()
  }

  // MARK: - The log

  func libwebsocketsSays(_ level: Int32, _ line: String) {
    var line = Substring(line)
    while line.last?.isNewline == true { line.removeLast() }
    if isSettingUp {
      if !line.contains("http_proxy needs to be ads:port") { lastSetUpLine = String(line) }
      return
    }
    // "SSL error: self-signed certificate (preverify_ok=0;err=18;depth=0)": the only place where the
    // reason is said.
    if let range = line.firstRange(of: "SSL error: ") {
      let said = line[range.upperBound...]
      certificateFault = String(
        said[..<(said.firstRange(of: " (preverify")?.lowerBound ?? said.endIndex)])
      return
    }
    let limit = WebTransportLimits.logLinesPerSecondMax
    guard
      let omitted = logRate.admit(nowMilliseconds: loop.nowMilliseconds, linesPerSecondMax: limit)
    else { return }
    configuration.log(
      WebLogLine(
        level: level & LLL_ERR != 0 ? .error : .warning, text: "libwebsockets: \(line)",
        omitted: omitted))
  }
}
