import MarketData
import Testing

@testable import Ingest

@Suite struct BarBoardTests {
  private func bar(_ symbol: SymbolID, close: Int64) -> Bar {
    let price = Decimal9(nanos: close * Decimal9.scale)
    return Bar(
      symbol: symbol, start: BoardScene.time, open: price, high: price, low: price, close: price,
      volume: WideDecimal9(Decimal9(nanos: Decimal9.scale)), tradeCount: 1, vwap: price)
  }

  private func text(_ kind: String, _ head: String, _ price: Int) -> String {
    #"{\#(head),"T":"\#(kind)","S":"AAPL","t":"\#(BoardScene.timeText)","o":\#(price),"h":\#(price),"#
      + #""l":\#(price),"c":\#(price),"v":1,"n":1,"vw":\#(price)}"#
  }

  @Test func closedAndUpdatedBarsAreChainedEventsAndTheirKeysHoldTheNewest() throws {
    let scene = BoardScene()
    let apple = try scene.symbol("AAPL")
    func tell(_ kind: BarKind, _ number: UInt64, _ close: Int64) {
      scene.board.apply(
        bar(apple, close: close), kind, sequence: SequenceNumber(epoch: 7, number: number),
        to: scene.sink)
    }
    tell(.minute, 4, 10)
    tell(.minute, 9, 11)
    tell(.updated, 12, 12)
    #expect(
      scene.sink.drain() == [
        .publish(channel: "stock:AAPL:bar", message: text("b", #""E":7,"N":4,"P":0"#, 10)),
        .publish(channel: "stock:AAPL:bar", message: text("b", #""E":7,"N":9,"P":4"#, 11)),
        .publish(channel: "stock:AAPL:bar:updated", message: text("u", #""E":7,"N":12,"P":0"#, 12)),
      ])
    #expect(
      Set(scene.flush()) == [
        .set(key: "stock:AAPL:bar", value: text("b", #""E":7,"N":9,"P":4"#, 11), ttl: 2_000),
        .set(
          key: "stock:AAPL:bar:updated", value: text("u", #""E":7,"N":12,"P":0"#, 12), ttl: 2_000),
      ])
  }

  @Test func theDayIsStateWithoutAChain() throws {
    let scene = BoardScene()
    let apple = try scene.symbol("AAPL")
    for (number, close) in [(4, 10), (9, 11)] as [(UInt64, Int64)] {
      scene.board.apply(
        bar(apple, close: close), .daily, sequence: SequenceNumber(epoch: 7, number: number),
        to: scene.sink)
    }
    #expect(scene.sink.drain() == [])
    let value = text("d", #""E":7,"N":9"#, 11)
    #expect(
      scene.flush() == [
        .set(key: "stock:AAPL:bar:daily", value: value, ttl: 2_000),
        .publish(channel: "stock:AAPL:bar:daily", message: value),
      ])
  }

  @Test func refusedBarIsCountedAndTheNextNamesIt() throws {
    let scene = BoardScene()
    let apple = try scene.symbol("AAPL")
    scene.sink.takes = { _ in false }
    scene.board.apply(
      bar(apple, close: 10), .minute, sequence: SequenceNumber(epoch: 7, number: 4),
      to: scene.sink)
    #expect(scene.board.counters.barsDropped == 1)
    scene.sink.takes = { _ in true }
    scene.board.apply(
      bar(apple, close: 11), .minute, sequence: SequenceNumber(epoch: 7, number: 9),
      to: scene.sink)
    #expect(scene.sink.drain().first?.body == text("b", #""E":7,"N":9,"P":4"#, 11))
  }

  @Test func quietBarsAreWrittenAgainAndAWithdrawnSymbolsAreMarked() throws {
    var scene = BoardScene()
    let apple = try scene.symbol("AAPL")
    scene.board.apply(
      bar(apple, close: 10), .minute, sequence: SequenceNumber(epoch: 7, number: 4),
      to: scene.sink)
    _ = scene.flush(at: 1_000)
    for _ in 0..<IngestLimits.refreshSlices {
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: 1_900)
    }
    let again = scene.sink.drain()
    #expect(again.map(\.name) == ["stock:AAPL:bar"] && again.allSatisfy(\.isSet))
    try scene.stale("AAPL")
    let gone = scene.flush()
    #expect(gone.map(\.name) == ["stock:AAPL:bar", "stock:AAPL:bar"])
    #expect(gone.first?.isDeletion == true && gone.last?.body.contains("stale") == true)
  }
}
