import MarketData
import TestSupport
import Testing

@testable import Ingest

@Suite struct LastPriceTests {
  /// All slices once.
  private func pass(_ scene: BoardScene, at now: UInt64) -> [RecordingSink.Command] {
    for _ in 0..<IngestLimits.refreshSlices {
      scene.board.writeNextLastPrices(to: scene.sink, nowMilliseconds: now)
    }
    return scene.sink.drain()
  }

  private func value(_ symbol: String, _ number: Int, _ price: String) -> RecordingSink.Command {
    .set(
      key: "stock:\(symbol):last",
      value: #"{"E":7,"N":\#(number),"T":"last","S":"\#(symbol)","p":\#(price),"#
        + #""as_of":"\#(BoardScene.timeText)"}"#,
      ttl: 86_400_000)
  }

  @Test func aPriceThatChangesIsWrittenAtMostEachTenSeconds() throws {
    var scene = BoardScene()
    try scene.trade("AAPL", 100)
    _ = scene.sink.drain()
    #expect(pass(scene, at: 1_000) == [value("AAPL", 1, "100")])
    try scene.trade("AAPL", 101)
    _ = scene.sink.drain()
    #expect(pass(scene, at: 10_999).isEmpty)
    #expect(pass(scene, at: 11_000) == [value("AAPL", 2, "101")])
  }

  @Test func onePriceThatStaysIsWrittenOncePerHour() throws {
    var scene = BoardScene()
    try scene.trade("AAPL")
    _ = scene.sink.drain()
    _ = pass(scene, at: 1_000)
    #expect(pass(scene, at: 3_600_999).isEmpty)
    #expect(pass(scene, at: 3_601_000).count == 1)
  }

  @Test func aTradeGoesBeforeAQuoteAndAQuoteStandsForNoTrade() throws {
    var scene = BoardScene()
    try scene.quote("MSFT", 100)
    #expect(pass(scene, at: 1_000) == [value("MSFT", 1, "100.5")])
    try scene.trade("MSFT", 90)
    try scene.quote("MSFT", 100)
    _ = scene.sink.drain()
    #expect(pass(scene, at: 11_000) == [value("MSFT", 2, "90")])
  }

  /// The key is there to answer for symbols that nobody vouches for.
  @Test func aWithdrawnSymbolKeepsItsLastPrice() throws {
    var scene = BoardScene()
    try scene.trade("AAPL", 100)
    try scene.stale("AAPL")
    _ = scene.flush()
    #expect(pass(scene, at: 1_000) == [value("AAPL", 1, "100")])
  }

  @Test func aRedisThatCameBackGetsItAgain() throws {
    var scene = BoardScene()
    try scene.trade("AAPL")
    _ = pass(scene, at: 1_000)
    scene.board.markAllDirty()
    #expect(pass(scene, at: 1_001).count == 1)
  }

  @Test func whatIsRefusedIsTriedAgain() throws {
    var scene = BoardScene()
    try scene.trade("AAPL")
    _ = scene.sink.drain()
    scene.sink.takes = { _ in false }
    #expect(pass(scene, at: 1_000).isEmpty)
    scene.sink.takes = { _ in true }
    #expect(pass(scene, at: 1_001).count == 1)
  }

  @Test func theMiddleNeedsNoSumThatFits() {
    func middle(_ bid: Int64, _ ask: Int64) -> Int64? {
      LastPrice.middle(Decimal9(nanos: bid), Decimal9(nanos: ask))?.nanos
    }
    #expect(middle(3, 5) == 4)
    #expect(middle(3, 4) == 3)
    #expect(middle(.max, .max) == Int64.max)
    #expect(middle(.max, .max - 2) == Int64.max - 1)
    #expect(middle(0, 5) == 5)
    #expect(middle(5, 0) == 5)
    #expect(middle(0, 0) == nil)
  }
}
