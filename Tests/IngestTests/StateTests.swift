import MarketData
import Testing

@testable import Ingest

@Suite struct StateTests {
  private func quote(_ number: UInt64, _ bid: Int64, _ name: String = "AAPL") -> String {
    #"{"E":7,"N":\#(number),"T":"q","S":"\#(name)","t":"2026-11-21T06:23:00Z","#
      + #""bp":\#(bid),"bs":1,"ap":\#(bid + 1),"as":1}"#
  }

  @Test func aQuoteIsSetAndPublishedWithTheSameBytes() throws {
    var scene = BoardScene()
    try scene.quote("AAPL", 100)
    #expect(scene.sink.drain().isEmpty)
    #expect(scene.board.hasUnwritten)
    #expect(
      scene.flush() == [
        .set(key: "stock:AAPL:quote", value: quote(1, 100), ttl: 2_000),
        .publish(channel: "stock:AAPL:quote", message: quote(1, 100)),
      ])
    #expect(!scene.board.hasUnwritten)
    #expect(scene.flush().isEmpty)
  }

  @Test func aDepthHasItsOwnKeyAndHalfTheTTL() throws {
    var scene = BoardScene()
    try scene.depth("BTC/USD", 100)
    let value =
      #"{"E":7,"N":1,"T":"o","S":"BTC/USD","t":"2026-11-21T06:23:00Z","#
      + #""b":[{"p":100,"s":1}],"a":[],"r":true}"#
    #expect(
      scene.flush() == [
        .set(key: "depth:BTC/USD", value: value, ttl: 1_000),
        .publish(channel: "depth:BTC/USD", message: value),
      ])
  }

  @Test func stateIsConflatedBetweenFlushes() throws {
    var scene = BoardScene()
    for bid in 1...5 { try scene.quote("AAPL", Int64(bid)) }
    #expect(
      scene.flush() == [
        .set(key: "stock:AAPL:quote", value: quote(5, 5), ttl: 2_000),
        .publish(channel: "stock:AAPL:quote", message: quote(5, 5)),
      ])
    #expect(scene.board.counters.conflated == 4)
    #expect(scene.board.counters.events == 5)
    #expect(scene.board.counters.writes == 1)
  }

  @Test func whatIsRefusedStaysAndTheNewestGoesOut() throws {
    var scene = BoardScene()
    scene.sink.takes = { _ in false }
    try scene.quote("AAPL", 1)
    #expect(scene.flush().isEmpty)
    #expect(scene.board.hasUnwritten)
    try scene.quote("AAPL", 2)
    #expect(scene.flush().isEmpty)
    scene.sink.takes = { _ in true }
    #expect(scene.flush().map(\.body) == [quote(2, 2), quote(2, 2)])
    #expect(scene.flush().isEmpty)
    #expect(scene.board.counters.writes == 1)
  }

  /// The SET was taken, the message not: both are repeated, so no subscriber misses the value.
  @Test func aValueThatWasNotPublishedIsWrittenAgain() throws {
    var scene = BoardScene()
    scene.sink.takes = { !$0.isPublication }
    try scene.quote("AAPL", 1)
    #expect(scene.flush().map(\.isSet) == [true])
    scene.sink.takes = { _ in true }
    #expect(scene.flush().map(\.body) == [quote(1, 1), quote(1, 1)])
    #expect(scene.flush().isEmpty)
  }

  /// A sink that is full costs one attempt a flush, not one for every symbol.
  @Test func aFullSinkIsAskedOnceAFlush() throws {
    var scene = BoardScene()
    for number in 0..<100 { try scene.quote("S\(number)") }
    var room = 40
    scene.sink.takes = { _ in
      room -= 1
      return room >= 0
    }
    let first = scene.flush()
    #expect(first.count == 40)
    #expect(scene.sink.refused == 1)
    room = .max
    let second = scene.flush()
    #expect(Set((first + second).map(\.name)).count == 100)
    #expect((first + second).count == 200)
    #expect(!scene.board.hasUnwritten)
  }

  /// After a new link: Redis may have lost everything, and subscribers their messages.
  @Test func markingAllDirtyWritesEverythingAgain() throws {
    var scene = BoardScene()
    try scene.trade("AAPL")
    try scene.quote("AAPL")
    try scene.depth("AAPL")
    try scene.quote("MSFT")
    try scene.stale("MSFT")
    _ = scene.flush()
    scene.board.markAllDirty()
    let commands = scene.flush()
    #expect(
      commands.map(\.name) == [
        "stock:AAPL:price", "stock:AAPL:quote", "stock:AAPL:quote", "depth:AAPL", "depth:AAPL",
        "stock:MSFT:quote", "stock:MSFT:quote",
      ])
    #expect(commands.filter(\.isSet).count == 3)
    #expect(commands.filter(\.isDeletion).count == 1)
    #expect(commands.last?.body == scene.marker("MSFT", 5))
    #expect(scene.flush().isEmpty)
  }

  @Test func anEpochChangesNewValuesOnlyAndTheHeartbeatStartsBelowThem() throws {
    var scene = BoardScene()
    try scene.quote("AAPL")
    try scene.quote("MSFT")
    #expect(scene.board.sequence == SequenceNumber(epoch: 7, number: 2))
    scene.board.beginEpoch(8)
    // Not (8, 2): the new pass begins at 1, and gateways ignore a heartbeat that falls back.
    #expect(scene.board.sequence == SequenceNumber(epoch: 8, number: 0))
    let quote = Quote(
      symbol: try scene.symbol("MSFT"), timestamp: BoardScene.time, bidPrice: .zero,
      bidSize: .zero, askPrice: .zero, askSize: .zero)
    scene.board.apply(.quote(quote), position: 1, to: scene.sink)
    let values = scene.flush().filter(\.isSet).map { $0.body.prefix(14) }
    #expect(values == [#"{"E":7,"N":1,""#, #"{"E":8,"N":1,""#].map { $0.prefix(14) })
  }

  /// Goal: memory follows the symbol table, not rate or time. Method: a sink that takes nothing.
  @Test func theBoardIsBoundedByItsSymbols() throws {
    var scene = BoardScene()
    scene.sink.takes = { _ in false }
    for _ in 0..<200 {
      for number in 0..<20 {
        try scene.quote("S\(number)")
        try scene.depth("S\(number)")
        try scene.trade("S\(number)")
      }
      _ = scene.flush()
      scene.board.markAllDirty()
      try #require(scene.board.symbolsUnwritten == 20)
    }
    #expect(scene.board.symbolsHeld == 20)
    scene.sink.takes = { _ in true }
    #expect(scene.flush().count == 20 * 5)
  }
}
