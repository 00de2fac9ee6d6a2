import Glibc
import Testing

@testable import WebTransport

struct RequestHeadTests {
  private func head(
    _ method: HTTPMethod, length: String? = nil, transfer: String? = nil,
    version: String = "HTTP/1.1", connection: String? = nil
  ) -> RequestHead {
    RequestHead(
      method: method, contentLength: length, transferEncoding: transfer, version: version,
      connection: connection)
  }

  private func body(_ head: RequestHead) -> String {
    switch head.body(bytesMax: 100) {
    case .success(.none): "none"
    case .success(.bytes(let count)): "\(count)"
    case .failure(let error): "\(error.status)"
    }
  }

  @Test func lengths() {
    #expect(body(head(.get)) == "none")
    #expect(body(head(.delete)) == "none")
    #expect(body(head(.post)) == "411")
    #expect(body(head(.put, length: "0")) == "none")
    #expect(body(head(.get, length: "100")) == "100")
    #expect(body(head(.patch, length: "101")) == "413")
    for wrong in ["", " 5", "5 ", "+5", "-5", "5,5", "５", "0x1", "1234567890123456789"] {
      #expect(body(head(.post, length: wrong)) == "400", "\(wrong)")
    }
    #expect(body(head(.post, length: "5", transfer: "chunked")) == "411")
    #expect(body(head(.get, transfer: "identity")) == "411")
  }

  @Test func whatLibwebsocketsReads() {
    #expect(head(.post).lwsReadsBody)
    #expect(!head(.get).lwsReadsBody)
    #expect(head(.get, length: "5x").lwsReadsBody)
    #expect(!head(.put, length: "0").lwsReadsBody)
  }

  @Test func keepAlive() {
    #expect(head(.get).keepsAlive)
    #expect(!head(.get, connection: "close").keepsAlive)
    #expect(!head(.get, connection: "TE,  Close ").keepsAlive)
    #expect(!head(.get, version: "HTTP/1.0").keepsAlive)
    #expect(head(.get, version: "HTTP/1.0", connection: "Keep-Alive").keepsAlive)
  }
}

struct HTTPErrorTests {
  @Test func theBodyIsJSONWhateverTheMessage() {
    let response = HTTPError.badRequest("a \"b\" \\ \n\u{1} é").response
    #expect(
      String(decoding: response.body, as: UTF8.self)
        == "{\"code\":40010000,\"message\":\"a \\\"b\\\" \\\\ \\u000a\\u0001 é\"}")
    #expect(response.status == 400)
  }

  @Test func theHeadCannotBeSplit() {
    var head = ResponseHead()
    let response = HTTPResponse(
      status: 200, headers: [.init(name: "x", value: "a\r\nset-cookie: b")], body: [1])
    let text = String(
      decoding: head.bytes(of: response, keepsAlive: false, withoutBody: true), as: UTF8.self)
    #expect(text.contains("x: a  set-cookie: b\r\n"))
    #expect(text.contains("content-length: 1\r\n"))
    #expect(text.hasSuffix("connection: close\r\n\r\n"))
  }
}

struct ConnectionSlabTests {
  @Test func staleIDsFindNothing() {
    var slab = ConnectionSlab(countMax: 100)
    let first = slab.add(1, .unknown)!
    #expect(slab.find(first)?.pointee.lastHeard == 1)
    slab.remove(first)
    #expect(slab.find(first) == nil)
    let second = slab.add(2, .unknown)!
    #expect(second.index == first.index)
    #expect(second.generation != first.generation)
    #expect(slab.find(first) == nil)
    #expect(slab.find(ConnectionID(index: 99, generation: 1)) == nil)
  }

  @Test func theBoundHoldsAndGrowthKeepsRecords() {
    var slab = ConnectionSlab(countMax: 1_000)
    let ids = (0..<1_000).map { slab.add(UInt64($0), .unknown)! }
    #expect(slab.add(0, .unknown) == nil)
    for (number, id) in ids.enumerated() {
      #expect(slab.find(id)?.pointee.lastHeard == UInt64(number))
    }
    for id in ids { slab.remove(id) }
    #expect(slab.count == 0)
    #expect(slab.used == 1_000)
  }

  @Test func aRecordIsSmall() {
    #expect(MemoryLayout<ConnectionRecord>.stride <= 200)
  }

  @Test func idsSurviveThePointer() {
    let id = ConnectionID(index: 7, generation: 9)
    #expect(ConnectionID(bits: id.bits) == id)
    #expect(ConnectionID(bits: 0) == nil)
  }
}

struct ControlQueueTests {
  private func append(_ queue: ControlQueue, _ count: Int) -> Bool {
    [UInt8](repeating: 5, count: count).withUnsafeBytes { queue.append($0, opcode: .text) }
  }

  @Test func behindAFirstMessageOfAnySizeThereIsRoomForSmallOnes() {
    let queue = ControlQueue()
    #expect(!append(queue, WebTransportLimits.controlMessageBytesMax + 1))
    #expect(append(queue, WebTransportLimits.controlMessageBytesMax))
    var taken = 0
    while append(queue, 1_024) { taken += 1 }
    #expect(taken == 64)
    #expect(!append(queue, 1))
    queue.takeFirst { frame, _ in
      #expect(frame.count == WebTransportLimits.controlMessageBytesMax + 16)
      #expect(frame[16] == 5)
    }
    #expect(append(queue, 1_024), "the first one never counts")
    #expect(!append(queue, 1))
    for _ in 0..<65 { queue.takeFirst { frame, _ in #expect(frame.count == 1_024 + 16) } }
    #expect(queue.isEmpty && queue.bytes == 0)
  }
}

struct WebSocketHandshakeTests {
  @Test func keys() {
    #expect(WebSocketHandshake.isKey("dGhlIHNhbXBsZSBub25jZQ=="))
    #expect(!WebSocketHandshake.isKey("dGhlIHNhbXBsZSBub25jZQ="))
    #expect(!WebSocketHandshake.isKey("dGhlIHNhbXBsZSBub25j*Q=="))
    #expect(!WebSocketHandshake.isKey(""))
  }
}

struct LogRateTests {
  @Test func omittedLinesAreToldLater() {
    var rate = LogRate()
    #expect(rate.admit(nowMilliseconds: 5_000, linesPerSecondMax: 2) == 0)
    #expect(rate.admit(nowMilliseconds: 5_001, linesPerSecondMax: 2) == 0)
    for _ in 0..<7 { #expect(rate.admit(nowMilliseconds: 5_999, linesPerSecondMax: 2) == nil) }
    #expect(rate.admit(nowMilliseconds: 6_000, linesPerSecondMax: 2) == 7)
    #expect(rate.admit(nowMilliseconds: 6_000, linesPerSecondMax: 2) == 0)
  }
}

struct RemoteAddressTests {
  @Test func addressesAsText() {
    #expect(RemoteAddress(high: 0, low: 0xffff_7f00_0001, port: 80).description == "127.0.0.1:80")
    #expect(RemoteAddress(high: 0, low: 1, port: 0).text == "::1")
    #expect(RemoteAddress(high: 0x2001_0db8_0000_0000, low: 1, port: 0).text == "2001:db8::1")
  }
}

struct ListeningSocketTests {
  @Test func aNameIsNotAnAddress() {
    #expect(throws: WebTransportError.self) {
      _ = try ListeningSocket.open(host: "localhost", port: 0)
    }
  }

  @Test(arguments: ["127.0.0.1", "::1"])
  func theKernelChoosesAPort(host: String) throws {
    let (fd, port) = try ListeningSocket.open(host: host, port: 0)
    #expect(port != 0)
    close(fd)
  }
}
