import MarketData
import Testing

@testable import Ingest

/// What becomes of the board when a play is sent elsewhere.
@Suite struct ReplayBoardTests {
  @Test func whatIsPassedOverIsStateAndNobodysEvent() throws {
    var scene = BoardScene()
    scene.board.isMuted = true
    try scene.trade("AAPL", 100)
    try scene.trade("AAPL", 101)
    try scene.quote("AAPL", 100)
    try scene.quote("AAPL", 101)
    #expect(scene.sink.drain().isEmpty)
    scene.board.isMuted = false
    let written = scene.flush()
    // One SET of the newest trade, and SET and SPUBLISH of the newest quote.
    #expect(written.filter(\.isSet).map(\.name) == ["stock:AAPL:price", "stock:AAPL:quote"])
    #expect(written.filter(\.isPublication).map(\.name) == ["stock:AAPL:quote"])
    #expect(written[0].body.contains(#""N":2"#) && written[0].body.contains(#""p":101"#))
    // The next trade follows the one that was passed over.
    try scene.trade("AAPL", 102)
    #expect(scene.sink.drain()[0].body.hasPrefix(#"{"E":7,"N":5,"P":2,"#))
  }

  @Test func whatHasNotHappenedYetIsWithdrawnUnlessItHasAValueAgain() throws {
    var scene = BoardScene()
    try scene.trade("AAPL", 100)
    try scene.quote("AAPL", 100)
    try scene.quote("MSFT", 100)
    _ = scene.flush()
    scene.board.beginEpoch(8)
    scene.board.forget(since: BoardScene.time)
    scene.board.isMuted = true
    try scene.quote("AAPL", 90)
    scene.board.isMuted = false
    #expect(scene.board.staleSymbols() == .symbols(["AAPL", "MSFT"]))
    let written = scene.flush()
    #expect(
      written.filter(\.isDeletion).map(\.name).sorted() == ["stock:AAPL:price", "stock:MSFT:quote"])
    #expect(written.filter(\.isSet).map(\.name) == ["stock:AAPL:quote"])
    let markers = written.filter { $0.isPublication && $0.body.contains("stale") }
    #expect(markers.map(\.name).sorted() == ["stock:AAPL:price", "stock:MSFT:quote"])
    #expect(markers.allSatisfy { $0.body.hasPrefix(#"{"E":8,"N":0,"#) })
    // The chain goes on over the seam.
    try scene.trade("AAPL", 91)
    #expect(scene.sink.drain()[0].body.hasPrefix(#"{"E":8,"N":5,"P":1,"Q":7,"#))
    #expect(scene.flush().contains { $0.isSet && $0.name == "stock:AAPL:price" })
    #expect(scene.board.staleSymbols() == .symbols(["MSFT"]))
    // Nothing of before is refreshed, nor written for the day.
    for turn in 0..<16 {
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: 5_000 + UInt64(turn) * 50)
      scene.board.writeNextLastPrices(to: scene.sink, nowMilliseconds: 5_000)
    }
    #expect(!scene.sink.drain().contains { $0.name.contains("MSFT") })
  }

  @Test func allOfItIsWrittenAgainForWhoSawItExpire() throws {
    var scene = BoardScene()
    try scene.quote("AAPL", 100)
    let first = scene.flush()
    scene.board.markAllDirty()
    #expect(scene.flush(at: 5_000) == first)
  }
}
