import Feeds
import Glibc
import MarketData
import Testing

/// `fixtures/session`: made by the command in its README, and still what that command makes.
@Suite struct SessionFixtureTests {
  private static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  static let path = root + "/fixtures/session/session.ndjson.gz"

  /// The spec in the README's command line.
  private func spec() throws -> SimulationSpec {
    let readme = String(
      decoding: TemporaryTape.read(SessionFixtureTests.root + "/fixtures/session/README.md"),
      as: UTF8.self)
    let match = try #require(readme.firstMatch(of: /--spec (sim:\S+)/))
    return try SimulationSpec(parsing: String(match.output.1))
  }

  @Test func theCommandInTheReadmeMakesTheFixture() throws {
    let tape = TemporaryTape(name: "session.ndjson")
    try SimulatedSession.write(spec(), to: tape.path)
    #expect(try Gunzip.bytes(SessionFixtureTests.path) == tape.bytes)
  }

  @Test func theFixtureIsASessionOfFiveMinutesThatIsNeverLockedOrCrossed() throws {
    #expect(TemporaryTape.read(SessionFixtureTests.path).count < 3_000_000)
    let source = try FeedArgument(parsing: SessionFixtureTests.path).open(context: FeedContext())
    var quoted: Set<SymbolID> = []
    var traded: Set<SymbolID> = []
    var shown: Set<SymbolID> = []
    var perSecond = [Int](repeating: 0, count: 301)
    var first: Timestamp?
    while let item = try source.next() {
      first = first ?? item.time
      perSecond[Int((item.time.nanoseconds - first!.nanoseconds) / 1_000_000_000)] += 1
      switch item.event {
      case .trade(let trade): traded.insert(trade.symbol)
      case .quote(let quote):
        quoted.insert(quote.symbol)
        try #require(quote.bidPrice < quote.askPrice)
      case .depth(let depth):
        shown.insert(depth.symbol)
        try #require(depth.bidCount == 10 && depth.askCount == 10)
        try #require(depth.bids[0].price < depth.asks[0].price)
      default: Issue.record("a simulation has no \(item.event.text)")
      }
    }
    #expect(perSecond[299] > 0 && perSecond[0] > 4 * perSecond[200])
    #expect(source.context.counters.malformedLines == 0)
    #expect(source.context.counters.skippedMessages == 0)
    let symbols = source.context.symbols
    let names = Set((0..<symbols.count).map { symbols.name(of: SymbolID(index: UInt32($0))) })
    #expect(names.count == 29)
    #expect(
      names.isSuperset(of: ["AAPL", "MSFT", "RELIANCE", "INFY", "TCS", "BTC/USD", "ETH/USD"]))
    #expect(quoted.count == 29 && traded.count == 29 && shown.count == 29)
  }
}
