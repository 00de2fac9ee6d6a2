import MarketData
import TestSupport
import Testing

@Suite struct TimestampTextTests {
  @Test(arguments: [
    ("2026-11-21T06:23:00.123456789Z", 1_795_242_180_123_456_789),
    ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999999999Z", -1),
    ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
    ("2026-11-21T11:53:00.5+05:30", 1_795_242_180_500_000_000),
    ("2026-11-21T01:23:00-05:00", 1_795_242_180_000_000_000),
    ("2026-11-21t06:23:00.1z", 1_795_242_180_100_000_000),
    ("2262-04-11T23:47:16.854775807Z", Int64.max), ("1677-09-21T00:12:43.145224192Z", Int64.min),
  ])
  func rfc3339IsReadToTheNanosecond(text: String, nanoseconds: Int64) {
    #expect(Timestamp(parsing: text)?.nanoseconds == nanoseconds)
  }

  @Test(arguments: [
    "", "2026-11-21", "2026-11-21T06:23:00", "2026-11-21 06:23:00Z", "2026-11-21T06:23:00.Z",
    "2026-11-21T06:23:00.1234567890Z", "2026-11-21T06:23:60Z", "2026-11-21T24:00:00Z",
    "2026-11-21T06:60:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-04-31T00:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-11-21T06:23:00ZZ",
    "2026-11-21T06:23:00+5:30", "2026-11-21T06:23:00+0530", "2026-11-21T06:23:00+24:00",
    "2262-04-11T23:47:16.854775808Z", "1677-09-21T00:12:43.145224191Z", "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "2026-11-2xT06:23:00Z", "+026-11-21T06:23:00Z",
    "2026-11-21T06:23:00.1+",
    "2026-11-21T06:23:00.12345678901234567890123456789Z", "2026-11-21T06:23:00.5",
  ])
  func whatIsNoTimeIsRefused(text: String) {
    #expect(Timestamp(parsing: text) == nil)
  }

  @Test(arguments: [
    (1_795_242_180_123_456_789, "2026-11-21T06:23:00.123456789Z"),
    (1_795_242_180_100_000_000, "2026-11-21T06:23:00.1Z"), (0, "1970-01-01T00:00:00Z"),
    (-1, "1969-12-31T23:59:59.999999999Z"), (Int64.max, "2262-04-11T23:47:16.854775807Z"),
    (Int64.min, "1677-09-21T00:12:43.145224192Z"),
    (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
  ])
  func shortestFormIsWritten(nanoseconds: Int64, text: String) {
    #expect(Timestamp(nanoseconds: nanoseconds).description == text)
  }

  @Test func everyTimeReadsBack() {
    var random = SplitMix64(seed: 12)
    for _ in 0..<10_000 {
      let nanoseconds = Int64(bitPattern: random.next())
      let text = Timestamp(nanoseconds: nanoseconds).description
      guard Timestamp(parsing: text)?.nanoseconds == nanoseconds else {
        Issue.record("seed 12: \(nanoseconds) became \(text)")
        return
      }
    }
  }

  // Walks the calendar day by day beside a counter, so that leap years cannot be wrong alike.
  @Test func everyDayFrom1970To2261HasItsDate() {
    var (year, month, day) = (1970, 1, 1)
    for number in 0..<106_650 {
      func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
      let date = "\(year)-\(two(month))-\(two(day))T00:00:00Z"
      let timestamp = Timestamp(nanoseconds: Int64(number) * 86_400_000_000_000)
      guard timestamp.description == date, Timestamp(parsing: date) == timestamp else {
        Issue.record("day \(number) is \(date), not \(timestamp)")
        return
      }
      day += 1
      if day > ModelDate.length(year, month) { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
    }
  }
}
