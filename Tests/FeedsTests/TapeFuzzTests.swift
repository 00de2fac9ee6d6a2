import CZlib
import MarketData
import TestSupport
import Testing

@testable import Feeds

/// Tapes that were damaged at random: nothing may trap, every line is accounted for, and what is
/// well formed around the damage is still read.
@Suite struct TapeFuzzTests {
  private static let native = [
    #"{"T":"t","S":"AAPL","i":52,"x":"V","p":189.97,"s":46,"c":["@","I"],"z":"C","t":"2024-08-08T13:30:00.000000001Z"}"#,
    #"{"T":"q","S":"MSFT","bx":"Q","bp":1.5,"bs":2,"ax":"N","ap":1.6,"as":3,"c":["R"],"z":"C","t":"2024-08-08T13:30:01Z"}"#,
    #"{"T":"o","S":"BTC/USD","t":"2024-08-08T13:30:00Z","b":[{"p":9,"s":1},{"p":8,"s":2}],"a":[{"p":11,"s":1}],"r":true}"#,
    #"{"T":"o","S":"BTC\/USD","t":"2024-08-08T13:30:00Z","b":[{"p":9,"s":0}],"a":[{"p":1e1,"s":3}]}"#,
    #"{"T":"stale","S":"AAPL","since":"2024-08-08T13:30:00Z"}"#,
    #"{"T":"b","S":"AAPL","o":1,"h":2,"l":1,"c":2,"v":7,"n":1,"vw":1.5,"t":"2024-08-08T13:30:00Z"}"#,
  ]

  private static let binance = [
    #"1723161253937085768 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":3,"u":9,"pu":2,"b":[["61737.63","0.00"],["61730.17","1"]],"a":[["61837.64","1.5"]]}}"#,
    #"1723161254087891268 {"stream":"btcusdt@bookTicker","data":{"u":12,"s":"BTCUSDT","b":"61837.63","B":"3.7","a":"61837.64","A":"1.5"}}"#,
    #"1723161254087896568 {"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735,"p":"61837.63","q":"0.02","T":1723161255342,"m":true,"M":true}}"#,
    #"1723161254206652067 {"lastUpdateId":5,"bids":[["61837.63","3.7"]],"asks":[["61837.64","1"]]}"#,
  ]

  private func damage(_ line: String, _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = Array(line.utf8)
    let likely = Array("{}[]\",:\\0123456789.eE-ntfTSpsba ".utf8) + [0x80, 0xED, 0xF4, 0, 0x0D]
    for _ in 0..<random.below(4) where !bytes.isEmpty {
      let index = Int(random.below(Int64(bytes.count)))
      let byte = likely[Int(random.below(Int64(likely.count)))]
      switch random.below(6) {
      case 0: bytes.remove(at: index)
      case 1: bytes.insert(byte, at: index)
      case 2: bytes[index] = byte
      case 3: bytes.removeSubrange(index...)
      case 4: bytes.insert(contentsOf: bytes[index...].prefix(20), at: index)
      default: bytes.insert(contentsOf: Array("9999999999999999".utf8), at: index)
      }
    }
    return bytes
  }

  @Test(arguments: seeds(from: 1, count: 6), [false, true])
  func damagedLinesAreCountedAndSkipped(seed: UInt64, isBinance: Bool) throws {
    var random = SeededGenerator(seed: seed)
    let samples = isBinance ? TapeFuzzTests.binance : TapeFuzzTests.native
    var text: [UInt8] = []
    var blank: UInt64 = 0
    for _ in 0..<2_000 {
      let line = damage(samples[Int(random.below(Int64(samples.count)))], &random)
      if line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { blank += 1 }
      text += line + [0x0A]
    }
    text += Array(samples[0].utf8)
    let tape = TemporaryTape(text)
    let context = FeedContext()
    let source: any FeedSource =
      isBinance
      ? try BinanceRecording(path: tape.path, context: context)
      : try NativeTape(path: tape.path, context: context)
    var last = FeedItem(
      position: 0, time: Timestamp(nanoseconds: .min),
      event: .stale(SymbolID(index: 0), since: .init(nanoseconds: 0)))
    while let item = try source.next() {
      try #require(item.position > last.position && item.time >= last.time, "seed \(seed)")
      last = item
    }
    let counters = context.counters
    #expect(counters.lines == 2_001, "seed \(seed)")
    #expect(counters.events > 200 && counters.malformedLines > 500, "seed \(seed)")
    if !isBinance {
      #expect(
        counters.events + counters.malformedLines + counters.skippedMessages + blank == 2_001,
        "seed \(seed)")
      #expect(last.position == 2_001)
    }
  }

  @Test(arguments: seeds(from: 1, count: 6))
  func damagedGzipDataEndsTheTapeAndNothingElse(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let tape = TemporaryTape(name: "tape.gz")
    try SimulatedSession.write(
      SimulationSpec(parsing: "sim:stocks=3,crypto=0,rate=300,seconds=2,seed=\(seed)"),
      to: tape.path)
    let whole = tape.bytes
    for round in 0..<20 {
      var bytes = whole
      for _ in 0...random.below(3) {
        bytes[Int(random.below(Int64(bytes.count)))] ^= UInt8(1 + random.below(255))
      }
      if random.below(3) == 0 { bytes.removeLast(Int(random.below(Int64(bytes.count)))) }
      tape.write(bytes)
      let source: any FeedSource
      do throws(FeedsError) {
        source = try FeedArgument.file(path: tape.path).open(context: FeedContext())
      } catch {
        #expect(error.code == .unknownFormat, "seed \(seed), round \(round)")
        continue
      }
      while let _ = try source.next() {}
      let counters = source.context.counters
      #expect(
        counters.events + counters.malformedLines + counters.skippedMessages <= counters.lines,
        "seed \(seed), round \(round)")
    }
  }
}
