// A distributor with a transport that records and a toy deriver.

import TestSupport

@testable import FanOut

/// Makes the toy MessagePack (a str) and cuts; refuses texts that contain `bad`.
final class ToyDeriver: VariantDeriver {
  private(set) var calls = 0

  func derive(
    _ variant: MessageVariant, from message: RawSpan, into output: UnsafeMutableRawBufferPointer
  ) -> Int? {
    calls += 1
    var text = message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    if Received.text(text).field("bad") != nil { return nil }
    switch variant {
    case .json, .messagePack: break
    case .jsonDepth5, .messagePackDepth5: text = text.dropLast() + ",\"cut\":5}"
    case .jsonDepth1, .messagePackDepth1: text = text.dropLast() + ",\"cut\":1}"
    }
    var bytes: [UInt8] = []
    switch variant {
    case .json, .jsonDepth5, .jsonDepth1: break
    case .messagePack, .messagePackDepth5, .messagePackDepth1:
      bytes = [0xda, UInt8(text.utf8.count >> 8), UInt8(text.utf8.count & 0xff)]
    }
    bytes += Array(text.utf8)
    guard bytes.count <= output.count else { return nil }
    output.copyBytes(from: bytes)
    return bytes.count
  }
}

struct SentFrame: Equatable {
  var client: ClientHandle
  var bytes: Int
  var messages: [Received]
}

final class RecordingTransport: FrameTransport {
  var frames: [SentFrame] = []
  var malformed = 0
  /// What `send` answers; given the client and the number of this frame to it.
  var outcome: (ClientHandle, SentFrame) -> SendOutcome = { _, _ in .drained }

  func send(
    _ client: ClientHandle, _ payload: UnsafeMutableRawBufferPointer, encoding: ClientEncoding
  ) -> SendOutcome {
    let bytes = Array(payload)
    // The transport may write before the payload, and does.
    for offset in 1...FanOutLimits.frameHeadroomBytes {
      payload.baseAddress?.storeBytes(of: 0xee, toByteOffset: -offset, as: UInt8.self)
    }
    guard let messages = FrameDecoding.decode(bytes, isJSON: encoding == .json) else {
      malformed += 1
      return .drained
    }
    let frame = SentFrame(client: client, bytes: bytes.count, messages: messages)
    frames.append(frame)
    return outcome(client, frame)
  }

  func take() -> [SentFrame] {
    defer { frames = [] }
    return frames
  }
}

/// The usual set-up of a step test.
struct Scene {
  let distributor: Distributor
  let transport = RecordingTransport()
  let deriver = ToyDeriver()

  init(_ change: (inout FanOutLimits) -> Void = { _ in }) {
    var limits = FanOutLimits()
    change(&limits)
    distributor = Distributor(limits: limits)
  }

  func topic(
    _ kind: TopicKind, _ symbol: String, _ channel: String = "quotes", in group: GroupID? = nil
  ) -> TopicID {
    distributor.addTopic(kind, symbol: symbol, channel: channel, group: group)!
  }

  func client(_ encoding: ClientEncoding = .json) -> ClientHandle {
    distributor.addClient(encoding: encoding)!
  }

  @discardableResult
  func offer(_ topic: TopicID, _ text: String) -> OfferResult {
    distributor.offer(topic, text)
  }

  /// Flushes and gives what was sent: the messages of one client, or of all.
  func flush(_ client: ClientHandle? = nil) -> [Received] {
    distributor.flush(to: transport, deriving: deriver)
    return transport.take().filter { client == nil || $0.client == client }
      .flatMap { $0.messages }
  }

  func flushFrames() -> [SentFrame] {
    distributor.flush(to: transport, deriving: deriver)
    return transport.take()
  }
}

extension Distributor {
  @discardableResult
  func offer(_ topic: TopicID, _ text: String, isUrgent: Bool = false) -> OfferResult {
    var text = text
    return text.withUTF8 {
      offer(topic, UnsafeRawBufferPointer($0).bytes, isUrgent: isUrgent)
    }
  }

  @discardableResult
  func offerNotice(_ topic: TopicID, _ text: String) -> OfferResult {
    var text = text
    return text.withUTF8 { offerNotice(topic, UnsafeRawBufferPointer($0).bytes) }
  }

  func held(by client: ClientHandle) -> [TopicID] {
    var topics: [TopicID] = []
    forEachSubscription(of: client) { topics.append($0) }
    return topics
  }
}

extension SplitMix64 {
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}
