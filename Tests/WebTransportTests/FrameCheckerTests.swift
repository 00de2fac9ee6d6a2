import TestSupport
import Testing

@testable import WebTransport

/// The checker against a model that has the whole input in hand, whatever the cuts.
struct FrameCheckerTests {
  enum Seen: Equatable {
    case ping([UInt8])
    case close([UInt8])
    case fault(UInt16)
  }

  private let messageBytesMax = 1_000

  /// What the checker finds when `bytes` come cut in `cuts` pieces, and how much lies before a fault.
  private func check(_ bytes: [UInt8], _ random: inout SplitMix64) -> [Seen] {
    var checker = FrameChecker()
    var seen: [Seen] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      var piece = Array(rest.prefix(Int.random(in: 1...max(1, rest.count), using: &random)))
      rest = rest.dropFirst(piece.count)
      piece.withUnsafeMutableBytes { piece in
        var offset = 0
        while offset < piece.count {
          let (next, finding) = checker.accept(
            piece, from: offset, messageBytesMax: messageBytesMax)
          #expect(next > offset && next <= piece.count)
          #expect(checker.frameStart <= next)
          offset = next
          switch finding {
          case .none: #expect(next == piece.count)
          case .ping: seen.append(.ping(checker.control))
          case .close: seen.append(.close(checker.control))
          case .fault(let fault): seen.append(.fault(fault.code))
          }
        }
      }
    }
    return seen
  }

  /// The same by RFC 6455 read slowly: a frame at a time, from the whole input. A breach that the
  /// bytes at hand show counts, though the frame is not whole.
  private func model(_ bytes: [UInt8]) -> [Seen] {
    var seen: [Seen] = []
    var message: (isText: Bool, bytes: [UInt8])?
    var at = 0
    while at < bytes.count {
      let first = bytes[at]
      let opcode = first & 15
      let isFinal = first & 0x80 != 0
      let isControl = opcode >= 8
      if first & 0x70 != 0 || ![0, 1, 2, 8, 9, 10].contains(opcode) || isControl && !isFinal
        || opcode == 0 && message == nil || (opcode == 1 || opcode == 2) && message != nil
      {
        return seen + [.fault(1_002)]
      }
      guard at + 1 < bytes.count else { return seen }
      let second = bytes[at + 1]
      let short = Int(second & 0x7f)
      if second & 0x80 == 0 || isControl && short > 125 { return seen + [.fault(1_002)] }
      let field = short == 127 ? 8 : short == 126 ? 2 : 0
      if field == 8, at + 2 < bytes.count, bytes[at + 2] & 0x80 != 0 {
        return seen + [.fault(1_002)]
      }
      guard at + 2 + field <= bytes.count else { return seen }
      let length =
        field == 0 ? short : bytes[at + 2..<at + 2 + field].reduce(0) { $0 << 8 | Int($1) }
      if field == 2 && length < 126 || field == 8 && length < 65_536 {
        return seen + [.fault(1_002)]
      }
      if opcode == 1 || opcode == 2 { message = (opcode == 1, []) }
      if !isControl, length > messageBytesMax - message!.bytes.count {
        return seen + [.fault(1_009)]
      }
      let start = at + 2 + field + 4
      guard start <= bytes.count else { return seen }
      let end = min(start + length, bytes.count)
      let payload = (start..<end).map { bytes[$0] ^ bytes[start - 4 + ($0 - start) % 4] }
      let isWhole = start + length <= bytes.count
      if isControl {
        guard isWhole else { return seen }
        if opcode == 9 { seen.append(.ping(payload)) }
        if opcode == 8 { return seen + [close(payload)] }
      } else {
        message!.bytes += payload
        let text = message!.bytes
        if message!.isText {
          guard isPrefixOfText(text) else { return seen + [.fault(1_007)] }
          if isWhole, isFinal, String(validating: text, as: UTF8.self) == nil {
            return seen + [.fault(1_007)]
          }
        }
        guard isWhole else { return seen }
        if isFinal { message = nil }
      }
      at = start + length
    }
    return seen
  }

  private func close(_ payload: [UInt8]) -> Seen {
    if payload.isEmpty { return .close(payload) }
    guard payload.count > 1 else { return .fault(1_002) }
    let code = Int(payload[0]) << 8 | Int(payload[1])
    let allowed = Set(1_000...1_003).union(1_007...1_014).union(3_000...4_999)
    guard allowed.contains(code) else { return .fault(1_002) }
    return String(validating: payload.dropFirst(2), as: UTF8.self) == nil
      ? .fault(1_007) : .close(payload)
  }

  /// Whether some ending makes these bytes text.
  private func isPrefixOfText(_ bytes: [UInt8]) -> Bool {
    // Behind E0 and F0 the second byte is narrower.
    let endings: [[UInt8]] = [
      [], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80], [0xa0, 0x80], [0x90, 0x80, 0x80],
    ]
    return endings.contains { String(validating: bytes + $0, as: UTF8.self) != nil }
  }

  @Test func agreesWithTheModelOnFramesGoodAndBad() {
    for seed in UInt64(1)...3_000 {
      var random = SplitMix64(seed: seed)
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 1...8, using: &random) { bytes += frame(&random) }
      // One byte in many is wrong.
      if Bool.random(using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
          1 << UInt8.random(in: 0..<8, using: &random)
      }
      let expected = model(bytes)
      for _ in 0..<3 {
        #expect(check(bytes, &random) == expected, "seed \(seed)")
      }
    }
  }

  private func frame(_ random: inout SplitMix64) -> [UInt8] {
    let opcode: UInt8 = [0, 0, 0, 1, 1, 2, 8, 9, 10].randomElement(using: &random)!
    let isFinal = opcode >= 8 || Bool.random(using: &random)
    let count = Int.random(in: 0...(opcode >= 8 ? 125 : 300), using: &random)
    var payload = (0..<count).map { _ in UInt8.random(in: 32..<127, using: &random) }
    if count > 10, Int.random(in: 0..<4, using: &random) == 0 {
      payload.replaceSubrange(3..<7, with: Array("😀".utf8))
    }
    if opcode == 8, count >= 2 {
      payload[0] = 3
      payload[1] = UInt8.random(in: 228...255, using: &random)
    }
    return RawSocket.frame(opcode, payload, isFinal: isFinal)
  }

  @Test func garbageNeverTraps() {
    for seed in UInt64(1)...2_000 {
      var random = SplitMix64(seed: seed)
      let bytes = (0..<Int.random(in: 1...200, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      #expect(check(bytes, &random) == model(bytes), "seed \(seed)")
    }
  }

  @Test func aPingBecomesAPong() {
    var checker = FrameChecker()
    var bytes = RawSocket.frame(9, [1, 2])
    let finding = bytes.withUnsafeMutableBytes {
      checker.accept($0, from: 0, messageBytesMax: 10).finding
    }
    #expect(finding == .ping)
    #expect(checker.control == [1, 2])
    #expect(bytes == RawSocket.frame(10, [1, 2]))
  }

  @Test func whatPrecedesABreachIsWhole() {
    var checker = FrameChecker()
    let good = RawSocket.frame(1, [0x61])
    var bytes = good + RawSocket.frame(3, [])
    let finding = bytes.withUnsafeMutableBytes {
      checker.accept($0, from: 0, messageBytesMax: 10).finding
    }
    #expect(finding == .fault(.breach("a reserved opcode")))
    #expect(checker.frameStart == good.count)
    #expect(checker.isOver && !checker.hasClosed)
  }
}
