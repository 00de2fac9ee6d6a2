// `tapedeck gateway --echo`: a server that sends every WebSocket message back, for conformance suites of
// others. Only where the compiler defines DEBUG, so a release build has neither the flag nor the code.
#if DEBUG
  import EventLoops
  import Glibc
  import ServiceSupport
  import WebTransport

  /// Loop's thread only.
  final class EchoServer: WebSocketHandler {
    private var web: WebServer!
    /// Messages of clients that do not read as fast as they send.
    private var waiting: [ConnectionID: [(WebSocketOpcode, [UInt8])]] = [:]

    /// What a suite sends at most (Autobahn's cases 9), and how much of it may wait for one client.
    static let messageBytesMax = 16 * 1_024 * 1_024
    private static let waitingMax = 4_096

    /// Its port, and how it ends.
    static func start(
      _ configuration: WebServerConfiguration
    ) async throws -> (port: UInt16, close: @Sendable () async -> Void) {
      let loop = try EventLoop.start(name: "echo")
      let made: Confined
      do {
        made = try await loop.run {
          let echo = EchoServer()
          var own = configuration
          own.messageBytesMax = messageBytesMax
          echo.web = try WebServer(
            loop: loop, configuration: own, router: Router(), webSockets: echo)
          return Confined(echo: echo)
        }
      } catch {
        loop.stop()
        loop.join()
        throw error
      }
      let close = { @Sendable in
        await withCheckedContinuation { continuation in
          loop.submit { made.echo.web.close { continuation.resume() } }
        }
        loop.stop()
        loop.join()
      }
      do {
        return (try await loop.run { try made.echo.listen() }, close)
      } catch {
        await close()
        throw error
      }
    }

    private func listen() throws -> UInt16 {
      try web.listen()
      return web.port
    }

    /// `@unchecked Sendable`: opened on the loop only.
    private struct Confined: @unchecked Sendable { let echo: EchoServer }

    func webSocketUpgrade(_ request: HTTPRequest) -> WebSocketDecision { .accept(token: 0) }

    func webSocketOpened(_ id: ConnectionID, token: UInt32, request: HTTPRequest) {}

    func webSocketMessage(_ id: ConnectionID, opcode: WebSocketOpcode, bytes: RawSpan) {
      let message = bytes.withUnsafeBytes { Array($0) }
      if waiting[id] == nil, send(id, opcode, message) { return }
      waiting[id, default: []].append((opcode, message))
      if waiting[id]!.count > EchoServer.waitingMax {
        web.close(id, code: WebSocketCloseCode.policy, reason: "too much unread")
      }
    }

    func webSocketWritable(_ id: ConnectionID) {
      while let first = waiting[id]?.first {
        guard send(id, first.0, first.1) else { return }
        waiting[id]!.removeFirst()
      }
      waiting[id] = nil
    }

    func webSocketClosed(_ id: ConnectionID, code: UInt16, reason: String) { waiting[id] = nil }

    /// False when it must be sent again later.
    private func send(_ id: ConnectionID, _ opcode: WebSocketOpcode, _ message: [UInt8]) -> Bool {
      let room = WebTransportLimits.frameHeadroomBytes
      return withUnsafeTemporaryAllocation(byteCount: room + message.count, alignment: 16) {
        UnsafeMutableRawBufferPointer(rebasing: $0[room...]).copyBytes(from: message)
        return web.send(id, frame: $0, opcode: opcode) != .refused
      }
    }
  }

  extension GatewayCommand {
    /// Serves until the process is told to stop.
    func runEcho() throws {
      let command = self
      try runProcess("tapedeck gateway --echo", logs) { host, source in
        let web = try command.gateway.settings(source).web
        let (port, close) = try await EchoServer.start(web)
        host.onStop("echo", close)
        print("tapedeck echo listening ws://\(web.host):\(port)")
        fflush(nil)
      }
    }
  }
#endif
