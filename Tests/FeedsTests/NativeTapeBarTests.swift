import Feeds
import MarketData
import Testing

@Suite struct NativeTapeBarTests {
  private func line(_ kind: String, _ values: String) -> String {
    #"{"T":"\#(kind)","S":"AAPL","t":"2024-08-08T13:30:00Z",\#(values)}"#
  }

  @Test func barsOfEveryKindAreReadExactly() throws {
    let values = #""o":1,"h":2.5,"l":0.000000001,"c":1.5,"v":98765432109876.5,"n":12,"vw":1.25"#
    let tape = TemporaryTape(
      [line("b", values), line("u", values), line("d", values)].joined(separator: "\n"))
    let source = try NativeTape(path: tape.path, context: FeedContext())
    let items = try source.all()
    #expect(items.count == 3)
    for (item, expected) in zip(items, [BarKind.minute, .updated, .daily]) {
      guard case .bar(let bar, let kind) = item.event else {
        Issue.record("kind")
        return
      }
      #expect(kind == expected && bar.tradeCount == 12 && bar.vwap?.description == "1.25")
      #expect(bar.volume.description == "98765432109876.5" && bar.low.nanos == 1)
      #expect(bar.start == Timestamp(parsing: "2024-08-08T13:30:00Z"))
    }
  }

  /// A minute is told after its end, with its beginning as its time.
  @Test func barIsNotOutOfOrderForBeingToldAtItsEnd() throws {
    let trade = #"{"T":"t","S":"AAPL","p":1,"s":1,"t":"2024-08-08T13:31:00Z"}"#
    let values = #""o":1,"h":2,"l":1,"c":1,"v":1,"n":null,"vw":null"#
    let tape = TemporaryTape([trade, line("b", values)].joined(separator: "\n"))
    let source = try NativeTape(path: tape.path, context: FeedContext())
    let items = try source.all()
    #expect(items.map(\.time).last == Timestamp(parsing: "2024-08-08T13:31:00Z"))
    #expect(source.context.counters.outOfOrder == 0)
  }

  @Test(arguments: [
    #""o":1,"h":2,"l":1,"c":1,"n":1,"vw":1"#, #""o":1,"h":2,"l":1,"c":1,"v":-1,"n":1,"vw":1"#,
    #""o":1,"h":2,"l":1,"c":1,"v":"1","n":1,"vw":1"#, #""o":1,"h":2,"l":1,"c":1,"v":1,"n":-1"#,
    #""o":1,"h":2,"l":1,"c":["@"],"v":1,"n":1"#, #""o":1,"h":2,"l":1,"c":1,"v":1,"n":1.5"#,
    #""o":1,"h":2,"l":1,"c":1,"v":1e99,"n":1"#, #""o":null,"h":2,"l":1,"c":1,"v":1,"n":1"#,
  ])
  func malformedBarIsSkippedAndReported(values: String) throws {
    let reports = Reports()
    let tape = TemporaryTape(line("b", values))
    let source = try NativeTape(path: tape.path, context: reports.context())
    #expect(try source.all().isEmpty)
    #expect(reports.problems.map(\.line) == [1])
  }
}
