import TestSupport
import Testing

@testable import RedisClient

@Suite struct ChannelTableTests {
  /// Goal: the table answers as a dictionary does, over many insertions and removals in clusters.
  @Test(arguments: seeds(count: 10)) func tableEqualsADictionary(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var table = ChannelTable()
    var model: [String: Int] = [:]
    for step in 0..<6_000 {
      // Grows for a while, then shrinks, then grows: rehash, shift back, compaction.
      let name = "stock:S\(Int.random(in: 0..<1_200, using: &random)):price"
      let bytes = Array(name.utf8)
      let found = table.find(bytes.span.bytes)
      #expect(found == model[name], "seed \(seed) step \(step)")
      let grows = step / 2_000 != 1
      if let entry = found {
        if !grows || Int.random(in: 0..<3, using: &random) == 0 {
          table.remove(entry)
          model[name] = nil
        }
      } else if grows {
        let entry = table.insert(bytes.span.bytes)
        #expect(!model.values.contains(entry), "an entry in use was handed out")
        model[name] = entry
      }
      let count = table.count
      #expect(count == model.count)
    }
    for (name, entry) in model {
      let found = table.find(Array(name.utf8).span.bytes)
      #expect(found == entry)
      let stored = table.withName(of: entry) { $0.withUnsafeBytes { [UInt8]($0) } }
      #expect(stored == Array(name.utf8))
    }
  }

  @Test func namesOfEveryLengthAreToldApart() {
    var table = ChannelTable()
    var entries: [Int] = []
    for count in 1...64 {
      let name = [UInt8](repeating: UInt8(ascii: "a"), count: count)
      let before = table.find(name.span.bytes)
      #expect(before == nil)
      entries.append(table.insert(name.span.bytes))
    }
    for count in 1...64 {
      let name = [UInt8](repeating: UInt8(ascii: "a"), count: count)
      let found = table.find(name.span.bytes)
      #expect(found == entries[count - 1])
    }
  }
}
