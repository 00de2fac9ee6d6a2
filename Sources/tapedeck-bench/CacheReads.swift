/// The reads of each class of cached keys, as a service's `/metrics` says.
struct CacheReads {
  struct Class {
    var reads = 0
    var hits = 0
    var rate: Double { reads == 0 ? 0 : Double(hits) / Double(reads) }
  }

  private var classes: [String: Class] = [:]
  var names: [String] { classes.keys.sorted() }

  subscript(name: String) -> Class { classes[name] ?? Class() }

  /// Lines like `tapedeck_cache_reads_total{class="watchlist",outcome="hit"} 42`.
  init(of text: String) {
    for line in text.split(separator: "\n") where line.hasPrefix("tapedeck_cache_reads_total{") {
      let words = line.split(separator: "\"")
      guard words.count == 5,
        let value = words.last?.split(separator: " ").last.flatMap({ Int($0) })
      else { continue }
      let (name, outcome) = (String(words[1]), words[3])
      classes[name, default: Class()].reads += value
      if ["local_hit", "hit", "waited"].contains(outcome) {
        classes[name, default: Class()].hits += value
      }
    }
  }
}
