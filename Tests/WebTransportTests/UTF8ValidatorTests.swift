import TestSupport
import Testing

@testable import WebTransport

struct UTF8ValidatorTests {
  /// A simple model: the standard library on the whole.
  private func model(_ bytes: [UInt8]) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
  }

  private func accepts(_ pieces: [[UInt8]]) -> Bool {
    var validator = UTF8Validator()
    for piece in pieces {
      guard piece.withUnsafeBytes({ validator.accept($0) }) else { return false }
    }
    return validator.isComplete
  }

  @Test func everyScalarIsAcceptedInAnyCut() {
    for value in stride(from: 0 as UInt32, through: 0x10_ffff, by: 97) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let bytes = Array(String(scalar).utf8)
      for cut in 0...bytes.count {
        #expect(accepts([Array(bytes[..<cut]), Array(bytes[cut...])]))
      }
    }
  }

  @Test func agreesWithTheModelOnRandomBytes() {
    let seed: UInt64 = 20_261_121
    var random = SplitMix64(seed: seed)
    // Bytes that make and break multi-byte characters.
    let interesting: [UInt8] = [
      0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
      0xec,
      0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
    ]
    for round in 0..<50_000 {
      let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in
        interesting.randomElement(using: &random)!
      }
      let cut = Int.random(in: 0...bytes.count, using: &random)
      let found = accepts([Array(bytes[..<cut]), Array(bytes[cut...])])
      #expect(found == model(bytes), "seed \(seed) round \(round) \(bytes) cut \(cut)")
    }
  }

  @Test func longASCIIIsSkippedOverAndStillEndsRight() {
    let text = [UInt8](repeating: 0x61, count: 1_000)
    #expect(accepts([text]))
    #expect(!accepts([text + [0xc3]]))
    #expect(accepts([text + [0xc3], [0xa9]]))
    #expect(!accepts([text + [0x80] + text]))
  }

  @Test func anErrorIsToldAtTheFirstBadByte() {
    var validator = UTF8Validator()
    #expect(([0xe0] as [UInt8]).withUnsafeBytes { validator.accept($0) })
    // 0x80 after 0xe0 is an overlong form: no need to wait for the third byte.
    #expect(!([0x80] as [UInt8]).withUnsafeBytes { validator.accept($0) })
  }
}
