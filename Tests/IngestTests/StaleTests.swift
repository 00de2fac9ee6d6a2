import MarketData
import Testing

@testable import Ingest

@Suite struct StaleTests {
  @Test func aStaleSymbolIsWithdrawnOnEveryChannelThatHadAValue() throws {
    var scene = BoardScene()
    try scene.trade("AAPL")
    try scene.depth("AAPL")
    _ = scene.flush()
    try scene.stale("AAPL")
    let marker = scene.marker("AAPL", 3)
    #expect(
      scene.flush() == [
        .delete(key: "stock:AAPL:price"), .publish(channel: "stock:AAPL:price", message: marker),
        .delete(key: "depth:AAPL"), .publish(channel: "depth:AAPL", message: marker),
      ])
    #expect(scene.board.staleSymbolCount == 1)
    #expect(scene.board.staleSymbols() == .symbols(["AAPL"]))
    #expect(scene.flush().isEmpty)
  }

  @Test func aSymbolWithoutAValueIsNotWithdrawn() throws {
    var scene = BoardScene()
    try scene.stale("AAPL")
    #expect(scene.flush().isEmpty)
    #expect(scene.board.staleSymbolCount == 0)
    #expect(scene.board.staleSymbols() == .symbols([]))
  }

  @Test func theNextLiveValueClearsItsChannel() throws {
    var scene = BoardScene()
    try scene.quote("AAPL")
    try scene.depth("AAPL")
    try scene.stale("AAPL")
    _ = scene.flush()
    try scene.depth("AAPL")
    let commands = scene.flush()
    #expect(commands.map(\.name) == ["depth:AAPL", "depth:AAPL"])
    #expect(commands.map(\.isSet) == [true, false])
    // The quote is still not vouched for.
    #expect(scene.board.staleSymbols() == .symbols(["AAPL"]))
    try scene.quote("AAPL")
    _ = scene.flush()
    #expect(scene.board.staleSymbolCount == 0)
    #expect(scene.board.staleSymbols() == .symbols([]))
  }

  @Test func aSymbolThatIsLiveAgainBeforeTheFlushShowsNoMarker() throws {
    var scene = BoardScene()
    try scene.quote("AAPL", 1)
    _ = scene.flush()
    try scene.stale("AAPL")
    try scene.quote("AAPL", 2)
    #expect(scene.flush().map(\.isSet) == [true, false])
    #expect(scene.board.staleSymbolCount == 0)
  }

  @Test(arguments: [true, false])
  func aWithdrawalThatWasTakenInPartIsRepeated(deletionTaken: Bool) throws {
    var scene = BoardScene()
    try scene.quote("AAPL")
    _ = scene.flush()
    try scene.stale("AAPL")
    scene.sink.takes = { deletionTaken && $0.isDeletion }
    #expect(scene.flush().count == (deletionTaken ? 1 : 0))
    scene.sink.takes = { _ in true }
    let marker = scene.marker("AAPL", 2)
    #expect(
      scene.flush() == [
        .delete(key: "stock:AAPL:quote"), .publish(channel: "stock:AAPL:quote", message: marker),
      ])
    #expect(scene.flush().isEmpty)
  }

  @Test func aLiveValueOverridesAWithdrawalThatWasRefused() throws {
    var scene = BoardScene()
    try scene.quote("AAPL", 1)
    _ = scene.flush()
    try scene.stale("AAPL")
    scene.sink.takes = { $0.isDeletion }
    _ = scene.flush()
    scene.sink.takes = { _ in true }
    try scene.quote("AAPL", 2)
    let commands = scene.flush()
    #expect(commands.map(\.isSet) == [true, false])
    #expect(commands.map { $0.body.prefix(13) } == [#"{"E":7,"N":3,"#, #"{"E":7,"N":3,"#])
  }

  @Test func aWithdrawnKeyIsNotRefreshed() throws {
    var scene = BoardScene()
    try scene.quote("AAPL")
    try scene.depth("AAPL")
    try scene.stale("AAPL")
    try scene.depth("AAPL")
    _ = scene.flush(at: 0)
    for step in 1...40 {
      scene.board.refreshNextSlice(to: scene.sink, nowMilliseconds: UInt64(step) * 50)
    }
    #expect(Set(scene.sink.drain().map(\.name)) == ["depth:AAPL"])
  }

  @Test func theListOfStaleSymbolsIsBounded() throws {
    var scene = BoardScene()
    let names = (0..<FeedHeartbeat.staleSymbolsMax).map { "S\($0)" }
    for name in names {
      try scene.quote(name)
      try scene.stale(name)
    }
    #expect(scene.board.staleSymbols() == .symbols(names))
    try scene.quote("ONEMORE")
    try scene.stale("ONEMORE")
    #expect(scene.board.staleSymbols() == .all)
    try scene.quote("S0")
    #expect(scene.board.staleSymbols() == .symbols(Array(names.dropFirst()) + ["ONEMORE"]))
  }

  @Test func aSecondHoleRenewsTheMarkerAndCountsOnce() throws {
    var scene = BoardScene()
    try scene.quote("AAPL")
    try scene.depth("AAPL")
    try scene.stale("AAPL")
    _ = scene.flush()
    try scene.stale("AAPL")
    #expect(scene.flush().isEmpty)
    try scene.depth("AAPL")
    try scene.stale("AAPL")
    #expect(scene.board.staleSymbolCount == 1)
    #expect(
      Set(scene.flush().filter(\.isPublication).map(\.body)) == [scene.marker("AAPL", 6)])
  }
}
