import TestSupport
import Testing

@testable import WebTransport

struct MessageAssemblyTests {
  private func append(
    _ assembly: MessageAssembly, _ bytes: [UInt8], expected: Int = 0, isFinal: Bool = false,
    bytesMax: Int = 100_000, grow: (Int) -> Bool = { _ in true }
  ) -> MessageAssembly.Step {
    bytes.withUnsafeBytes {
      assembly.append(
        $0, expected: expected, isFinal: isFinal, bytesMax: bytesMax, grow: grow)
    }
  }

  @Test func piecesBecomeAMessageWhateverTheCuts() {
    let seed: UInt64 = 7
    var random = SplitMix64(seed: seed)
    let assembly = MessageAssembly()
    for round in 0..<300 {
      let message = (0..<Int.random(in: 0...20_000, using: &random)).map {
        UInt8(truncatingIfNeeded: $0)
      }
      assembly.begin(.binary)
      var rest = message[...]
      repeat {
        let count = min(rest.count, Int.random(in: 0...3_000, using: &random))
        let piece = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        #expect(append(assembly, piece, expected: rest.count) == .more)
      } while !rest.isEmpty
      #expect(append(assembly, [], isFinal: true) == .whole)
      #expect(Array(assembly.bytes) == message, "seed \(seed) round \(round)")
      #expect(assembly.opcode == .binary)
    }
  }

  @Test func theLimitHoldsToTheByte() {
    let assembly = MessageAssembly()
    assembly.begin(.binary)
    #expect(append(assembly, [1, 2, 3], expected: 1, bytesMax: 4) == .more)
    #expect(append(assembly, [4], isFinal: true, bytesMax: 4) == .whole)
    assembly.begin(.binary)
    #expect(append(assembly, [1, 2, 3], bytesMax: 4) == .more)
    #expect(append(assembly, [4, 5], bytesMax: 4) == .tooBig)
    assembly.begin(.binary)
    #expect(append(assembly, [1], expected: 4, bytesMax: 4) == .tooBig)
  }

  @Test func textIsCheckedAcrossPieces() {
    let assembly = MessageAssembly()
    assembly.begin(.text)
    #expect(append(assembly, [0xe2, 0x82]) == .more)
    #expect(append(assembly, [0xac], isFinal: true) == .whole)
    assembly.begin(.text)
    #expect(append(assembly, [0xe2, 0x82], isFinal: true) == .badText)
    assembly.begin(.text)
    #expect(append(assembly, [0xe2, 0x41]) == .badText)
    assembly.begin(.binary)
    #expect(append(assembly, [0xe2, 0x41], isFinal: true) == .whole)
  }

  @Test func memoryIsAskedForAndMayBeRefused() {
    let assembly = MessageAssembly()
    assembly.begin(.binary)
    var asked = 0
    #expect(
      append(
        assembly, [1],
        grow: {
          asked += $0; return true
        }) == .more)
    #expect(asked == assembly.capacity)
    let large = [UInt8](repeating: 0, count: 10_000)
    #expect(append(assembly, large, grow: { _ in false }) == .noMemory)
    #expect(asked == assembly.capacity)
  }
}
