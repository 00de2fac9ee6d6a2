import MarketData
import Testing

@testable import Ingest

@Suite struct TradeChainTests {
  private func trade(_ scene: BoardScene, _ id: Int64, _ price: Int64) throws -> FeedEvent {
    .trade(
      Trade(
        symbol: try scene.symbol("AAPL"), timestamp: BoardScene.time,
        price: Decimal9(nanos: price * Decimal9.scale), size: Decimal9(nanos: Decimal9.scale),
        id: id))
  }

  private func cancel(_ scene: BoardScene, _ id: Int64) throws -> FeedEvent {
    .cancel(
      TradeCancel(
        symbol: try scene.symbol("AAPL"), timestamp: BoardScene.time,
        price: Decimal9(nanos: Decimal9.scale), size: Decimal9(nanos: Decimal9.scale), id: id))
  }

  private func correction(_ scene: BoardScene, _ id: Int64, _ price: Int64) throws -> FeedEvent {
    let size = Decimal9(nanos: Decimal9.scale)
    return .correction(
      TradeCorrection(
        symbol: try scene.symbol("AAPL"), timestamp: BoardScene.time,
        original: .init(id: id, price: size, size: size),
        corrected: .init(id: id, price: Decimal9(nanos: price * Decimal9.scale), size: size)))
  }

  @Test func whatBecomesOfATradeIsPublishedAtOnceAndLinked() throws {
    var scene = BoardScene()
    scene.apply(try trade(scene, 1, 100))
    scene.apply(try cancel(scene, 1))
    scene.apply(try correction(scene, 1, 99))
    scene.apply(try trade(scene, 2, 101))
    let commands = scene.sink.drain()
    #expect(Set(commands.map(\.name)) == ["stock:AAPL:price"])
    #expect(
      commands.map { $0.body.prefix(while: { $0 != "S" }) } == [
        #"{"E":7,"N":1,"P":0,"T":"t",""#, #"{"E":7,"N":2,"P":1,"T":"x",""#,
        #"{"E":7,"N":3,"P":2,"T":"c",""#, #"{"E":7,"N":4,"P":3,"T":"t",""#,
      ])
  }

  // A gateway that joins takes the key's number for the end of the chain: were it still the trade's,
  // the next trade would look like a loss.
  @Test func theKeyHasTheTradeUnderTheNumberOfTheChainsEnd() throws {
    var scene = BoardScene()
    scene.apply(try trade(scene, 1, 100))
    scene.apply(try trade(scene, 2, 101))
    scene.apply(try correction(scene, 2, 99))
    _ = scene.sink.drain()
    let value =
      #"{"E":7,"N":3,"P":2,"T":"t","S":"AAPL","t":"2026-11-21T06:23:00Z","p":99,"s":1,"i":2}"#
    #expect(scene.flush() == [.set(key: "stock:AAPL:price", value: value, ttl: 2_000)])
  }

  @Test func aCancelledNewestTradeGivesWayToTheOneBefore() throws {
    var scene = BoardScene()
    scene.apply(try trade(scene, 1, 100))
    scene.apply(try trade(scene, 2, 101))
    scene.apply(try cancel(scene, 2))
    _ = scene.sink.drain()
    #expect(scene.flush().map(\.body).first?.contains(#""N":3,"P":2,"T":"t""#) == true)
    scene.apply(try correction(scene, 1, 98))
    _ = scene.sink.drain()
    #expect(scene.flush().map(\.body).first?.hasSuffix(#""p":98,"s":1,"i":1}"#) == true)
    // Nothing is known before it: it stays.
    scene.apply(try cancel(scene, 1))
    _ = scene.sink.drain()
    #expect(scene.flush().map(\.body).first?.hasSuffix(#""p":98,"s":1,"i":1}"#) == true)
  }

  @Test func aCancelBeforeAnyTradeLeavesNoKey() throws {
    var scene = BoardScene()
    scene.apply(try cancel(scene, 1))
    #expect(scene.sink.drain().count == 1)
    #expect(scene.flush().isEmpty)
  }

  @Test func oneThatIsNotTakenIsCountedAndTheNextTells() throws {
    var scene = BoardScene()
    scene.apply(try trade(scene, 1, 100))
    scene.sink.takes = { _ in false }
    scene.apply(try cancel(scene, 1))
    scene.sink.takes = { _ in true }
    _ = scene.sink.drain()
    scene.apply(try trade(scene, 2, 100))
    #expect(scene.board.counters.tradesDropped == 1)
    #expect(scene.sink.drain().first?.body.hasPrefix(#"{"E":7,"N":3,"P":2,"T":"t""#) == true)
  }

  @Test func aStatusIsStateOnAKeyOfItsOwn() throws {
    var scene = BoardScene()
    let symbol = try scene.symbol("AAPL")
    var status = TradingStatus(symbol: symbol, timestamp: BoardScene.time)
    status.statusCode = try scene.codes.intern("H")
    scene.apply(.status(TradingStatus(symbol: symbol, timestamp: BoardScene.time)))
    scene.apply(.status(status))
    let value =
      #"{"E":7,"N":2,"T":"s","S":"AAPL","t":"2026-11-21T06:23:00Z","#
      + #""sc":"H","sm":"","rc":"","rm":"","z":""}"#
    #expect(
      scene.flush() == [
        .set(key: "stock:AAPL:status", value: value, ttl: 2_000),
        .publish(channel: "stock:AAPL:status", message: value),
      ])
    // A halt that lasts is written again like any quiet state.
    for _ in 0..<8 { scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: 2_000) }
    #expect(
      scene.sink.drain() == [.set(key: "stock:AAPL:status", value: value, ttl: 2_000)])
    try scene.stale("AAPL")
    #expect(
      scene.flush() == [
        .delete(key: "stock:AAPL:status"),
        .publish(channel: "stock:AAPL:status", message: scene.marker("AAPL", 3)),
      ])
  }
}
