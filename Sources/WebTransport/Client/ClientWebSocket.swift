// One WebSocket of a client, from the lookup of its host to its end.
//
// Each address of the host is one attempt with a libwebsockets connection of its own; the first that
// takes the TCP connection is the last. Each stage has a deadline. Once open, a ping leaves every
// `pingMilliseconds`, and a peer that was not heard for `silenceMaxMilliseconds` is dead, whatever TCP
// believes. The end is told once, by `end`; what libwebsockets says afterwards finds no attempt.
import CLibwebsockets
import EventLoops
import Glibc

public final class ClientWebSocket {
  enum State {
    case lookingUp
    case connecting
    /// TCP stands: TLS if asked for, then the upgrade.
    case upgrading
    case open
    /// A close frame of ours, or the answer to the peer's, is on its way.
    case closing
    case ended
  }

  public let url: WebSocketURL
  unowned let client: WebSocketClient
  let headers: [(name: String, value: String)]
  private(set) weak var handler: (any ClientWebSocketHandler)?

  private(set) var state = State.lookingUp
  private var lookup: HostLookup?
  private var addresses: [String] = []
  private var lastFailure = ""
  private var address = ""
  private var serial: UInt32 = 0
  var wsi: OpaquePointer?
  private var sentHeaders = false
  private var isCertificateRefused = false
  private var status: UInt16?
  private lazy var timer = LoopTimer(loop: client.loop) { [unowned self] in timerFired() }
  var lastHeard: UInt64 = 0 {
    didSet { pingsSinceHeard = 0 }
  }
  private var pingsSinceHeard = 0

  var assembly = MessageAssembly()
  var isAssembling = false
  var isBuffered = false
  var owesWritable = false
  private var closeCode = WebSocketCloseCode.abnormal
  private var closeReason = ""

  init(
    client: WebSocketClient, url: WebSocketURL, headers: [(name: String, value: String)],
    handler: any ClientWebSocketHandler
  ) {
    self.client = client
    self.url = url
    self.headers = headers
    self.handler = handler
  }

  public var isOpen: Bool { state == .open }

  /// Milliseconds since a byte of a message or a pong came; 0 before it is open.
  public var silenceMilliseconds: UInt64 {
    state == .open ? client.loop.nowMilliseconds - min(client.loop.nowMilliseconds, lastHeard) : 0
  }

  // MARK: - Getting there

  func begin() {
    // An address needs no thread.
    switch SocketAddress.lookUp(host: url.host, port: url.port, isNumeric: true) {
    case .success(let found): return use(found)
    case .failure: break
    }
    lookup = HostLookup(loop: client.loop, host: url.host, port: url.port) {
      [unowned self] result in
      lookup = nil
      switch result {
      case .success(let found): use(found)
      case .failure(let error): fail("the name cannot be looked up: \(error.reason)")
      }
    }
    guard lookup != nil else { return fail("too many lookups of names are under way") }
    timer.start(afterMilliseconds: client.configuration.lookupMilliseconds)
  }

  private func use(_ found: [SocketAddress]) {
    guard state == .lookingUp else { return }
    addresses = found.compactMap(\.numericHost)
    guard !addresses.isEmpty else { return fail("the host has no address") }
    addresses.reverse()
    nextAddress()
  }

  private func nextAddress() {
    guard let next = addresses.popLast() else { return fail(lastFailure) }
    state = .connecting
    address = next
    timer.start(afterMilliseconds: client.configuration.connectMilliseconds)
    let mine = client.newSerial(self)
    serial = mine
    client.certificateFault = nil
    let polls = PollHandles.all(on: client.loop)
    errno = 0
    let made = connect(next, mine)
    let code = errno
    if made == nil { PollHandles.closeLeaked(on: client.loop, except: polls) }
    // A callback may have moved on to another address, or ended this.
    guard serial == mine, state != .ended else { return }
    guard let made else {
      client.forget(mine)
      // libwebsockets does not say why; the socket's own error is usually still there.
      let reason =
        [ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, EACCES, EPERM, EMFILE, ENFILE, EADDRNOTAVAIL]
          .contains(code) ? String(cString: strerror(code)) : "no connection"
      return attemptFailed(reason)
    }
    wsi = made
    client.attempts[mine]?.wsi = made
  }

  private func connect(_ address: String, _ serial: UInt32) -> OpaquePointer? {
    guard let context = client.contextSlot.pointee else { return nil }
    var info = lws_client_connect_info()
    info.context = context
    info.vhost = client.vhost
    info.port = Int32(url.port)
    // A redirect would carry the headers to a place that nobody named.
    var flags = LCCSCF_HTTP_NO_FOLLOW_REDIRECT.rawValue
    if url.isSecure { flags |= LCCSCF_USE_SSL.rawValue }
    info.ssl_connection = Int32(bitPattern: UInt32(flags))
    info.ietf_version_or_minus_one = -1
    info.opaque_user_data = UnsafeMutableRawPointer(bitPattern: UInt(serial))
    return address.withCString { address in
      url.target.withCString { target in
        url.authority.withCString { host in
          "http/1.1".withCString { alpn in
            info.address = address
            info.path = target
            info.host = host
            info.alpn = alpn
            return lws_client_connect_via_info(&info)
          }
        }
      }
    }
  }

  /// The TCP connection stands.
  func connected(_ wsi: OpaquePointer) -> Int32 {
    guard state == .connecting else { return 0 }
    self.wsi = wsi
    state = .upgrading
    addresses.removeAll()
    timer.start(afterMilliseconds: client.configuration.handshakeMilliseconds)
    var on: Int32 = 1
    setsockopt(
      lws_get_socket_fd(wsi), Int32(IPPROTO_TCP), TCP_NODELAY, &on,
      socklen_t(MemoryLayout<Int32>.size))
    return 0
  }

  /// libwebsockets' request is written so far; ours goes behind it.
  func appendHeaders(to pointer: UnsafeMutableRawPointer?, room: Int) -> Int32 {
    sentHeaders = true
    guard let place = pointer?.assumingMemoryBound(to: UnsafeMutablePointer<UInt8>.self) else {
      return -1
    }
    var text: [UInt8] = []
    for header in headers { text += Array("\(header.name): \(header.value)\r\n".utf8) }
    guard text.count <= room else { return -1 }
    text.withUnsafeBufferPointer {
      if let base = $0.baseAddress { place.pointee.update(from: base, count: $0.count) }
    }
    place.pointee += text.count
    return 0
  }

  /// The head of the answer has come.
  func answered(_ wsi: OpaquePointer) -> Int32 {
    status = UInt16(clamping: lws_http_client_http_response(wsi))
    return 0
  }

  func opened(_ wsi: OpaquePointer) -> Int32 {
    guard state == .upgrading else { return -1 }
    self.wsi = wsi
    state = .open
    lastHeard = client.loop.nowMilliseconds
    let period = client.configuration.pingMilliseconds
    timer.start(afterMilliseconds: period, repeatingMilliseconds: period)
    handler?.webSocketOpened(self)
    return 0
  }

  /// libwebsockets' word for why an attempt did not become a WebSocket.
  func attemptFailed(_ reason: String) {
    switch state {
    case .connecting:
      guard serial != 0 else { return nextAddress() }
      lastFailure = "\(address): \(reason.isEmpty ? "no connection" : reason)"
      client.giveUp(serial)
      serial = 0
      wsi = nil
      // This may be a callback of libwebsockets: the next attempt is a turn's own affair.
      timer.start(afterMilliseconds: 1)
    case .upgrading:
      if let status, status != 101 {
        fail("the upgrade was answered with status \(status)")
      } else if let fault = client.certificateFault, url.isSecure, !sentHeaders {
        isCertificateRefused = true
        fail("the server's certificate is refused: \(fault)")
      } else if !sentHeaders, url.isSecure {
        fail("the TLS handshake failed (\(reason))")
      } else {
        fail("the upgrade failed: \(reason)")
      }
    case .lookingUp, .open, .closing, .ended: broke()
    }
  }

  private func timerFired() {
    let configuration = client.configuration
    switch state {
    case .lookingUp: fail("the name was not found within \(configuration.lookupMilliseconds) ms")
    case .connecting:
      guard serial != 0 else { return nextAddress() }
      lastFailure = "\(address): no connection within \(configuration.connectMilliseconds) ms"
      client.giveUp(serial)
      serial = 0
      wsi = nil
      nextAddress()
    case .upgrading:
      let what = url.isSecure && !sentHeaders ? "no TLS" : "no answer to the upgrade"
      fail("\(what) within \(configuration.handshakeMilliseconds) ms")
    case .open:
      let silence = silenceMilliseconds
      // Two pings: timers come before sockets, so after a standstill of this process what the peer said
      // meanwhile is not read yet, and the silence is ours.
      guard silence < configuration.silenceMaxMilliseconds || pingsSinceHeard < 2 else {
        return fail("nothing was heard for \(silence) ms, pings unanswered")
      }
      pingsSinceHeard += 1
      ping()
    case .closing: finishClosing()
    case .ended: break
    }
  }

  // MARK: - Ends

  /// Closes with a close frame, behind what the socket has already; before it is open it is given up
  /// at once. The end is told later. More than once is allowed. `reason` is cut at 123 bytes.
  public func close(code: UInt16 = WebSocketCloseCode.normal, reason: String = "") {
    client.loop.preconditionInLoop()
    switch state {
    case .closing, .ended: return
    case .lookingUp, .connecting, .upgrading: fail("given up")
    case .open:
      guard let wsi else { return fail("given up") }
      beginClose(wsi, code, reason)
      client.close(serial)
    }
  }

  /// A breach of the protocol: closed at the turn's end; nothing more is delivered.
  func fault(_ wsi: OpaquePointer, _ code: UInt16, _ reason: String) -> Int32 {
    close(code: code, reason: reason)
    return 0
  }

  private func beginClose(_ wsi: OpaquePointer, _ code: UInt16, _ reason: String) {
    state = .closing
    closeCode = code
    closeReason = reason
    timer.start(afterMilliseconds: client.configuration.closeMilliseconds)
    var bytes = Array(reason.utf8.prefix(123))
    while !bytes.isEmpty, String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
    bytes.withUnsafeMutableBufferPointer {
      lws_close_reason(wsi, lws_close_status(rawValue: UInt32(code)), $0.baseAddress, $0.count)
    }
  }

  /// The peer's close frame: lws answers it.
  func peerCloses(_ payload: UnsafeRawBufferPointer) -> Int32 {
    guard state == .open else { return 0 }
    state = .closing
    closeCode =
      payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : WebSocketCloseCode.none
    let said = payload.dropFirst(2).map { 0x20...0x7e ~= $0 ? $0 : UInt8(ascii: "?") }
    closeReason = "the server closed with \(closeCode)"
    if !said.isEmpty { closeReason += ": \(String(decoding: said, as: UTF8.self))" }
    timer.start(afterMilliseconds: client.configuration.closeMilliseconds)
    return 0
  }

  /// libwebsockets is done with the connection.
  func broke() {
    switch state {
    case .ended: break
    case .closing:
      serial = 0
      wsi = nil
      finishClosing()
    case .lookingUp: break
    case .connecting: attemptFailed("no connection")
    case .upgrading: fail("the connection ended before the upgrade was answered")
    case .open: fail("the connection broke without a close frame")
    }
  }

  private func finishClosing() { end(.open, closeCode, closeReason) }

  /// The end, without a goodbye.
  func fail(_ reason: String) {
    let stage: WebSocketEnd.Stage
    switch state {
    case .ended: return
    case .lookingUp: stage = .lookup
    case .connecting: stage = .connect
    case .upgrading: stage = url.isSecure && !sentHeaders ? .tls : .upgrade
    case .open, .closing: stage = .open
    }
    end(stage, WebSocketCloseCode.abnormal, reason)
  }

  private func end(_ stage: WebSocketEnd.Stage, _ code: UInt16, _ reason: String) {
    let now = client.loop.nowMilliseconds
    let silence = stage == .open ? now - min(now, lastHeard) : 0
    state = .ended
    timer.close()
    lookup?.close()
    lookup = nil
    if serial != 0 { client.giveUp(serial) }
    serial = 0
    wsi = nil
    client.ended(
      self,
      WebSocketEnd(
        stage: stage, code: code, status: status == 101 ? nil : status,
        isCertificateRefused: isCertificateRefused, silenceMilliseconds: silence,
        description: "\(url): \(reason.isEmpty ? "closed with \(code)" : reason)"))
  }

  func tellEnd(_ end: WebSocketEnd) { handler?.webSocketEnded(self, end) }
}
