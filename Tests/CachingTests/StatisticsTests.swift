import Testing

@testable import Caching

@Suite struct StatisticsTests {
  @Test func hitRateIsTheShareWithoutAQuery() {
    var counters = CacheCounters()
    #expect(counters.hitRate == nil)
    for outcome: CacheOutcome in [
      .localHit, .hit, .hit, .waited, .miss, .bypass(.unavailable), .bypass(.tooLarge), .hit,
    ] {
      counters.count(outcome)
    }
    #expect(counters.reads == 8)
    #expect(counters.hitRate == 5.0 / 8)
    #expect(counters.bypassed[.tooLarge] == 1)
  }

  @Test func reportTellsTheLastMinuteAndNamesWhatIsBelow() {
    var report = HitRateReport()
    var statistics = CacheStatistics()
    func read(_ policy: CachePolicy, hits: Int, misses: Int) {
      statistics.update(policy) { counters in
        for _ in 0..<hits { counters.count(.hit) }
        for _ in 0..<misses { counters.count(.miss) }
      }
    }
    read(CachePolicies.watchlist, hits: 942, misses: 58)
    read(CachePolicies.apiKey, hits: 799, misses: 201)
    let first = report.lines(statistics)
    #expect(first.map(\.policy) == ["apikey", "watchlist"])
    #expect(first.map(\.isBelowWanted) == [true, false])
    #expect(
      first[0].description
        == "cache apikey: 79.9 % of 1000 reads without a query, below 80 %: is it worth it?")
    #expect(first[1].description == "cache watchlist: 94.2 % of 1000 reads without a query")
    read(CachePolicies.watchlist, hits: 0, misses: 10)
    let second = report.lines(statistics)
    #expect(second.map(\.description).first?.contains("cache watchlist: 0.0 % of 10 reads") == true)
    #expect(second.count == 1, "a class that was not read has no line")
    expectEqual(report.lines(statistics), [])
  }
}
