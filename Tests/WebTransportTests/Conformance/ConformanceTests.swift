import TestSupport
import Testing

@testable import WebTransport

/// Every case of `ConformanceTable` against a real server, on raw sockets: the pieces as they stand,
/// all at once, and byte by byte.
@Suite(.serialized) struct ConformanceTests {
  enum Delivery: String, CaseIterable, Sendable { case pieces, together, bytes }

  @Test(arguments: ConformanceTable.groups.map(\.name), Delivery.allCases)
  func everyCase(group: String, delivery: Delivery) async throws {
    try await withEchoServer { fixture in
      for item in ConformanceTable.cases(group) {
        try run(item, delivery, fixture)
      }
      #expect(try await fixture.until { $0.connections == 0 && $0.assemblyBytes <= 1 << 20 })
    }
  }

  /// A piece is a TLS record then.
  @Test(arguments: [Delivery.pieces, .together])
  func everyCaseOverTLS(delivery: Delivery) async throws {
    let certificate = try TestCertificates().serve()
    try await SpokenTLS.$certificate.withValue(certificate) {
      for group in ConformanceTable.groups.map(\.name) {
        try await everyCase(group: group, delivery: delivery)
      }
    }
  }

  /// RFC 6455, 7.1.7: what a peer still has on its way is read away. A reset for it could overtake our
  /// close frame.
  @Test func whatFollowsABreachMeetsNoReset() async throws {
    try await withEchoServer { fixture in
      let socket = try fixture.socket()
      try #require(socket.openWebSocket()?.status == 101)
      socket.send([0xf1, 0x80, 0, 0, 0, 0])
      #expect(socket.readFrame()?.closeCode == 1_002)
      #expect(socket.readToEnd() == [])
      for _ in 0..<50 { #expect(socket.send([UInt8](repeating: 7, count: 1_024))) }
    }
  }

  @Test func thereAreEnoughOfThem() {
    let all = ConformanceTable.groups.flatMap(\.cases)
    #expect(all.count >= 60)
    #expect(Set(all.map(\.name)).count == all.count)
    #expect(all.allSatisfy { $0.section.first?.isNumber == true })
  }

  private func run(
    _ item: ConformanceCase, _ delivery: Delivery, _ fixture: ServerFixture
  ) throws {
    let all = item.pieces.flatMap { $0 }
    if delivery == .bytes, all.count > 5_000 { return }
    let socket = try fixture.socket()
    try #require(socket.openWebSocket()?.status == 101)
    switch delivery {
    case .pieces: for piece in item.pieces { socket.send(piece) }
    case .together: socket.send(all)
    case .bytes: for byte in all { socket.send([byte]) }
    }
    for answer in item.answers {
      #expect(read(socket) == answer, "\(item), \(delivery.rawValue)")
    }
    switch item.end {
    case .open:
      socket.sendText("on")
      #expect(read(socket) == .text(ascii("on")), "\(item), \(delivery.rawValue)")
    case .failed(let code):
      let frame = socket.readFrame()
      #expect(frame?.closeCode == code, "\(item), \(delivery.rawValue)")
      #expect(socket.readToEnd() == [], "\(item), \(delivery.rawValue)")
    case .closed(let code):
      let frame = socket.readFrame()
      #expect(frame?.opcode == 8 && frame?.closeCode == code, "\(item), \(delivery.rawValue)")
      #expect(socket.readToEnd() == [], "\(item), \(delivery.rawValue)")
    }
  }

  private func read(_ socket: RawSocket) -> ConformanceCase.Answer? {
    guard let frame = socket.readFrame(), frame.isFinal else { return nil }
    switch frame.opcode {
    case 1: return .text(frame.payload)
    case 2: return .binary(frame.payload)
    case 10: return .pong(frame.payload)
    default: return nil
    }
  }
}

/// A server that sends every message back.
func withEchoServer(
  _ configure: @escaping @Sendable (inout WebServerConfiguration) -> Void = { _ in },
  _ body: (ServerFixture) async throws -> Void
) async throws {
  try await withServer(configure) { fixture in
    let handler = fixture.handler
    try await fixture.onLoop { [unowned handler] server in
      handler.keepsMessages = false
      handler.onMessage = { [unowned server] id, opcode, bytes in
        // The largest message is larger than a control message may be.
        _ = server.sendEcho(id, bytes, opcode)
      }
    }
    try await body(fixture)
  }
}

extension WebServer {
  fileprivate func sendEcho(
    _ id: ConnectionID, _ bytes: [UInt8], _ opcode: WebSocketOpcode
  ) -> SendOutcome {
    let room = WebTransportLimits.frameHeadroomBytes
    guard bytes.count > WebTransportLimits.controlMessageBytesMax else {
      return sendControl(id, bytes.span.bytes, opcode: opcode)
    }
    let frame = UnsafeMutableRawBufferPointer.allocate(
      byteCount: room + bytes.count, alignment: 16)
    defer { frame.deallocate() }
    UnsafeMutableRawBufferPointer(rebasing: frame[room...]).copyBytes(from: bytes)
    return send(id, frame: frame, opcode: opcode)
  }
}
