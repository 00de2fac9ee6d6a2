import Glibc
import MarketData
import TestSupport
import Testing

@testable import Feeds

@Suite struct RecordingTapeTests {
  /// A directory of a test's own, gone with the object.
  private final class Directory {
    let path: String

    init() {
      var template = Array("/tmp/feeds-record-XXXXXX".utf8CString)
      path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
      for name in names { unlink("\(path)/\(name)") }
      rmdir(path)
    }

    var names: [String] {
      guard let folder = opendir(path) else { return [] }
      defer { closedir(folder) }
      var names: [String] = []
      while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.first != "." { names.append(name) }
      }
      return names.sorted()
    }
  }

  private func append(_ text: String, to tape: RecordingTape) throws {
    var text = text
    try text.withUTF8 { try tape.append(UnsafeRawBufferPointer($0)) }
  }

  private func trade(_ size: Int) -> String {
    "{\"T\":\"t\",\"S\":\"AAPL\",\"t\":\"2026-11-20T14:30:00Z\",\"p\":1.5,\"s\":\(size)}"
  }

  /// What a reader gets of the file as it lies there now.
  private func sizes(_ path: String) throws -> [Int64] {
    let tape = try NativeTape(path: path, context: FeedContext())
    var sizes: [Int64] = []
    while let item = try tape.next() {
      if case .trade(let trade) = item.event { sizes.append(trade.size.nanos / Decimal9.scale) }
    }
    return sizes
  }

  @Test(arguments: ["tape.ndjson", "tape.ndjson.gz"])
  func whatWasFlushedIsReadableWhateverFollows(name: String) throws {
    let directory = Directory()
    let path = "\(directory.path)/\(name)"
    let tape = try RecordingTape(path: path, nowMilliseconds: 0)
    for size in 1...1_000 { try append(trade(size), to: tape) }
    try tape.flush(nowMilliseconds: 1_000)
    for size in 1_001...1_500 { try append(trade(size), to: tape) }
    // The process might die here: nothing is closed.
    #expect(try sizes(path) == (1...1_000).map { Int64($0) })
    #expect(tape.fileBytes == UInt64(TemporaryTape.read(path).count))
    try tape.flush(nowMilliseconds: 2_000)
    #expect(try sizes(path).count == 1_500)
    try tape.finish()
    #expect(try sizes(path).count == 1_500)
    #expect(tape.lines == 1_500)
    let context = FeedContext()
    _ = try NativeTape(path: path, context: context).all()
    #expect(context.counters.damagedFiles == 0)
  }

  @Test func lineBreaksBetweenTokensBecomeSpaces() throws {
    let directory = Directory()
    let path = "\(directory.path)/tape.ndjson"
    let tape = try RecordingTape(path: path, nowMilliseconds: 0)
    try append("{\n\"a\":\r\n1}", to: tape)
    try tape.finish()
    #expect(String(decoding: TemporaryTape.read(path), as: UTF8.self) == "{ \"a\":  1}\n")
  }

  @Test func aFileThatIsThereIsNotTouched() throws {
    let directory = Directory()
    let path = "\(directory.path)/tape.ndjson"
    try RecordingTape(path: path, nowMilliseconds: 0).finish()
    let error = #expect(throws: FeedsError.self) {
      try RecordingTape(path: path, nowMilliseconds: 0)
    }
    #expect(error?.code == .alreadyThere)
    #expect(error?.description == "\(path): File exists")
  }

  @Test func itGoesOnInANewFileBySizeAndByTime() throws {
    let directory = Directory()
    let base = "\(directory.path)/a.b.ndjson"
    // An earlier recording's file keeps its name.
    try RecordingTape(
      path: base, rotation: RecordingRotation(fileBytes: 1), nowMilliseconds: 0
    ).finish()
    let tape = try RecordingTape(
      path: base, rotation: RecordingRotation(fileBytes: 10_000, milliseconds: 60_000),
      nowMilliseconds: 0)
    #expect(tape.path == "\(directory.path)/a-0002.b.ndjson")
    for size in 1...200 { try append(trade(size), to: tape) }
    try tape.flush(nowMilliseconds: 1_000)
    try append(trade(201), to: tape)
    try tape.flush(nowMilliseconds: 60_999)
    #expect(tape.files == 2)
    try tape.flush(nowMilliseconds: 61_000)
    // Nothing came: no empty file after another.
    try tape.flush(nowMilliseconds: 200_000)
    #expect(tape.files == 3)
    try append(trade(202), to: tape)
    try tape.finish()
    #expect(
      directory.names == [
        "a-0001.b.ndjson", "a-0002.b.ndjson", "a-0003.b.ndjson", "a-0004.b.ndjson",
      ])
    let all = try directory.names.dropFirst().flatMap { try sizes("\(directory.path)/\($0)") }
    #expect(all == (1...202).map { Int64($0) })
    #expect(
      tape.fileBytes
        == directory.names.reduce(0) {
          $0 + UInt64(TemporaryTape.read("\(directory.path)/\($1)").count)
        })
  }

  @Test(arguments: [
    ("tape.ndjson.gz", "tape-0007.ndjson.gz"), ("/a.b/tape", "/a.b/tape-0007"),
    (".hidden.gz", ".hidden-0007.gz"), ("x", "x-0007"),
  ])
  func numbersStandBeforeTheEndings(path: String, numbered: String) {
    #expect(RecordingRotation.path(path, number: 7) == numbered)
  }

  /// In a process of its own: the limit on a file's size is the process's. It fails a write as a
  /// full disk does.
  @Test func aFailedWriteKeepsWhatWasFlushed() async {
    await #expect(processExitsWith: .success) {
      await Task.yield()  // an exit test's body is async
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      for name in ["tape.ndjson", "tape.ndjson.gz"] {
        let directory = Directory()
        let path = "\(directory.path)/\(name)"
        let tape = try RecordingTape(path: path, nowMilliseconds: 0)
        var random = SplitMix64(seed: 1)
        var flushed: UInt64 = 0
        var failure: FeedsError?
        while failure == nil {
          for _ in 0..<50 {
            let text =
              "{\"T\":\"t\",\"S\":\"AAPL\",\"t\":\"2026-11-20T14:30:00Z\",\"p\":1.5,\"s\":1,"
              + "\"u\":\"\(random.next())\"}"
            let bytes = Array(text.utf8)
            try bytes.withUnsafeBytes { try tape.append($0) }
          }
          do {
            try tape.flush(nowMilliseconds: 0)
            flushed = tape.lines
          } catch {
            failure = error as? FeedsError
          }
        }
        #expect(failure?.code == .cannotWrite)
        #expect(failure?.description == "\(path): File too large")
        #expect(tape.lines == flushed)
        let report = try TapeReport.read(.file(path: path))
        #expect(report.counts.sum == flushed)
        #expect(report.counters.malformedLines == 0)
        #expect(tape.fileBytes == report.fileBytes)
        try tape.finish()
      }
    }
  }
}
