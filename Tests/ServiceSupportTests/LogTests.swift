import Glibc
import Logging
import Testing

@testable import ServiceSupport

@Suite struct LogTests {
  /// 2026-11-21T10:00:00.123456789Z
  private static let time: Int64 = 1_795_255_200_123_456_789

  private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> String {
    LogLine.text(
      time: Self.time, level: .info, label: "gateway", message: message, metadata: metadata)
  }

  @Test func recordIsOneLineWithSortedMetadata() {
    #expect(
      line("client closed", ["reason": "slow client", "code": "407"])
        == #"2026-11-21T10:00:00.123Z info gateway: client closed code=407 reason="slow client""#)
    #expect(line("x", ["e": "", "q": "a\"b"]).hasSuffix(#"x e="" q="a\"b""#))
  }

  @Test func textFromOutsideCannotForgeALineOrCommandATerminal() {
    #expect(line("a\nb\r\u{1B}[31m\u{85}").hasSuffix(#"gateway: a\nb\r\u{1B}[31m\u{85}"#))
    #expect(line("x", ["k": "v\nw"]).hasSuffix(#"k=v\nw"#))
  }

  @Test func handlerWritesItsLevelAndAbove() throws {
    let (reader, writer) = try pipeEnds()
    defer { close(reader) }
    var logger = Logger(label: "feed") { label in
      StandardErrorLog(
        label: label, level: .info, output: LogOutput(descriptor: writer), now: { Self.time })
    }
    logger[metadataKey: "tape"] = "demo"
    logger.debug("not this")
    logger.warning("this", metadata: ["line": "7"])
    close(writer)
    #expect(
      read(all: reader) == "2026-11-21T10:00:00.123Z warning feed: this line=7 tape=demo\n")
  }

  @Test func fullPipeDropsLinesInsteadOfBlockingAndSaysSo() throws {
    let (reader, writer) = try pipeEnds()
    defer { close(reader) }
    let output = LogOutput(descriptor: writer)
    let text = String(repeating: "x", count: 10_000)
    for _ in 0..<100 { output.write(text) }  // would hang here
    // 64 KiB of pipe hold 16 lines, each cut at 4 KiB.
    #expect(output.droppedCount == 84)
    #expect(read(reader, count: 8_192).utf8.count == 8_192)
    output.write("again")
    close(writer)
    let rest = read(all: reader)
    #expect(rest.hasSuffix("... 84 log lines dropped: the reader does not keep up\nagain\n"))
    #expect(rest.split(separator: "\n").allSatisfy { $0.utf8.count < 4_096 })
  }

  private func pipeEnds() throws -> (Int32, Int32) {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    return (ends[0], ends[1])
  }

  private func read(_ descriptor: Int32, count: Int) -> String {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = Glibc.read(descriptor, &bytes, count)
    return String(decoding: bytes[..<max(0, got)], as: UTF8.self)
  }

  private func read(all descriptor: Int32) -> String {
    var text = ""
    while case let part = read(descriptor, count: 65_536), !part.isEmpty { text += part }
    return text
  }
}

@Suite struct RateLimitedLogTests {
  @Test func saysTheFirstOfAKindAndCountsTheRest() {
    let recorder = LogRecorder()
    var now: UInt64 = 0
    let log = RateLimitedLog(
      recorder.logger(), burst: 2, intervalMilliseconds: 1_000, now: { now })
    for number in 1...5 { log.log(.warning, kind: "tape", "line \(number)") }
    log.log(.info, kind: "other", "of its own")
    #expect(recorder.lines == ["warning line 1", "warning line 2", "info of its own"])
    now = 999
    log.flush()
    log.log(.warning, kind: "tape", "line 6")
    #expect(recorder.lines.count == 3)
    now = 1_000
    log.log(.warning, kind: "tape", "line 7")
    #expect(
      recorder.lines.suffix(2) == ["warning tape: ... 4 more suppressed", "warning line 7"])
  }

  @Test func flushSaysWhatIsLeft() {
    let recorder = LogRecorder()
    var now: UInt64 = 0
    let log = RateLimitedLog(
      recorder.logger(), burst: 1, intervalMilliseconds: 1_000, now: { now })
    for _ in 0..<3 { log.log(.error, kind: "a", "x") }
    now = 2_000
    log.flush()
    #expect(recorder.lines == ["error x", "error a: ... 2 more suppressed"])
    log.flush(all: true)
    #expect(recorder.lines.count == 2)
  }

  @Test func kindsAreBounded() {
    let recorder = LogRecorder()
    let log = RateLimitedLog(recorder.logger(), burst: 1, now: { 0 })
    for number in 0..<1_000 { log.log(.error, kind: "kind \(number)", "x") }
    #expect(recorder.lines.count == ServiceSupportLimits.logKindsMax)
    log.flush(all: true)
    #expect(recorder.lines.last?.hasSuffix("... 936 more suppressed") == true)
  }

  @Test func messageBelowTheLevelIsNotEvenBuilt() {
    let recorder = LogRecorder()
    let log = RateLimitedLog(recorder.logger(level: .error), now: { 0 })
    log.log(.info, kind: "a", "\({ () -> String in Issue.record("built"); return "" }())")
    #expect(recorder.lines.isEmpty)
  }
}
