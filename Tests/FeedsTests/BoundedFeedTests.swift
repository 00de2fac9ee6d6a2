import Feeds
import MarketData
import Testing

@Suite struct BoundedFeedTests {
  /// 2026-11-20T00:00:00Z.
  private static let midnight: Int64 = 1_795_132_800_000

  private func moment(_ text: String) throws -> FeedMoment {
    try #require(FeedMoment(parsing: text))
  }

  /// Events at 10:00:00 to 10:00:04 of 2026-11-20.
  private func source(_ seconds: ClosedRange<Int64> = 0...4) -> ListedSource {
    ListedSource(milliseconds: seconds.map { BoundedFeedTests.midnight + 36_000_000 + $0 * 1_000 })
  }

  private func read(_ feed: BoundedFeed) throws -> [String] {
    try feed.all().map {
      let first = BoundedFeedTests.midnight + 36_000_000
      let seconds = ($0.time.nanoseconds / 1_000_000 - first) / 1_000
      return "\($0.isPassed ? "passed " : "")\($0.position)@\(seconds)"
    }
  }

  private func feed(start: String? = nil, end: String? = nil) throws -> BoundedFeed {
    BoundedFeed(
      source(),
      try FeedBounds(start: try start.map { try moment($0) }, end: try end.map { try moment($0) }))
  }

  @Test(
    arguments: [
      ("2026-11-20T10:00:02Z", nil, ["passed 1@2", "passed 2@2", "3@2", "4@3", "5@4"]),
      ("10:00:02", "10:00:04", ["passed 1@2", "passed 2@2", "3@2", "4@3"]),
      (nil, "2026-11-20T11:00:01+01:00", ["1@0"]),
      ("10:00:01.5", "10:00:02.000000001", ["passed 1@1", "passed 2@1", "3@2"]),
      ("09:00", nil, ["1@0", "2@1", "3@2", "4@3", "5@4"]),
      ("2026-11-19T10:00:00Z", "23:59:59", ["1@0", "2@1", "3@2", "4@3", "5@4"]),
    ] as [(String?, String?, [String])])
  func startIsInclusiveAndEndIsNot(_ start: String?, _ end: String?, _ expected: [String]) throws {
    let feed = try feed(start: start, end: end)
    #expect(try read(feed) == expected)
    #expect(try feed.next() == nil)
    try feed.rewind()
    #expect(try read(feed) == expected)
  }

  @Test func nothingBetweenTheBoundsIsAnErrorThatSaysWhatIsThere() throws {
    for (start, end, words) in [
      ("10:00:02.1", "10:00:02.9", "the last before is at 2026-11-20T10:00:02Z"),
      ("10:00:02.1", "10:00:02.9", "the next is at 2026-11-20T10:00:03Z"),
      ("11:00", "12:00", "the last before is at 2026-11-20T10:00:04Z"),
      ("08:00", "09:00", "the next is at 2026-11-20T10:00:00Z"),
    ] {
      let error = #expect(throws: FeedsError.self) {
        try feed(start: start, end: end).all()
      }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
      #expect(error?.description.contains("--start") == true)
    }
  }

  @Test func boundsThatAreNoneAreRefused() throws {
    for (start, end) in [
      ("10:00", "10:00"), ("10:01", "10:00"),
      ("2026-11-20T10:00:00Z", "2026-11-20T09:00:00Z"),
    ] {
      #expect(throws: FeedsError.self) { try feed(start: start, end: end) }
    }
    // Of a time and a time of day the feed's first day decides.
    #expect(throws: FeedsError.self) {
      try feed(start: "2026-11-21T00:00:00Z", end: "10:00").next()
    }
  }

  @Test(arguments: [
    "", "10", "10:0", "1:00", "24:00", "10:60", "10:00:60", "10:00:00Z", "10:00:00+01:00",
    "2026-11-20", "2026-11-20T10:00:00", "10:00:00.", "-1:00", "10:00:00.0000000001", "now",
    "T10:00", "10:00\u{0}", "１０:００",
  ])
  func otherTimesAreRefused(_ text: String) { #expect(FeedMoment(parsing: text) == nil) }

  @Test func timesOfDayAreOfTheFirstDayAlsoBefore1970AndAtTheEndsOfTime() throws {
    let noon = try moment("12:00")
    #expect(
      noon.resolved(first: Timestamp(nanoseconds: -1)).nanoseconds == -43_200_000_000_000)
    for first in [Int64.min, .min + 1, .max - 1, .max] {
      _ = noon.resolved(first: Timestamp(nanoseconds: first))
      _ = try moment("23:59:59.999999999").resolved(first: Timestamp(nanoseconds: first))
    }
  }
}
