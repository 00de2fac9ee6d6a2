import CLibwebsockets
import EventLoops
import Glibc
import TestSupport
import Testing

@testable import WebTransport

/// A handler that writes down what it is told and answers by what a message says.
/// `@unchecked Sendable`: the log is behind a lock, the rest belongs to the loop.
final class RecordingHandler: WebSocketHandler, @unchecked Sendable {
  enum Event: Equatable, Sendable {
    case opened(UInt32, String)
    case message(WebSocketOpcode, Int, String)
    case writable
    case closed(UInt16, String)
  }

  private let log = Locked<[Event]>([])
  /// All messages go in here as numbers only, for tests with very many.
  private let totals = Locked<(messages: Int, bytes: Int)>((0, 0))
  weak var server: WebServer?
  /// Loop's thread.
  var lastID: ConnectionID?
  var keepsMessages = true
  var onMessage: ((ConnectionID, WebSocketOpcode, [UInt8]) -> Void)?
  var onOpened: ((ConnectionID) -> Void)?
  var onWritable: ((ConnectionID) -> Void)?
  let currentlyOpen = Locked<Int>(0)

  var events: [Event] { log.withLock { $0 } }
  var received: (messages: Int, bytes: Int) { totals.withLock { $0 } }
  private func add(_ event: Event) { log.withLock { $0.append(event) } }

  func webSocketUpgrade(_ request: HTTPRequest) -> WebSocketDecision {
    switch request.path {
    case "/v2/iex": .accept(token: 7)
    case "/denied": .reject(.error(.unauthorized()))
    default: .reject(.error(.notFound()))
    }
  }

  func webSocketOpened(_ id: ConnectionID, token: UInt32, request: HTTPRequest) {
    currentlyOpen.withLock { $0 += 1 }
    lastID = id
    if keepsMessages {
      add(.opened(token, request.header("content-type") ?? request.header("origin") ?? ""))
    }
    onOpened?(id)
  }

  func webSocketMessage(_ id: ConnectionID, opcode: WebSocketOpcode, bytes: RawSpan) {
    let copy = bytes.withUnsafeBytes { Array($0) }
    totals.withLock { $0 = ($0.messages + 1, $0.bytes + copy.count) }
    if keepsMessages {
      add(.message(opcode, copy.count, String(decoding: copy.prefix(40), as: UTF8.self)))
    }
    onMessage?(id, opcode, copy)
  }

  func webSocketWritable(_ id: ConnectionID) {
    add(.writable)
    onWritable?(id)
  }

  func webSocketClosed(_ id: ConnectionID, code: UInt16, reason: String) {
    currentlyOpen.withLock { $0 -= 1 }
    if keepsMessages { add(.closed(code, reason)) }
  }
}

/// What the fixtures of a task speak: with a certificate they and their sockets speak TLS, so that a test
/// that was written for plain connections runs over TLS too.
enum SpokenTLS {
  @TaskLocal static var certificate: ServerCertificate?
}

extension TestCertificates {
  /// One that can be served.
  func serve(_ name: String = "server", key: String = "ec") throws -> ServerCertificate {
    let files = try make(name, key: key)
    return try ServerCertificate(certificatePath: files.path, keyPath: files.key)
  }
}

/// A real server on a loop of its own, on a port the kernel chose.
/// `@unchecked Sendable`: `server` is touched on the loop only.
final class ServerFixture: @unchecked Sendable {
  let loop: EventLoop
  private(set) var server: WebServer!
  let handler = RecordingHandler()
  let port: UInt16
  private let keeper: LinesKeeper
  private let isSecure: Bool

  var logLines: [WebLogLine] { keeper.lines }

  init(
    _ configure: @escaping @Sendable (inout WebServerConfiguration) -> Void = { _ in },
    routes: @escaping @Sendable (inout Router, EventLoop) -> Void = { _, _ in }
  ) async throws {
    let loop = try EventLoop.start(name: "web-test")
    self.loop = loop
    let handler = handler
    let keep = LinesKeeper()
    let certificate = SpokenTLS.certificate
    isSecure = certificate != nil
    let made: (Made, UInt16) = try await loop.run {
      var configuration = WebServerConfiguration(host: "127.0.0.1", port: 0)
      configuration.log = { line in keep.add(line) }
      configuration.certificate = certificate
      configure(&configuration)
      var router = Router()
      ServerFixture.standardRoutes(&router, loop)
      routes(&router, loop)
      let server = try WebServer(
        loop: loop, configuration: configuration, router: router, webSockets: handler)
      handler.server = server
      do {
        try server.listen()
      } catch {
        server.close(graceMilliseconds: 0) {}
        throw error
      }
      return (Made(server: server), server.port)
    }
    server = made.0.server
    port = made.1
    keeper = keep
  }

  private struct Made: @unchecked Sendable { let server: WebServer }

  static func standardRoutes(_ router: inout Router, _ loop: EventLoop) {
    router.on(.get, "/hello") { _ in .text("hello") }
    for method in HTTPMethod.allCases where method != .head {
      router.on(method, "/echo") { request in
        .text("\(request.method.rawValue) \(String(decoding: request.body, as: UTF8.self))")
      }
    }
    router.on(.get, "/v2/assets/*") { request in .text(request.parameter("*")) }
    router.on(.get, "/query") { request in
      .text(request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "|"))
    }
    router.on(.get, "/headers") { request in
      .text(request.headers.map { "\($0.name)=\($0.value)" }.sorted().joined(separator: "|"))
    }
    router.on(.get, "/big/:bytes") { request in
      .text(String(repeating: "x", count: Int(request.parameter("bytes")) ?? 0))
    }
    router.onAsync(.get, "/at-once") { _ in .text("at once") }
    router.onAsync(.get, "/sleep/:ms") { request in
      await loop.sleep(milliseconds: UInt64(request.parameter("ms")) ?? 0)
      return .text("slept")
    }
    router.onAsync(.post, "/sleep/:ms") { request in
      await loop.sleep(milliseconds: UInt64(request.parameter("ms")) ?? 0)
      return .text("slept \(request.body.count)")
    }
  }

  func counters() async throws -> WebCounters {
    let box = Made(server: server)
    return try await loop.run { box.server.counters }
  }

  /// Runs `body` with the server on its loop.
  func onLoop<T: Sendable>(_ body: @escaping @Sendable (WebServer) throws -> T) async throws -> T {
    let box = Made(server: server)
    return try await loop.run { try body(box.server) }
  }

  func socket(receiveBufferBytes: Int32? = nil) throws -> RawSocket {
    let socket = try plainSocket(receiveBufferBytes: receiveBufferBytes)
    if isSecure { _ = try socket.startTLS() }
    return socket
  }

  /// One that speaks no TLS whatever the server speaks.
  func plainSocket(receiveBufferBytes: Int32? = nil) throws -> RawSocket {
    try RawSocket(port: port, receiveBufferBytes: receiveBufferBytes)
  }

  /// The server still serves, and no connection is left over.
  func isHealthy() async throws -> Bool {
    guard try socket().request("GET", "/hello")?.text == "hello" else { return false }
    return try await until { $0.connections == 0 }
  }

  /// Waits until `condition` holds, at most some seconds. For what happens on the loop's thread soon.
  func until(
    milliseconds: Int32 = 5_000, _ condition: (WebCounters) -> Bool
  ) async throws -> Bool {
    try await TestSupport.until(milliseconds: milliseconds) { condition(try await counters()) }
  }

  /// Closes the server and ends the loop; EventLoop.stop checks that no handle is left open.
  func end() async {
    let box = Made(server: server)
    await withCheckedContinuation { continuation in
      loop.submit { box.server.close(graceMilliseconds: 200) { continuation.resume() } }
    }
    server = nil
    loop.stop()
    loop.join()
  }
}

final class LinesKeeper: Sendable {
  private let kept = Locked<[WebLogLine]>([])
  var lines: [WebLogLine] { kept.withLock { $0 } }
  func add(_ line: WebLogLine) { kept.withLock { $0.append(line) } }
}

/// Runs a test with a server and ends it whatever happens.
func withServer(
  _ configure: @escaping @Sendable (inout WebServerConfiguration) -> Void = { _ in },
  routes: @escaping @Sendable (inout Router, EventLoop) -> Void = { _, _ in },
  _ body: (ServerFixture) async throws -> Void
) async throws {
  let fixture = try await ServerFixture(configure, routes: routes)
  do {
    try await body(fixture)
  } catch {
    await fixture.end()
    throw error
  }
  await fixture.end()
}

extension EventLoop {
  /// CPU time that the loop's thread has used so far.
  func threadCPUNanoseconds() async throws -> Int64 {
    try await run {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
  }
}

extension RawAnswer {
  /// The code of a JSON error body, after checking that it is one.
  var errorCode: Int? {
    guard headers["content-type"] == "application/json", text.hasPrefix("{\"code\":"),
      text.contains(",\"message\":\""), text.hasSuffix("\"}")
    else { return nil }
    return Int(text.dropFirst(8).prefix { $0 != "," })
  }
}

extension WebServer {
  /// The descriptors of all connections.
  func openDescriptors() -> [Int32] {
    (0..<slab.used).compactMap { index in
      slab.id(at: index).flatMap { slab.find($0)?.pointee.wsi }.map { lws_get_socket_fd($0) }
    }
  }
}
