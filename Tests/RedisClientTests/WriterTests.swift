import TestSupport
import Testing

@testable import RedisClient

extension RESPWriter {
  var written: [UInt8] { withBytes { [UInt8]($0) } }
}

@Suite struct WriterTests {
  @Test func commandsAreArraysOfBulkStrings() {
    var writer = RESPWriter()
    Redis.Set(Array("k".utf8), Array("värld".utf8), ttlMilliseconds: 2_000, .ifAbsent)
      .write(to: &writer)
    let text = "*6\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\nvärld\r\n$2\r\nPX\r\n$4\r\n2000\r\n$2\r\nNX\r\n"
    let written = writer.written
    #expect(written == Array(text.utf8))
  }

  @Test(arguments: [0, 9, 10, -1, Int64.max, Int64.min]) func numbersAreExact(number: Int64) {
    var writer = RESPWriter()
    writer.bulk(number)
    let text = "\(number)"
    let written = writer.written
    #expect(written == Array("$\(text.utf8.count)\r\n\(text)\r\n".utf8))
  }

  /// Goal: the queue gives out what went in, whatever the pieces. Method: a plain array beside it.
  @Test(arguments: seeds(count: 10)) func queueEqualsAPlainArray(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var writer = RESPWriter()
    var model: [UInt8] = []
    for step in 0..<2_000 {
      switch Int.random(in: 0..<3, using: &random) {
      case 0:
        let taken = Int.random(in: 0...writer.count, using: &random)
        writer.consume(taken)
        model.removeFirst(taken)
      case 1 where writer.count > 0:
        let kept = Int.random(in: max(0, writer.count - 50)...writer.count, using: &random)
        writer.truncate(to: kept)
        model.removeLast(model.count - kept)
      default:
        let count = Int.random(in: 0..<(step % 100 == 0 ? 400_000 : 900), using: &random)
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: count)
        writer.bulk(bytes)
        model += Array("$\(count)\r\n".utf8) + bytes + [13, 10]
      }
      let count = writer.count
      #expect(count == model.count, "seed \(seed) step \(step)")
    }
    let written = writer.written
    #expect(written == model, "seed \(seed)")
  }
}
