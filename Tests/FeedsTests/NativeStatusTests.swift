import Feeds
import MarketData
import Testing

@Suite struct NativeStatusTests {
  private let lines = [
    #"{"T":"s","S":"AAPL","t":"2024-08-08T13:30:00Z","sc":"H","sm":"Halted","rc":"T1","rm":"","z":"C"}"#,
    #"{"T":"x","S":"AAPL","t":"2024-08-08T13:30:01Z","x":"Q","p":1.5,"s":10,"i":3,"a":"C","z":"C"}"#,
    #"{"T":"c","S":"AAPL","t":"2024-08-08T13:30:02Z","x":"Q","oi":3,"op":1,"os":1,"oc":["@"],"ci":4,"cp":1.1,"cs":2,"cc":[],"z":"C"}"#,
  ]

  @Test func whatIsReadIsWrittenTheSame() throws {
    let tape = TemporaryTape(lines.joined(separator: "\n") + "\n")
    let source = try NativeTape(path: tape.path, context: FeedContext())
    let copy = TemporaryTape(name: "copy.ndjson")
    let writer = try TapeWriter(path: copy.path, context: source.context)
    var kinds: [String] = []
    while let item = try source.next() {
      switch item.event {
      case .status(let status):
        #expect(source.context.codes.text(of: status.statusMessage) == "Halted")
        kinds.append("status")
      case .cancel(let cancel):
        #expect(cancel.id == 3 && source.context.codes.text(of: cancel.action) == "C")
        kinds.append("cancel")
      case .correction(let correction):
        #expect(correction.corrected.price == Decimal9(parsing: "1.1"))
        kinds.append("correction")
      default: Issue.record("\(item.text)")
      }
      try writer.append(item.event)
    }
    try writer.finish()
    #expect(kinds == ["status", "cancel", "correction"])
    #expect(copy.bytes == tape.bytes)
    #expect(source.context.counters.skippedMessages == 0)
  }

  @Test func aMissingOrWrongFieldIsReportedAndTheLineSkipped() throws {
    let broken = [
      lines[0].replacing("\"sc\":\"H\"", with: "\"sc\":5"),
      lines[1].replacing("\"p\":1.5,", with: ""),
      lines[2].replacing("\"cs\":2", with: "\"cs\":-2"),
      lines[2].replacing("\"op\":1,", with: ""),
      lines[2].replacing("[\"@\"]", with: "[1]"),
    ]
    let reports = Reports()
    let tape = TemporaryTape(broken.joined(separator: "\n"))
    let source = try NativeTape(path: tape.path, context: reports.context())
    #expect(try source.all().isEmpty)
    #expect(
      reports.problems.map(\.reason) == [
        "the value of \"sc\" is not valid", "\"p\" is missing", "the value of \"cs\" is not valid",
        "\"op\" is missing", "the value of \"oc\" is not valid",
      ])
  }

  @Test func theirTimesAreMovedLikeAllOthers() throws {
    let tape = TemporaryTape(lines.joined(separator: "\n"))
    let player = FeedPlayer(
      source: try NativeTape(path: tape.path, context: FeedContext()),
      clock: FeedClock(speed: .max, timestamps: .rebased))
    let wall = Timestamp(nanoseconds: 1_795_242_180_000_000_000)
    var times: [Timestamp] = []
    while case .item(let item) = try player.step(monotonicNanoseconds: 5, wall: wall) {
      switch item.event {
      case .status(let status): times.append(status.timestamp)
      case .cancel(let cancel): times.append(cancel.timestamp)
      case .correction(let correction): times.append(correction.timestamp)
      default: Issue.record("\(item.text)")
      }
    }
    #expect(times == [wall, wall, wall])
  }
}
