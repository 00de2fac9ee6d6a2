// The one libwebsockets context of a loop: HTTP/1.1 and WebSocket on one port.
//
// Everything here runs on the loop's thread: calls from outside, callbacks of libwebsockets, timers.
// A connection is a record in `slab`; libwebsockets' opaque user data holds the record's ConnectionID
// as a number. Connections are never closed from inside a callback of libwebsockets but at the turn's
// end (`scheduleClose`), so a handler may close any of them from anywhere; or, for the connection
// whose callback is running, by returning -1.
//
// Not here: what requests mean (`Router`) and what messages mean (`WebSocketHandler`).
import CLibwebsockets
public import EventLoops

/// An HTTP and WebSocket server on one loop. Make it, `listen`, and before the loop stops `close`.
public final class WebServer: TurnEndObserver {
  let loop: EventLoop
  let configuration: WebServerConfiguration
  let router: Router
  var webSockets: (any WebSocketHandler)?

  public internal(set) var counters = WebCounters()
  /// The port that `listen` got; 0 before.
  public internal(set) var port: UInt16 = 0

  var slab: ConnectionSlab
  /// Connections by address, only where the configuration bounds them.
  var addressCounts: [RemoteAddress: Int] = [:]
  /// The connection of a descriptor, as ConnectionID's bits; of one that has gone too, until its
  /// number is used again.
  var descriptors: [UInt64] = []
  var acceptRate: AcceptRate
  var closeList: [ConnectionID] = []
  /// WebSockets whose pings of this turn are to be answered.
  var pongList: [ConnectionID] = []
  /// What ended the input of WebSockets in this turn: a breach, or nil for a close frame.
  var lastWords: [(ConnectionID, FrameChecker.Fault?)] = []
  var turnEndAsked = false

  let contextSlot = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: 1)
  let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
  var vhost: OpaquePointer?
  /// Shown by handshakes that begin now; nil without TLS.
  var certificate: ServerCertificate?

  var listener: Int32 = -1
  var acceptPoll: LoopPoll?
  var acceptTimer: LoopTimer?
  var sweepTimer: LoopTimer?
  var closing: Closing?
  /// See `windDown`.
  var isWindingDown = false
  var isClosed = false

  var keptHeaders: [(String, RequestReading.Place)]
  var responseHead = ResponseHead()
  /// The request of the handshake under way, from its check to the moment it is a WebSocket.
  var upgrade: (request: HTTPRequest, token: UInt32)?
  /// libwebsockets has just said that a head is too large.
  var headOverflowed = false
  /// What libwebsockets last learned of a connection's buffered input, see `Interposed`.
  var lastUnread: (list: UnsafeMutablePointer<OpaquePointer?>?, length: Int) = (nil, 0)
  /// Requests whose handler has suspended in this turn.
  var suspendedList: [HTTPExchange] = []
  var assemblyPool: [MessageAssembly] = []
  var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  var logRate = LogRate()

  /// Starts nothing yet but libwebsockets itself. On the loop's thread. `webSockets` nil answers
  /// every handshake with 404.
  public init(
    loop: EventLoop, configuration: WebServerConfiguration, router: Router,
    webSockets: (any WebSocketHandler)?
  ) throws(WebTransportError) {
    loop.preconditionInLoop()
    self.loop = loop
    self.configuration = configuration
    self.router = router
    self.webSockets = webSockets
    certificate = configuration.certificate
    acceptRate = AcceptRate(
      perSecond: configuration.acceptsPerSecond
        ?? WebTransportLimits.acceptsPerSecond(isSecure: configuration.certificate != nil),
      burst: configuration.acceptBurst)
    slab = ConnectionSlab(countMax: configuration.connectionsMax)
    keptHeaders = configuration.headersKept.map { ($0, RequestReading.Place($0)) }
    contextSlot.initialize(to: nil)
    LibwebsocketsLog.attach(self)
    do {
      try createContext()
    } catch {
      LibwebsocketsLog.detach()
      isClosed = true
      throw error
    }
    let timer = LoopTimer(loop: loop) { [unowned self] in sweep() }
    timer.start(
      afterMilliseconds: WebTransportLimits.sweepMilliseconds,
      repeatingMilliseconds: WebTransportLimits.sweepMilliseconds)
    sweepTimer = timer
  }

  deinit {
    precondition(isClosed, "WebServer dropped without close")
    contextSlot.deallocate()
    protocols.deallocate()
    scratch.deallocate()
  }

  // MARK: - Closing

  /// Whether no new WebSocket is taken, and connections end with their next answer.
  var isEnding: Bool { closing != nil || isWindingDown }

  /// Stops accepting, refuses handshakes on connections that are there with 503, and ends each
  /// keep-alive connection with its next answer. WebSockets go on; `close` ends them and the rest.
  public func windDown() {
    loop.preconditionInLoop()
    guard !isEnding else { return }
    isWindingDown = true
    // The kernel resets what it has accepted and we have not when the listener closes.
    acceptWaiting()
    stopAccepting()
    for index in 0..<slab.used {
      guard let id = slab.id(at: index) else { continue }
      slab.find(id)?.pointee.exchange?.keepsAlive = false
    }
  }

  /// A close under way.
  struct Closing {
    var timer: LoopTimer
    var completion: () -> Void
    /// When connections that have not said goodbye are cut off.
    var deadline: UInt64
    var isContextDestroyed = false
    var turnsSinceEmpty = 0
  }

  /// Ends everything: no more accepts, WebSockets are closed with 1001, answers under way may leave,
  /// and after `graceMilliseconds` what is left is cut off. Then handlers still at work are waited
  /// for (their tasks have been cancelled), since they resume on this loop. `completion` runs when
  /// nothing of this server is open on the loop.
  public func close(graceMilliseconds: UInt64 = 500, _ completion: @escaping () -> Void) {
    loop.preconditionInLoop()
    precondition(closing == nil && !isClosed, "WebServer.close twice")
    stopAccepting()
    let timer = LoopTimer(loop: loop) { [unowned self] in closingTick() }
    closing = Closing(
      timer: timer, completion: completion, deadline: loop.nowMilliseconds + graceMilliseconds)
    for index in 0..<slab.used {
      guard let id = slab.id(at: index), let record = slab.find(id) else { continue }
      if record.pointee.kind == .webSocket {
        close(id, code: WebSocketCloseCode.goingAway, reason: "the server is shutting down")
      } else if let exchange = record.pointee.exchange {
        exchange.keepsAlive = false
      } else {
        scheduleClose(id)
      }
    }
    timer.start(afterMilliseconds: 1, repeatingMilliseconds: 5)
  }

  private func closingTick() {
    guard var closing else { return }
    defer { if self.closing != nil { self.closing = closing } }
    if !closing.isContextDestroyed {
      guard slab.count == 0 || loop.nowMilliseconds >= closing.deadline else { return }
      closing.isContextDestroyed = true
      cancelTasks()
      lws_context_destroy(contextSlot.pointee)
      return
    }
    // libuv confirms the closes of the connections in later turns; only then the second call may
    // free the context (platform facts: one call alone leaves it).
    guard slab.count == 0 else { return }
    closing.turnsSinceEmpty += 1
    guard closing.turnsSinceEmpty >= 2 else { return }
    if let context = contextSlot.pointee {
      lws_context_destroy(context)
      guard contextSlot.pointee == nil else { return }
    }
    guard counters.pendingRequests == 0 else { return }
    let completion = closing.completion
    closing.timer.close()
    sweepTimer?.close()
    self.closing = nil
    webSockets = nil
    isClosed = true
    LibwebsocketsLog.detach()
    completion()
  }

  private func cancelTasks() {
    for index in 0..<slab.used {
      guard let id = slab.id(at: index), let record = slab.find(id) else { continue }
      record.pointee.exchange?.task?.cancel()
    }
  }

  /// Closes a connection at the turn's end: politely where libwebsockets can, and never from inside
  /// one of its callbacks.
  func scheduleClose(_ id: ConnectionID) {
    guard let record = slab.find(id), !record.pointee.isInCloseList else { return }
    record.pointee.isInCloseList = true
    closeList.append(id)
    askForTurnEnd()
  }

  func askForTurnEnd() {
    guard !turnEndAsked else { return }
    turnEndAsked = true
    loop.atTurnEnd(self)
  }

  public func loopTurnEnded() {
    turnEndAsked = false
    guard let context = contextSlot.pointee, closing?.isContextDestroyed != true else {
      closeList.removeAll()
      pongList.removeAll()
      lastWords.removeAll()
      suspendedList.removeAll()
      return
    }
    stopReadingForSuspended()
    hearLastWords()
    sendPongs()
    guard !closeList.isEmpty else { return }
    var list: [ConnectionID] = []
    swap(&list, &closeList)
    for id in list {
      guard let record = slab.find(id), let wsi = record.pointee.wsi else { continue }
      record.pointee.isInCloseList = false
      if record.pointee.farewell == .owed, sayFarewell(id, wsi) { continue }
      drainSocket(wsi)
      // With this reason lws keeps the connection's manners: it sends what is buffered and the
      // close frame; with any other it hangs up.
      lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_SYNC)
    }
    // lws arms its libuv timer only after I/O of its own: without this its 5 s for a flush or a
    // close frame would not run.
    lws_cancel_service(context)
  }

  // MARK: - The log

  func log(_ level: WebLogLine.Level, _ text: String) {
    let limit = WebTransportLimits.logLinesPerSecondMax
    guard
      let omitted = logRate.admit(nowMilliseconds: loop.nowMilliseconds, linesPerSecondMax: limit)
    else {
      counters.logLinesDropped += 1
      return
    }
    configuration.log(WebLogLine(level: level, text: text, omitted: omitted))
  }

  func libwebsocketsSays(_ level: Int32, _ line: String) {
    // The only sign of a head over the limit: lws hangs up right after this line.
    if line.contains("Ran out of header data space") {
      headOverflowed = true
      return
    }
    var line = Substring(line)
    while line.last?.isNewline == true { line.removeLast() }
    log(level & LLL_ERR != 0 ? .error : .warning, "libwebsockets: \(line)")
  }
}
