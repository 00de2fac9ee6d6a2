import MarketData
import Testing

@testable import Ingest

@Suite struct TradeTests {
  private let first =
    #"{"E":7,"N":1,"P":0,"T":"t","S":"AAPL","t":"2026-11-21T06:23:00Z","p":100,"s":1}"#
  private let second =
    #"{"E":7,"N":3,"P":1,"T":"t","S":"AAPL","t":"2026-11-21T06:23:00Z","p":101,"s":1}"#

  @Test func aTradeIsPublishedAtOnceAndNamesTheOneBefore() throws {
    var scene = BoardScene()
    try scene.trade("AAPL", 100)
    #expect(scene.sink.drain() == [.publish(channel: "stock:AAPL:price", message: first)])
    try scene.trade("MSFT", 5)
    #expect(scene.sink.drain().map(\.name) == ["stock:MSFT:price"])
    try scene.trade("AAPL", 101)
    #expect(scene.sink.drain() == [.publish(channel: "stock:AAPL:price", message: second)])
  }

  @Test func theKeyGetsTheNewestTradeAtTheFlushWithoutAnotherPublication() throws {
    var scene = BoardScene()
    try scene.trade("AAPL", 100)
    try scene.quote("MSFT")
    try scene.trade("AAPL", 101)
    let commands = scene.flush()
    #expect(commands.filter(\.isSet).count == 2)
    #expect(commands.contains(.set(key: "stock:AAPL:price", value: second, ttl: 2_000)))
    #expect(commands.filter { $0.name == "stock:AAPL:price" && $0.isPublication }.count == 2)
    #expect(scene.flush().isEmpty)
    #expect(scene.board.counters.conflated == 0)
  }

  @Test func acrossEpochsATradeNamesTheEpochOfTheOneBefore() throws {
    let symbols = SymbolTable()
    let sink = RecordingSink()
    let board = MarketBoard(symbols: symbols, codes: CodeTable(), epoch: 7)
    let trade = Trade(
      symbol: try symbols.intern("AAPL"), timestamp: BoardScene.time,
      price: Decimal9(nanos: Decimal9.scale), size: Decimal9(nanos: Decimal9.scale))
    board.apply(.trade(trade), position: 900, to: sink)
    board.beginEpoch(8)
    board.apply(.trade(trade), position: 1, to: sink)
    board.apply(.trade(trade), position: 2, to: sink)
    let heads = sink.drain().map { $0.body.prefix(while: { $0 != "T" }) }
    #expect(
      heads == [
        #"{"E":7,"N":900,"P":0,""#, #"{"E":8,"N":1,"P":900,"Q":7,""#, #"{"E":8,"N":2,"P":1,""#,
      ])
  }

  @Test func aTradeThatIsNotTakenIsCountedAndTheNextOneTells() throws {
    var scene = BoardScene()
    try scene.trade("AAPL")
    scene.sink.takes = { _ in false }
    try scene.trade("AAPL")
    try scene.trade("AAPL")
    #expect(scene.board.counters.tradesDropped == 2)
    #expect(scene.board.counters.publications == 1)
    scene.sink.takes = { _ in true }
    _ = scene.sink.drain()
    try scene.trade("AAPL")
    // The gateway saw 1 last; 3 is not 1.
    #expect(scene.sink.drain().first?.body.hasPrefix(#"{"E":7,"N":4,"P":3,"T":"t""#) == true)
    #expect(scene.board.counters.tradesDropped == 2)
  }

  @Test func aDroppedTradeStillReachesTheKey() throws {
    var scene = BoardScene()
    scene.sink.takes = { !$0.isPublication }
    try scene.trade("AAPL", 100)
    #expect(scene.flush() == [.set(key: "stock:AAPL:price", value: first, ttl: 2_000)])
  }
}
