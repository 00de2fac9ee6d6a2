import Feeds
import MarketData
import TestSupport
import Testing

@Suite struct MergedFeedTests {
  /// `a2@5`: item 2 of feed a at 5 ms.
  private func merged(_ lists: [[Int64]]) -> (MergedFeed, [ListedSource]) {
    let context = FeedContext()
    let sources = lists.map { ListedSource(milliseconds: $0, context: context) }
    for (number, source) in sources.enumerated() {
      for index in source.items.indices {
        guard case .quote(var quote) = source.items[index].event else { continue }
        quote.bidSize = Decimal9(nanos: Int64(number))
        quote.askSize = Decimal9(nanos: Int64(source.items[index].position))
        source.items[index].event = .quote(quote)
      }
    }
    return (MergedFeed(sources, context: context), sources)
  }

  private func text(_ item: FeedItem) -> String {
    guard case .quote(let quote) = item.event else { return "?" }
    let letter = "abcdefgh".map(String.init)[Int(quote.bidSize.nanos)]
    return "\(letter)\(quote.askSize.nanos)@\(item.time.nanoseconds / 1_000_000)"
  }

  @Test func eventsComeByTimeAndTiesByOrder() throws {
    let (feed, _) = merged([[2, 4, 4], [1, 4, 5], [], [4]])
    #expect(
      try feed.all().map(text) == ["b1@1", "a1@2", "a2@4", "a3@4", "b2@4", "d1@4", "b3@5"])
    #expect(try feed.next() == nil)
    #expect(feed.name == "list + list + list + list")
  }

  @Test func positionsGrowAndAMessagesEventsKeepOneInCommon() throws {
    let (feed, sources) = merged([[1, 1, 3], [2, 3]])
    sources[0].items[1].position = 1
    sources[0].items[2].position = 900
    #expect(try feed.all().map(\.position) == [1, 1, 2, 3, 4])
    try feed.rewind()
    #expect(try feed.all().map(\.position) == [1, 1, 2, 3, 4])
    #expect(sources.allSatisfy { $0.rewinds == 1 })
  }

  /// Two feeds may use one number for two messages one after the other.
  @Test func equalNumbersOfTwoFeedsAreTwoMessages() throws {
    let (feed, _) = merged([[1], [1]])
    #expect(try feed.all().map(\.position) == [1, 2])
  }

  @Test func whatWasReadBeforeAFailureComesBeforeIt() throws {
    let (feed, sources) = merged([[1, 2], [3]])
    sources[0].failsAt = 1
    #expect(try feed.next().map(text) == "a1@1")
    #expect(throws: FeedsError.self) { try feed.next() }
    #expect(throws: FeedsError.self) { try feed.next() }
    sources[0].failsAt = nil
    try feed.rewind()
    #expect(try feed.all().map(text) == ["a1@1", "a2@2", "b1@3"])
  }

  @Test(arguments: seeds(count: 20)) func anyFeedsMergeLikeAStableSort(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let lists = (0..<Int.random(in: 1...6, using: &random)).map { _ in
      (0..<Int.random(in: 0...30, using: &random)).map { _ in
        Int64.random(in: 0...20, using: &random)
      }.sorted()
    }
    let (feed, sources) = merged(lists)
    let model = sources.flatMap(\.items).enumerated()
      .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
      .map { text($0.element) }
    let items = try feed.all()
    #expect(items.map(text) == model, "seed \(seed)")
    #expect(items.map(\.position) == items.indices.map { UInt64($0 + 1) }, "seed \(seed)")
  }

  @Test func tapesShareTheirSymbols() throws {
    func line(_ symbol: String, _ second: Int) -> String {
      #"{"T":"q","S":"\#(symbol)","bp":1,"bs":1,"ap":2,"as":1,"t":"2026-11-20T10:00:0\#(second)Z"}"#
    }
    let one = TemporaryTape([line("AAPL", 1), line("MSFT", 3)].joined(separator: "\n"))
    let two = TemporaryTape([line("MSFT", 2), line("AAPL", 4)].joined(separator: "\n"))
    let context = FeedContext()
    let feed = try FeedArgument.merged([.file(path: one.path), .file(path: two.path)])
      .open(context: context)
    let names = try feed.all().map { context.symbols.name(of: $0.event.symbol) }
    #expect(names == ["AAPL", "MSFT", "MSFT", "AAPL"])
    #expect(context.symbols.count == 2)
    #expect(throws: FeedsError.self) {
      try FeedArgument.merged(Array(repeating: .file(path: one.path), count: 33))
        .open(context: context)
    }
  }
}
