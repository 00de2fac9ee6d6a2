// One upstream, connected for as long as it is wanted: connect, converse, pass on what comes, and after
// each end wait and begin again.
//
// It belongs to the loop's thread. Deadlines: the WebSocket client sees to those of connecting and to
// pings; here each step of the conversation has one, and a link that is live but brings no market data
// for `dataTimeoutMilliseconds` may be given up (that is off by default: a quiet market is no fault while
// pings are answered).
//
// Not here: what market data means (`UpstreamFeed`, a recorder).
public import EventLoops
import MarketData
public import WebTransport

public protocol UpstreamLinkDelegate: AnyObject {
  /// Everything is subscribed; data may have come before.
  func upstreamIsLive(_ link: UpstreamLink)

  /// A message about the market, one JSON object, valid during the call.
  func upstreamMessage(_ link: UpstreamLink, _ json: UnsafeRawBufferPointer)

  /// The upstream says that events were lost: of one symbol, or of all for `*`.
  func upstreamGap(_ link: UpstreamLink, symbol: String)

  /// The link is gone, or could not be made.
  func upstreamDown(_ link: UpstreamLink, _ down: UpstreamDown)

  /// Something that a person should know; the link stays.
  func upstreamNote(_ link: UpstreamLink, _ text: String)
}

/// The end of a link, or of an attempt at one.
public struct UpstreamDown: Sendable {
  public var reason: String
  /// Data could have come on it.
  public var wasServing: Bool
  /// Since the upstream was last heard.
  public var silenceMilliseconds: UInt64
  /// Until the next attempt.
  public var retryMilliseconds: UInt64
}

public struct UpstreamConfiguration: Sendable {
  public var url: WebSocketURL
  public var subscription: UpstreamSubscription
  /// Nil: the upstream asks for none.
  public var credentials: UpstreamCredentials?
  /// Authorities for wss://; nil is the machine's own.
  public var certificatesPath: String?
  /// A live link without market data for so long is given up; 0 is never.
  public var dataTimeoutMilliseconds: UInt64 = 0
  public var stepMilliseconds = UpstreamLimits.stepMilliseconds
  public var client = WebSocketClientConfiguration()
  public var reconnect = (
    baseMilliseconds: UpstreamLimits.reconnectBaseMilliseconds,
    maxMilliseconds: UpstreamLimits.reconnectMaxMilliseconds
  )
  /// The range of waits after a refusal.
  public var refusedMilliseconds =
    UpstreamLimits.refusedMinMilliseconds...UpstreamLimits.refusedMaxMilliseconds

  public init(url: WebSocketURL, subscription: UpstreamSubscription) {
    self.url = url
    self.subscription = subscription
    client.messageBytesMax = UpstreamLimits.messageBytesMax
    client.pingMilliseconds = UpstreamLimits.pingMilliseconds
    client.silenceMaxMilliseconds = UpstreamLimits.silenceMaxMilliseconds
  }
}

public final class UpstreamLink: ClientWebSocketHandler {
  public struct Counters: Sendable {
    public var connects: UInt64 = 0
    /// Links that served and ended.
    public var losses: UInt64 = 0
    public var messages: UInt64 = 0
    public var bytes: UInt64 = 0
    public var malformedFrames: UInt64 = 0
  }

  public let configuration: UpstreamConfiguration
  public weak var delegate: (any UpstreamLinkDelegate)?
  public private(set) var counters = Counters()
  /// Everything is subscribed and the peer answers.
  public private(set) var isLive = false
  private let loop: EventLoop
  private let client: WebSocketClient
  private var socket: ClientWebSocket?
  private var conversation: UpstreamConversation
  private var backoff: ReconnectBackoff
  private var random = SystemRandomNumberGenerator()
  /// The next attempt, the deadline of a step, or the data timeout: never two of them at once.
  private lazy var timer = LoopTimer(loop: loop) { [unowned self] in timerFired() }
  private var lastData: UInt64 = 0
  private var liveSince: UInt64 = 0
  /// Why the socket is being ended, when it is we who end it.
  private var fault: UpstreamFault?
  /// A message that the socket did not take.
  private var unsent: [UInt8]?
  private var isClosed = false

  /// On the loop's thread. Throws when the certificates cannot be used.
  public init(
    loop: EventLoop, configuration: UpstreamConfiguration
  ) throws(WebTransportError) {
    self.loop = loop
    self.configuration = configuration
    conversation = UpstreamConversation(
      credentials: configuration.credentials, subscription: configuration.subscription)
    backoff = ReconnectBackoff(
      baseMilliseconds: configuration.reconnect.baseMilliseconds,
      maxMilliseconds: configuration.reconnect.maxMilliseconds)
    var clientConfiguration = configuration.client
    if configuration.url.isSecure {
      clientConfiguration.trust = configuration.certificatesPath.map { .file(path: $0) } ?? .system
    }
    client = try WebSocketClient(loop: loop, configuration: clientConfiguration)
  }

  public func start() {
    precondition(socket == nil && !isClosed, "UpstreamLink.start twice")
    connect()
  }

  /// Nothing is told any more. `completion` runs when nothing is open on the loop.
  public func close(_ completion: @escaping () -> Void) {
    loop.preconditionInLoop()
    precondition(!isClosed, "UpstreamLink.close twice")
    isClosed = true
    isLive = false
    timer.close()
    // The handler is needed for nothing but the end, which is no news now.
    client.close(completion)
  }

  private func connect() {
    counters.connects += 1
    fault = nil
    unsent = nil
    conversation = UpstreamConversation(
      credentials: configuration.credentials, subscription: configuration.subscription)
    // JSON is the protocol's default; said here because official servers ask for it.
    socket = client.connect(
      to: configuration.url, headers: [("Content-Type", "application/json")], handler: self)
  }

  private func timerFired() {
    guard !isClosed else { return }
    guard let socket else { return connect() }
    guard socket.isOpen else { return }
    guard isLive else {
      return give(
        up: socket,
        UpstreamFault(
          .soon, "\(conversation.awaited) within \(configuration.stepMilliseconds) ms"))
    }
    let quiet = loop.nowMilliseconds - min(loop.nowMilliseconds, lastData)
    guard quiet >= configuration.dataTimeoutMilliseconds else {
      return timer.start(afterMilliseconds: configuration.dataTimeoutMilliseconds - quiet)
    }
    give(
      up: socket, UpstreamFault(.soon, "no market data for \(quiet) ms, though pings are answered"))
  }

  /// Ends the socket for a reason of ours; the rest follows with its end.
  private func give(up socket: ClientWebSocket, _ fault: UpstreamFault) {
    guard self.fault == nil else { return }
    self.fault = fault
    socket.close(code: WebSocketCloseCode.goingAway)
  }

  // MARK: - The socket

  public func webSocketOpened(_ socket: ClientWebSocket) {
    guard socket === self.socket, !isClosed else { return }
    timer.start(afterMilliseconds: configuration.stepMilliseconds)
  }

  public func webSocketMessage(
    _ socket: ClientWebSocket, opcode: WebSocketOpcode, bytes: RawSpan
  ) {
    guard socket === self.socket, !isClosed, fault == nil else { return }
    guard opcode == .text else {
      return give(up: socket, UpstreamFault(.slow, "the server sends binary messages, not JSON"))
    }
    counters.bytes &+= UInt64(bytes.byteCount)
    bytes.withUnsafeBytes { frame in
      do throws(JSONError) {
        try UpstreamMessage.forEach(in: frame) { message, element in
          take(message, element, socket)
          return fault == nil && !isClosed
        }
      } catch {
        counters.malformedFrames += 1
        // Before it is live there is nothing to lose; later the next frame may be good again.
        if isLive {
          delegate?.upstreamNote(self, "a frame is malformed: \(error)")
        } else {
          give(up: socket, UpstreamFault(.soon, "a frame is malformed: \(error)"))
        }
      }
    }
  }

  private func take(
    _ message: UpstreamMessage, _ element: UnsafeRawBufferPointer, _ socket: ClientWebSocket
  ) {
    if let action = conversation.received(message) { perform(action, socket) }
    guard fault == nil, conversation.takesData else { return }
    switch message {
    case .data:
      counters.messages &+= 1
      lastData = loop.nowMilliseconds
      delegate?.upstreamMessage(self, element)
    case .gap(let symbol): delegate?.upstreamGap(self, symbol: symbol)
    case .success, .error, .subscription: break
    }
  }

  private func perform(_ action: UpstreamConversation.Action, _ socket: ClientWebSocket) {
    switch action {
    case .send(let bytes):
      timer.start(afterMilliseconds: configuration.stepMilliseconds)
      send(bytes, socket)
    case .note(let text): delegate?.upstreamNote(self, text)
    case .end(let fault): give(up: socket, fault)
    case .becomeLive:
      isLive = true
      liveSince = loop.nowMilliseconds
      lastData = liveSince
      timer.stop()
      if configuration.dataTimeoutMilliseconds > 0 {
        timer.start(afterMilliseconds: configuration.dataTimeoutMilliseconds)
      }
      if conversation.refusals > 0 {
        delegate?.upstreamNote(
          self, "the server refused \(conversation.refusals) of the subscribe messages")
      }
      delegate?.upstreamIsLive(self)
    }
  }

  private func send(_ bytes: [UInt8], _ socket: ClientWebSocket) {
    // The conversation has one message under way at a time, so there is room for the one.
    if socket.send(bytes.span.bytes, opcode: .text) == .refused { unsent = bytes }
  }

  public func webSocketWritable(_ socket: ClientWebSocket) {
    guard socket === self.socket, !isClosed, let bytes = unsent else { return }
    unsent = nil
    send(bytes, socket)
  }

  public func webSocketEnded(_ socket: ClientWebSocket, _ end: WebSocketEnd) {
    guard socket === self.socket, !isClosed else { return }
    self.socket = nil
    let wasServing = conversation.takesData
    if wasServing { counters.losses += 1 }
    if isLive, loop.nowMilliseconds - liveSince >= UpstreamLimits.servedMilliseconds {
      backoff.reset()
    }
    isLive = false
    let isRefused =
      fault?.retry == .slow || end.status.map { (400..<500).contains($0) } == true
      || end.isCertificateRefused
    let wait =
      isRefused
      ? UInt64.random(in: configuration.refusedMilliseconds, using: &random)
      : backoff.next(using: &random)
    let reason = fault.map { "\(configuration.url): \($0)" } ?? end.description
    fault = nil
    // At least a millisecond: libuv would run a timer of 0 in this very turn.
    timer.start(afterMilliseconds: max(1, wait))
    delegate?.upstreamDown(
      self,
      UpstreamDown(
        reason: reason, wasServing: wasServing, silenceMilliseconds: end.silenceMilliseconds,
        retryMilliseconds: wait))
  }
}
