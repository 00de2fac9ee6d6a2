import MarketData
import TestSupport
import Testing

// Everything that reads bytes from outside, on truncated, mutated and random bytes that end against
// an unreadable page: a trap or a read beyond the end ends the run. Where a value is accepted, what
// comes of it must be well formed.
@Suite struct MalformedBytesTests {
  private let memory = GuardedMemory(bytesMax: 65_536)

  private func feed(_ bytes: [UInt8], _ comment: @autoclosure () -> String) throws {
    try memory.with(bytes) { input in
      var writer = ByteWriter(capacity: 16)
      _ = try? MessageHeader(scanning: input)
      let isWellFormed = (try? WireJSON.check(input)) != nil
      let isCut = (try? WireJSON.cutDepth(input, levels: 1, into: &writer)) != nil
      try #require(isCut == isWellFormed, "\(comment())")
      if isCut { try writer.withBytes { try WireJSON.check($0) } }
      try #require(isCut || writer.count == 0, "\(comment())")
      writer.removeAll()
      if (try? MessagePackTranscoder.transcode(input, levels: 5, into: &writer)) != nil {
        try #require(isWellFormed, "\(comment())")
        try writer.withBytes { output in
          var reader = MessagePackReader()
          try reader.skip(output)
          try reader.finish(output)
        }
      } else {
        try #require(writer.count == 0, "\(comment())")
      }
      var reader = MessagePackReader()
      _ = try? reader.skip(input.bytes)
      _ = Decimal9(parsing: input)
      _ = Timestamp(parsing: input)
      let symbols = SymbolTable()
      let interned = try? symbols.intern(input)
      try #require((interned != nil) == SymbolTable.isWellFormed(input), "\(comment())")
      _ = try? CodeTable().intern(input)
    }
  }

  @Test(arguments: seeds(from: 50, count: 3)) func everyTruncationIsHarmless(seed: UInt64) throws {
    var messages = ModelMessage(seed: seed)
    for turn in 0..<4 {
      let whole = Array(messages.message().utf8)
      // A long message is cut at some 200 places, a short one everywhere.
      for length in stride(from: 0, through: whole.count, by: 1 + whole.count / 200) {
        try feed(Array(whole[..<length]), "seed \(seed) turn \(turn) length \(length)")
      }
    }
  }

  @Test(arguments: seeds(from: 60, count: 4)) func mutatedValuesAreHarmless(seed: UInt64) throws {
    var messages = ModelMessage(seed: seed)
    for turn in 0..<800 {
      var bytes = Array(messages.message().utf8)
      for _ in 0..<Int.random(in: 1...4, using: &messages.random) {
        let at = Int.random(in: 0..<bytes.count, using: &messages.random)
        switch Int.random(in: 0..<4, using: &messages.random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &messages.random)
        case 1: bytes[at] = messages.random.pick(Array("{}[]\",:\\-.eEu0t".utf8))
        case 2: bytes.remove(at: at)
        default: bytes.insert(bytes[at], at: at)
        }
        if bytes.isEmpty { break }
      }
      try feed(bytes, "seed \(seed) turn \(turn)")
    }
  }

  @Test(arguments: seeds(from: 70, count: 2)) func randomBytesAreHarmless(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for turn in 0..<2_000 {
      let count = Int.random(in: 0...40, using: &random)
      let isMessagePack = random.chance(50)
      let bytes = (0..<count).map { _ in
        UInt8.random(in: isMessagePack ? 0x80...0xDF : 0...255, using: &random)
      }
      try feed(bytes, "seed \(seed) turn \(turn)")
    }
  }

  @Test func numberAndTimeFormsAreHarmless() throws {
    var random = SplitMix64(seed: 73)
    let pieces = ["-", "0", "1", "9", "18446744073709551615", ".", "e", "+", ":", "T", "Z", "2026"]
    for turn in 0..<4_000 {
      let text = (0..<Int.random(in: 0...20, using: &random)).map { _ in random.pick(pieces) }
      try feed(Array(text.joined().utf8), "seed 73 turn \(turn)")
    }
  }
}
