import Bars
import MarketData
import TestSupport
import Testing

@Suite struct BarMakerTests {
  private let scene = BarScene()

  @Test func minuteIsToldOnceAtItsEndThoughNoTradeFollows() {
    scene.at("2026-11-20T15:00:00Z")
    scene.trade("2026-11-20T15:00:01Z", "10")
    scene.trade("2026-11-20T15:00:59.999999999Z", "11", "300")
    scene.at("2026-11-20T15:00:59.999999999Z")
    #expect(scene.take() == [])
    #expect(scene.maker.nextBoundary == BarScene.time("2026-11-20T15:01:00Z"))
    scene.at("2026-11-20T15:01:00Z")
    #expect(
      scene.take() == [
        "b AAPL 2026-11-20T15:00:00Z 10 11 10 11 v400 n2 w10.75 @2",
        "d AAPL 2026-11-20T05:00:00Z 10 11 10 11 v400 n2 w10.75 @2",
      ])
    #expect(scene.maker.nextBoundary == nil)
    scene.at("2026-11-20T15:05:00Z")
    #expect(scene.take() == [])
  }

  @Test func minuteWithoutTradesHasNoBar() {
    scene.at("2026-11-20T15:00:00Z")
    scene.trade("2026-11-20T15:00:01Z", "10")
    scene.trade(of: "MSFT", "2026-11-20T15:00:01Z", "20")
    scene.at("2026-11-20T15:03:00Z")
    scene.trade("2026-11-20T15:03:01Z", "12")
    scene.at("2026-11-20T15:04:00Z")
    #expect(
      scene.minutes() == [
        "b AAPL 2026-11-20T15:00:00Z 10 10 10 10 v100 n1 w10 @1",
        "b MSFT 2026-11-20T15:00:00Z 20 20 20 20 v100 n1 w20 @2",
        "b AAPL 2026-11-20T15:03:00Z 12 12 12 12 v100 n1 w12 @3",
      ])
  }

  @Test func lateTradeTellsItsMinuteAgainAsItWouldHaveBeen() {
    scene.at("2026-11-20T15:00:00Z")
    scene.trade("2026-11-20T15:00:10Z", "10")
    scene.at("2026-11-20T15:01:00Z")
    scene.trade("2026-11-20T15:01:01Z", "12")
    _ = scene.take()
    scene.trade("2026-11-20T15:00:05Z", "9", "50")  // earlier than the open
    scene.trade("2026-11-20T15:00:59Z", "13", "50")  // later than the close
    #expect(
      scene.take() == [
        "u AAPL 2026-11-20T15:00:00Z 9 10 9 10 v150 n2 w9.666666667 @3",
        "u AAPL 2026-11-20T15:00:00Z 9 13 9 13 v200 n3 w10.5 @4",
      ])
    scene.at("2026-11-20T15:02:00Z")
    #expect(
      scene.take() == [
        // Its trade came before the late ones, which were told under 3 and 4.
        "b AAPL 2026-11-20T15:01:00Z 12 12 12 12 v100 n1 w12 @5",
        "d AAPL 2026-11-20T05:00:00Z 9 13 9 12 v300 n4 w11 @4",
      ])
  }

  @Test func lateTradeOfAMinuteWithoutABarMakesOne() {
    scene.at("2026-11-20T15:02:30Z")
    scene.trade("2026-11-20T15:00:59Z", "10")
    #expect(
      scene.minutes() == ["u AAPL 2026-11-20T15:00:00Z 10 10 10 10 v100 n1 w10 @1"])
  }

  @Test func tooLateATradeChangesTheDayAlone() {
    scene.at("2026-11-20T15:03:00Z")
    scene.trade("2026-11-20T15:00:59Z", "10")
    #expect(scene.maker.counters.tooLate == 1)
    scene.at("2026-11-20T15:04:00Z")
    #expect(scene.take() == ["d AAPL 2026-11-20T05:00:00Z 10 10 10 10 v100 n1 w10 @1"])
  }

  @Test func tradeAheadOfTheClockWaitsForItsMinuteAndABrokenStampIsNotBelieved() {
    scene.at("2026-11-20T15:00:59Z")
    scene.trade("2026-11-20T15:01:00.5Z", "11")
    scene.trade("2026-11-20T15:00:59Z", "10")
    scene.trade("2226-11-20T15:00:59Z", "99")
    #expect(scene.maker.counters.tooEarly == 1)
    scene.at("2026-11-20T15:01:00Z")
    #expect(scene.minutes() == ["b AAPL 2026-11-20T15:00:00Z 10 10 10 10 v100 n1 w10 @2"])
    scene.at("2026-11-20T15:02:00Z")
    // Number 1 was before what was told already.
    #expect(scene.minutes() == ["b AAPL 2026-11-20T15:01:00Z 11 11 11 11 v100 n1 w11 @3"])
  }

  @Test(arguments: [
    (#"["@"]"#, "C", "10 12 10 12 v300 n3"), (#"["@","I"]"#, "C", "10 11 10 11 v300 n3"),
    (#"["M"]"#, "A", "10 11 10 11 v200 n2"), (#"["9"]"#, "A", "10 12 10 12 v200 n2"),
    (#"["B"]"#, "A", "10 11 10 11 v300 n3"), (#"["B"]"#, "C", "10 12 10 12 v300 n3"),
    (#"["W"]"#, "C", "10 11 10 11 v300 n3"), (#"["Z"]"#, "B", "10 12 10 11 v300 n3"),
    (#""I""#, "B", "10 11 10 11 v300 n3"), (#"[]"#, "C", "10 12 10 12 v300 n3"),
    (#"["@","F","X"]"#, "C", "10 12 10 12 v300 n3"), (#"["4","I"]"#, "C", "10 11 10 11 v300 n3"),
    (#"["@","T"]"#, "C", "10 11 10 11 v300 n3"), (#"["new"]"#, "C", "10 12 10 12 v300 n3"),
  ])
  func conditionsDecideWhatATradeChanges(conditions: String, tape: String, expected: String) {
    scene.at("2026-11-20T15:00:00Z")
    scene.trade("2026-11-20T15:00:01Z", "10")
    scene.trade("2026-11-20T15:00:02Z", "11")
    scene.trade("2026-11-20T15:00:03Z", "12", conditions: conditions, tape: tape)
    scene.at("2026-11-20T15:01:00Z")
    for bar in scene.take() { #expect(bar.contains(" \(expected) w"), "\(bar)") }
  }

  @Test func oddLotsAloneMakeNoBar() {
    scene.at("2026-11-20T15:00:00Z")
    scene.trade("2026-11-20T15:00:01Z", "10", "7", conditions: #"["@","I"]"#)
    scene.at("2026-11-20T15:01:00Z")
    #expect(scene.take() == [])
    scene.trade("2026-11-20T15:00:02Z", "11", conditions: #"["@"]"#)
    #expect(
      scene.minutes() == ["u AAPL 2026-11-20T15:00:00Z 11 11 11 11 v107 n2 w10.934579439 @2"])
  }

  /// A sold-last trade is open and close only for want of another.
  @Test func conditionalPriceGivesWayToAFirmOne() {
    scene.at("2026-11-20T15:00:00Z")
    scene.trade("2026-11-20T15:00:01Z", "9", conditions: #"["L"]"#)
    scene.trade("2026-11-20T15:00:02Z", "10")
    scene.trade("2026-11-20T15:00:03Z", "12", conditions: #"["L"]"#)
    scene.at("2026-11-20T15:01:00Z")
    scene.trade("2026-11-20T15:01:01Z", "9", conditions: #"["L"]"#)
    scene.trade("2026-11-20T15:01:02Z", "8", conditions: #"["L"]"#)
    scene.at("2026-11-20T15:02:00Z")
    #expect(
      scene.minutes() == [
        "b AAPL 2026-11-20T15:00:00Z 10 12 9 10 v300 n3 w10.333333333 @3",
        "b AAPL 2026-11-20T15:01:00Z 9 9 8 8 v200 n2 w8.5 @5",
      ])
  }

  /// 12:00Z is 7:00 in New York.
  @Test func formTMakesMinutesOutsideRegularHoursAndNoDay() {
    scene.at("2026-11-20T12:00:00Z")
    scene.trade("2026-11-20T12:00:01Z", "10", conditions: #"["@","T"]"#)
    scene.trade("2026-11-20T12:00:02Z", "99", conditions: #"["@","T","I"]"#)
    scene.at("2026-11-20T12:01:00Z")
    #expect(
      scene.take() == ["b AAPL 2026-11-20T12:00:00Z 10 10 10 10 v200 n2 w54.5 @2"])
  }

  @Test func daysAreNewYorksForStocksAndUTCsForCrypto() {
    scene.at("2026-11-20T23:59:00Z")
    scene.trade("2026-11-20T23:59:30Z", "10")
    scene.trade(of: "BTC/USD", "2026-11-20T23:59:30Z", "50000", "0.5")
    scene.at("2026-11-21T00:00:00Z")
    _ = scene.take()
    scene.trade("2026-11-21T00:00:30Z", "11")
    scene.trade(of: "BTC/USD", "2026-11-21T00:00:30Z", "51000", "0.25")
    scene.at("2026-11-21T00:01:00Z")
    #expect(
      scene.take().filter { $0.hasPrefix("d") } == [
        "d AAPL 2026-11-20T05:00:00Z 10 11 10 11 v200 n2 w10.5 @3",
        "d BTC/USD 2026-11-21T00:00:00Z 51000 51000 51000 51000 v0.25 n1 w51000 @4",
      ])
    let bitcoin = try! scene.symbols.intern("BTC/USD")
    #expect(scene.maker.previousDay(of: bitcoin)?.close.description == "50000")
    // Late, and of the day before: that one changes, and today's does not.
    scene.trade(of: "BTC/USD", "2026-11-20T23:59:59Z", "49000", "1")
    #expect(scene.maker.previousDay(of: bitcoin)?.low.description == "49000")
    scene.at("2026-11-21T00:02:00Z")
    #expect(scene.take().filter { $0.hasPrefix("d BTC") } == [])
    let apple = try! scene.symbols.intern("AAPL")
    #expect(scene.maker.previousDay(of: apple) == nil)
  }

  @Test func theEndTellsWhatIsOpenAndARestartForgetsIt() {
    scene.at("2026-11-20T15:00:00Z")
    scene.trade("2026-11-20T15:00:01Z", "10")
    scene.finish()
    #expect(scene.take().count == 2)
    scene.maker.restart()
    scene.at("2026-11-20T14:00:00Z")
    scene.trade("2026-11-20T14:00:01Z", "20")
    scene.at("2026-11-20T14:01:00Z")
    #expect(
      scene.take() == [
        "b AAPL 2026-11-20T14:00:00Z 20 20 20 20 v100 n1 w20 @2",
        "d AAPL 2026-11-20T05:00:00Z 20 20 20 20 v100 n1 w20 @2",
      ])
  }

  @Test func symbolsWhoseBarsTheFeedBringsHaveNoneMade() {
    scene.at("2026-11-20T15:00:00Z")
    scene.trade("2026-11-20T15:00:01Z", "10")
    scene.maker.leave(try! scene.symbols.intern("AAPL"))
    scene.trade("2026-11-20T15:00:02Z", "11")
    scene.at("2026-11-20T15:01:00Z")
    #expect(scene.take() == [])
  }
}
