public import EventLoops

public final class WebServer {
  public init(
    loop: EventLoop, configuration: WebServerConfiguration, router: Router,
    webSockets: (any WebSocketHandler)?
  ) throws(WebTransportError) { fatalError("signatures only") }

  public private(set) var counters = WebCounters()
  public private(set) var port: UInt16 = 0
  public func listen() throws(WebTransportError) {}
  public func stopAccepting() {}
  public func close(graceMilliseconds: UInt64 = 0, _ completion: @escaping () -> Void) {}

  public func send(
    _ id: ConnectionID, frame: UnsafeMutableRawBufferPointer, opcode: WebSocketOpcode
  ) -> SendOutcome { .closed }
  public func sendControl(_ id: ConnectionID, _ bytes: RawSpan, opcode: WebSocketOpcode)
    -> SendOutcome
  { .closed }
  public func close(_ id: ConnectionID, code: UInt16, reason: String = "") {}
  public func isWritable(_ id: ConnectionID) -> Bool { false }
}
