import Testing

@testable import FanOut

@Suite struct FrameTests {
  /// Keeps the raw bytes of frames.
  private final class RawTransport: FrameTransport {
    var payloads: [[UInt8]] = []
    func send(
      _ client: ClientHandle, _ payload: UnsafeMutableRawBufferPointer, encoding: ClientEncoding
    ) -> SendOutcome {
      payloads.append(Array(payload))
      return .drained
    }
  }

  @Test func jsonFramesAreArraysOfTheOfferedBytes() {
    let scene = Scene()
    let raw = RawTransport()
    let topics = [scene.topic(.state, "A"), scene.topic(.state, "B")]
    let client = scene.client()
    for topic in topics { scene.distributor.subscribe(client, to: topic) }
    scene.offer(topics[0], #"{"E":1,"N":2,"T":"q"}"#)
    scene.distributor.flush(to: raw, deriving: scene.deriver)
    scene.offer(topics[1], #"{"v":2}"#)
    scene.offer(topics[0], #"{"v":1}"#)
    scene.distributor.flush(to: raw, deriving: scene.deriver)
    #expect(
      raw.payloads.map { String(decoding: $0, as: UTF8.self) } == [
        #"[{"E":1,"N":2,"T":"q"}]"#, #"[{"v":2},{"v":1}]"#,
      ])
  }

  @Test(arguments: [1, 15, 16, 300])
  func messagePackFramesHaveTheShortestArrayHeader(_ count: Int) {
    let scene = Scene()
    let raw = RawTransport()
    let trades = scene.topic(.events(ringMessagesMax: 512), "A", "trades")
    scene.distributor.subscribe(scene.client(.messagePack), to: trades)
    for _ in 0..<count { scene.offer(trades, "{}") }
    scene.distributor.flush(to: raw, deriving: scene.deriver)
    let message: [UInt8] = [0xda, 0, 2, UInt8(ascii: "{"), UInt8(ascii: "}")]
    let header: [UInt8] =
      count <= 15
      ? [0x90 | UInt8(count)] : [0xdc, UInt8(count >> 8), UInt8(count & 0xff)]
    #expect(raw.payloads == [header + Array(repeatElement(message, count: count).joined())])
  }

  @Test(arguments: [ClientEncoding.json, .messagePack])
  func gapsLookAsTheContractSays(_ encoding: ClientEncoding) {
    let scene = Scene()
    let raw = RawTransport()
    let trades = scene.topic(.events(ringMessagesMax: 4), "AAPL", "trades")
    scene.distributor.subscribe(scene.client(encoding), to: trades)
    for missed in [12, 300, nil] as [UInt64?] {
      scene.distributor.offerGap(trades, missed: missed)
      scene.distributor.flush(to: raw, deriving: scene.deriver)
    }
    if encoding == .json {
      #expect(
        raw.payloads.map { String(decoding: $0, as: UTF8.self) } == [
          #"[{"T":"gap","S":"AAPL","c":"trades","missed":12}]"#,
          #"[{"T":"gap","S":"AAPL","c":"trades","missed":300}]"#,
          #"[{"T":"gap","S":"AAPL","c":"trades","missed":null}]"#,
        ])
    } else {
      // msgpack.packb([{"T":"gap","S":"AAPL","c":"trades","missed":n}])
      let head: [UInt8] = [
        0x91, 0x84, 0xa1, 0x54, 0xa3, 0x67, 0x61, 0x70, 0xa1, 0x53, 0xa4, 0x41, 0x41, 0x50, 0x4c,
        0xa1, 0x63, 0xa6, 0x74, 0x72, 0x61, 0x64, 0x65, 0x73, 0xa6, 0x6d, 0x69, 0x73, 0x73, 0x65,
        0x64,
      ]
      #expect(raw.payloads == [head + [12], head + [0xcd, 0x01, 0x2c], head + [0xc0]])
    }
  }

  @Test func framesGrowOnlyWhileTheClientDrains() {
    let scene = Scene()
    let trades = scene.topic(.events(ringMessagesMax: 2_048), "AAPL", "trades")
    let client = scene.client()
    scene.distributor.subscribe(client, to: trades)
    let padding = String(repeating: "x", count: 980)
    for _ in 0..<1_000 { scene.offer(trades, "{\"p\":\"\(padding)\"}") }
    let sizes = scene.flushFrames().map(\.bytes)
    let bounds = [16_384, 32_768, 65_536, 131_072, 262_144, 262_144, 262_144]
    #expect(sizes.count == 7)
    for (size, bound) in zip(sizes, bounds) { #expect(size <= bound) }
    for (size, bound) in zip(sizes.dropLast(), bounds) { #expect(size > bound - 1_000) }

    for _ in 0..<100 { scene.offer(trades, "{\"p\":\"\(padding)\"}") }
    scene.transport.outcome = { _, _ in .taken }
    let taken = scene.flushFrames().map(\.bytes)
    #expect(taken.count == 7 && taken.allSatisfy { $0 <= 16_384 })

    for _ in 0..<100 { scene.offer(trades, "{\"p\":\"\(padding)\"}") }
    scene.transport.outcome = { _, _ in .buffered }
    #expect(scene.flushFrames().map(\.bytes).allSatisfy { $0 <= 16_384 })
  }

  @Test func aMessageLongerThanTheBoundGoesAlone() {
    let scene = Scene()
    let topics = ["A", "B", "C"].map { scene.topic(.state, $0) }
    let client = scene.client()
    for topic in topics { scene.distributor.subscribe(client, to: topic) }
    scene.offer(topics[0], #"{"v":1}"#)
    scene.offer(topics[1], "{\"p\":\"" + String(repeating: "x", count: 60_000) + "\"}")
    scene.offer(topics[2], #"{"v":3}"#)
    #expect(scene.flushFrames().map { $0.messages.count } == [1, 1, 1])
  }

  @Test func aBlockedClientGetsNothingUntilItIsWritable() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let client = scene.client()
    scene.distributor.subscribe(client, to: quote)
    scene.transport.outcome = { _, _ in .buffered }
    scene.offer(quote, #"{"v":1}"#)
    #expect(scene.flush().count == 1)
    #expect(scene.distributor.isBlocked(client))
    for version in 2...5 {
      scene.offer(quote, "{\"v\":\(version)}")
      #expect(scene.flush().isEmpty)
    }
    scene.distributor.flushClient(client, to: scene.transport, deriving: scene.deriver)
    #expect(scene.transport.take().isEmpty)
    #expect(scene.distributor.clientWritable(client))
    scene.distributor.flushClient(client, to: scene.transport, deriving: scene.deriver)
    #expect(scene.transport.take().map(\.messages) == [[.text(#"{"v":5}"#)]])
  }

  @Test func aHeldClientIsServedByItsOwnFlushOnly() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let client = scene.client()
    scene.distributor.subscribe(client, to: quote)
    scene.distributor.setHeld(client, true)
    scene.offer(quote, #"{"v":1}"#)
    #expect(scene.flush().isEmpty)
    scene.distributor.flushClient(client, to: scene.transport, deriving: scene.deriver)
    #expect(scene.transport.take().count == 1)
    scene.offer(quote, #"{"v":2}"#)
    #expect(scene.flush().isEmpty)
    scene.distributor.setHeld(client, false)
    #expect(scene.flush() == [.text(#"{"v":2}"#)])
  }

  /// Goal: what was urgent and was given up before it could leave hurries nothing else.
  @Test func aHeldClientIsNotHurriedByWhatItGaveUp() {
    let scene = Scene()
    let quotes = [scene.topic(.state, "AAPL"), scene.topic(.state, "MSFT")]
    let client = scene.client()
    scene.distributor.setHeld(client, true)
    scene.distributor.subscribe(client, to: quotes[0])
    scene.distributor.clientBlocked(client)
    scene.distributor.offer(quotes[0], #"{"v":1}"#, isUrgent: true)
    #expect(scene.flush().isEmpty)
    scene.distributor.unsubscribe(client, from: quotes[0])
    scene.distributor.clientWritable(client)
    scene.distributor.subscribe(client, to: quotes[1])
    scene.offer(quotes[1], #"{"v":2}"#)
    #expect(scene.flush().isEmpty)
    scene.distributor.expedite(client)
    #expect(scene.flush() == [.text(#"{"v":2}"#)])
  }

  @Test func topicsComeInTheOrderInWhichTheyChanged() {
    let scene = Scene()
    let topics = (0..<6).map { scene.topic(.state, "S\($0)") }
    let client = scene.client()
    for topic in topics { scene.distributor.subscribe(client, to: topic) }
    scene.distributor.clientBlocked(client)
    for number in [3, 1, 4] { scene.offer(topics[number], "{\"v\":\(number)}") }
    _ = scene.flush()
    for number in [5, 3, 0] { scene.offer(topics[number], "{\"v\":\(number)}") }
    _ = scene.flush()
    scene.distributor.clientWritable(client)
    #expect(scene.flush().compactMap { $0.number("v") } == [3, 1, 4, 5, 0])
  }

  @Test func aClosedClientIsForgotten() {
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let clients = [scene.client(), scene.client()]
    for client in clients { scene.distributor.subscribe(client, to: quote) }
    scene.transport.outcome = { client, _ in client == clients[0] ? .closed : .drained }
    scene.offer(quote, #"{"v":1}"#)
    #expect(scene.flush().count == 2)
    #expect(!scene.distributor.contains(clients[0]))
    #expect(!scene.distributor.removeClient(clients[0]))
    #expect(scene.distributor.subscriberCount(of: quote) == 1)
  }

  @Test func theTransportMayComeBackIntoTheDistributor() {
    // While its frame is sent, a client is removed, another added and the topic offered to.
    let scene = Scene()
    let quote = scene.topic(.state, "AAPL")
    let distributor = scene.distributor
    let clients = [scene.client(), scene.client()]
    for client in clients { distributor.subscribe(client, to: quote) }
    var added: ClientHandle?
    scene.transport.outcome = { client, _ in
      guard client == clients[0] else { return .drained }
      distributor.removeClient(client)
      added = distributor.addClient(encoding: .json)
      if let added { distributor.subscribe(added, to: quote) }
      distributor.offer(quote, #"{"v":2}"#)
      return .drained
    }
    scene.offer(quote, #"{"v":1}"#)
    let frames = scene.flushFrames()
    #expect(frames.first?.messages == [.text(#"{"v":1}"#)])
    #expect(Set(frames.dropFirst().map(\.client)) == [clients[1], added!])
    #expect(frames.dropFirst().allSatisfy { $0.messages == [.text(#"{"v":2}"#)] })
    #expect(scene.flush().isEmpty)
  }
}
