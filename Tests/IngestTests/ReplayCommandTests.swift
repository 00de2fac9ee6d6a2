import Feeds
import MarketData
import Testing

@testable import Ingest

@Suite struct ReplayCommandTests {
  private func command(_ text: String) throws(ReplayRefusal) -> ReplayCommand {
    try ReplayCommand(json: Array(text.utf8))
  }

  private func words(_ text: String) -> String {
    do throws(ReplayRefusal) {
      return "taken: \(try command(text))"
    } catch {
      switch error {
      case .malformed(let words): return "400 \(words)"
      case .unprocessable(let words): return "422 \(words)"
      case .unreadable(let words): return "503 \(words)"
      }
    }
  }

  @Test func everyActionIsRead() throws {
    let expected: [(String, ReplayCommand)] = [
      (#"{"action":"pause"}"#, .pause), (#" { "action" : "resume" } "#, .resume),
      (#"{"action":"step"}"#, .step), (#"{"action":"restart"}"#, .restart),
      (#"{"to":"14:30","action":"seek"}"#, .seek(.timeOfDay(nanoseconds: 52_200_000_000_000))),
      (
        #"{"action":"seek","to":"1970-01-01T00:00:01Z"}"#,
        .seek(.instant(Timestamp(nanoseconds: 1_000_000_000)))
      ),
      (#"{"action":"seek","by":-2.5}"#, .seekBy(nanoseconds: -2_500_000_000)),
      (#"{"action":"speed","speed":0.5}"#, .speed(try FeedSpeed(parsing: "0.5"))),
      (#"{"action":"speed","speed":"max"}"#, .speed(.max)),
      (#"{"action":"loop","loop":false}"#, .loop(false)),
      (#"{"\u0061ction":"p\u0061use"}"#, .pause),
    ]
    for (text, wanted) in expected { #expect(try command(text) == wanted, "\(text)") }
  }

  @Test(arguments: [
    ("", "400 malformed JSON at byte 0"), ("{", "400 malformed JSON at byte 1"),
    (#"{"action":"pause"} x"#, "400 malformed JSON at byte 19"),
    (#"{"action":"pause",}"#, "400 malformed JSON"), ("\u{FEFF}{}", "400 malformed JSON"),
    ("[]", "422 the body must be a JSON object"), ("null", "422 the body must be"),
    ("{}", "422 action is missing"), (#"{"action":null}"#, "422 action must be a string"),
    (#"{"action":"Pause"}"#, "422 action must be one of"),
    (#"{"action":"pause","to":"14:30"}"#, "422 to does not go with pause"),
    (#"{"action":"pause","action":"pause"}"#, "422 action: it is there twice"),
    (#"{"action":"pause","extra":1}"#, "422 extra: there is no such member"),
    (#"{"action":"seek"}"#, "422 to is missing"),
    (#"{"action":"seek","to":"14:30","by":1}"#, "422 by does not go with to"),
    (#"{"action":"seek","to":"noon"}"#, "422 to must be a time such as"),
    (#"{"action":"seek","to":5}"#, "422 to must be"),
    (#"{"action":"seek","by":"5"}"#, "422 by must be a number of seconds"),
    (#"{"action":"seek","by":1e300}"#, "422 by must be"),
    (#"{"action":"speed"}"#, "422 speed is missing"),
    (#"{"action":"speed","speed":0}"#, "422 speed must be"),
    (#"{"action":"speed","speed":-1}"#, "422 speed must be"),
    (#"{"action":"speed","speed":1000001}"#, "422 speed must be"),
    (#"{"action":"speed","speed":"fast"}"#, "422 speed must be"),
    (#"{"action":"speed","speed":[1]}"#, "422 speed must be"),
    (#"{"action":"loop","loop":1}"#, "422 loop must be true or false"),
    (#"{"action":"loop","loop":"true"}"#, "422 loop must be"),
  ])
  func everythingElseIsRefusedAndNamed(_ text: String, _ beginning: String) {
    #expect(words(text).hasPrefix(beginning), "\(text): \(words(text))")
  }

  @Test func aLongNameIsCut() {
    #expect(words(#"{"\#(String(repeating: "x", count: 5_000))":1}"#).count < 200)
  }

  @Test func theStateIsJSON() {
    var status = ReplayStatus(
      state: .seeking, source: "a \"tape\"", sequence: SequenceNumber(epoch: 5, number: 7),
      time: nil, speed: .max, loops: true, passes: 2)
    #expect(
      String(decoding: status.json, as: UTF8.self)
        == #"{"state":"seeking","source":"a \"tape\"","epoch":5,"position":7,"time":null,"#
        + #""speed":"max","loop":true,"passes":2}"#)
    status.speed = .realTime
    status.time = Timestamp(nanoseconds: 1_500_000_000)
    #expect(
      String(decoding: status.json, as: UTF8.self)
        .contains(#""time":"1970-01-01T00:00:01.5Z","speed":1,"#))
  }
}
