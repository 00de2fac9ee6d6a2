import EventLoops
import Glibc
import TestSupport
import Testing

@testable import WebTransport

/// Writes down what a client's WebSocket tells. `@unchecked Sendable`: the log is behind a lock, the
/// rest belongs to the loop.
final class RecordingClient: ClientWebSocketHandler, @unchecked Sendable {
  enum Event: Equatable, Sendable {
    case opened
    case message(WebSocketOpcode, Int, String)
    case writable
    case ended(WebSocketEnd)
  }

  private let log = Locked<[Event]>([])
  private let totals = Locked<(messages: Int, bytes: Int)>((0, 0))
  var events: [Event] { log.withLock { $0 } }
  var received: (messages: Int, bytes: Int) { totals.withLock { $0 } }
  var end: WebSocketEnd? {
    for case .ended(let end) in events { return end }
    return nil
  }
  var keepsMessages = true
  var onMessage: ((ClientWebSocket, [UInt8]) -> Void)?
  var onOpened: ((ClientWebSocket) -> Void)?

  private func add(_ event: Event) { log.withLock { $0.append(event) } }

  func webSocketOpened(_ socket: ClientWebSocket) {
    add(.opened)
    onOpened?(socket)
  }

  func webSocketMessage(_ socket: ClientWebSocket, opcode: WebSocketOpcode, bytes: RawSpan) {
    let copy = bytes.withUnsafeBytes { Array($0) }
    totals.withLock { $0 = ($0.messages + 1, $0.bytes + copy.count) }
    if keepsMessages {
      add(.message(opcode, copy.count, String(decoding: copy.prefix(40), as: UTF8.self)))
    }
    onMessage?(socket, copy)
  }

  func webSocketWritable(_ socket: ClientWebSocket) { add(.writable) }
  func webSocketEnded(_ socket: ClientWebSocket, _ end: WebSocketEnd) { add(.ended(end)) }
}

/// A client on a loop of its own. `@unchecked Sendable`: client and socket are touched on the loop only.
final class ClientFixture: @unchecked Sendable {
  let loop: EventLoop
  private(set) var client: WebSocketClient!
  let handler = RecordingClient()
  private(set) var socket: ClientWebSocket?
  private let keeper = LinesKeeper()

  var logLines: [WebLogLine] { keeper.lines }

  init(
    _ configure: @escaping @Sendable (inout WebSocketClientConfiguration) -> Void = { _ in }
  ) async throws {
    loop = try EventLoop.start(name: "client-test")
    let loop = loop
    let keeper = keeper
    do {
      client = try await loop.run {
        var configuration = WebSocketClientConfiguration()
        configuration.log = { keeper.add($0) }
        // As in other fixtures: a test's task may wait long for a thread. Tests of deadlines set
        // their own.
        configuration.handshakeMilliseconds = 120_000
        configuration.silenceMaxMilliseconds = 120_000
        configure(&configuration)
        return Made(client: try WebSocketClient(loop: loop, configuration: configuration))
      }.client
    } catch {
      loop.stop()
      loop.join()
      throw error
    }
  }

  private struct Made: @unchecked Sendable { let client: WebSocketClient }

  func connect(_ url: String, headers: [(name: String, value: String)] = []) async throws {
    let url = try WebSocketURL(url)
    try await loop.run { [self] in
      socket = client.connect(to: url, headers: headers, handler: handler)
    }
  }

  func onLoop<T: Sendable>(
    _ body: @escaping @Sendable (ClientWebSocket) throws -> T
  ) async throws -> T {
    try await loop.run { [self] in try body(socket!) }
  }

  /// Waits until `condition` holds, at most some seconds.
  func until(
    milliseconds: Int32 = 5_000, _ condition: (RecordingClient) -> Bool
  ) async throws -> Bool {
    try await TestSupport.until(milliseconds: milliseconds) { condition(handler) }
  }

  /// The end, once it has been told; nil when it is not within the time.
  func ended(milliseconds: Int32 = 5_000) async throws -> WebSocketEnd? {
    _ = try await until(milliseconds: milliseconds) { $0.end != nil }
    return handler.end
  }

  /// Connections that libwebsockets still has.
  func openAttempts() async throws -> Int { try await loop.run { [self] in client.attempts.count } }

  /// Closes the client and ends the loop, which checks that no handle is left open.
  func end() async {
    await withCheckedContinuation { continuation in
      loop.submit { [self] in client.close { continuation.resume() } }
    }
    client = nil
    socket = nil
    loop.stop()
    loop.join()
  }
}

/// Runs a test with a client and ends it whatever happens.
func withClient(
  _ configure: @escaping @Sendable (inout WebSocketClientConfiguration) -> Void = { _ in },
  _ body: (ClientFixture) async throws -> Void
) async throws {
  signal(SIGPIPE, SIG_IGN)  // OpenSSL writes to sockets that a peer may have closed
  let fixture = try await ClientFixture(configure)
  do {
    try await body(fixture)
  } catch {
    await fixture.end()
    throw error
  }
  await fixture.end()
}
