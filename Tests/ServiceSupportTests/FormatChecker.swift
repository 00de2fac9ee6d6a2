import Testing

/// Checks a scrape against the rules of the text exposition format 0.0.4.
enum FormatChecker {
  static func check(_ text: String) throws {
    #expect(text.hasSuffix("\n"))
    var kinds: [Substring: Substring] = [:]
    var finished: Set<Substring> = []
    var current: Substring = ""
    var series: Set<Substring> = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      if line.hasPrefix("# ") {
        let words = line.split(separator: " ", maxSplits: 3)
        try #require(words.count >= 3 && ["HELP", "TYPE"].contains(words[1]), "\(line)")
        if words[2] != current {
          #expect(finished.insert(words[2]).inserted, "family twice: \(line)")
          current = words[2]
        }
        if words[1] == "TYPE" { kinds[current] = words[3] }
        continue
      }
      let space = try #require(line.lastIndex(of: " "), "\(line)")
      let key = line[..<space]
      let value = line[line.index(after: space)...]
      #expect(Double(value) != nil || ["+Inf", "-Inf", "NaN"].contains(value), "\(line)")
      #expect(series.insert(key).inserted, "series twice: \(line)")
      let name = key.prefix { $0 != "{" }
      let suffixes = kinds[current] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
      #expect(suffixes.contains { current + $0 == name }, "outside of its family: \(line)")
      #expect(key.count == name.count || key.last == "}", "\(line)")
    }
    #expect(!kinds.isEmpty)
  }
}
