import Testing

@testable import Portfolio

@Suite struct InstantTests {
  @Test func everyFormOfTheSDKIsRead() {
    let expected: Int64 = 1_795_242_180_000_000
    for text in [
      "2026-11-21T06:23:00Z", "2026-11-21t06:23:00z", "2026-11-21T06:23:00+00:00",
      "2026-11-21T11:53:00+05:30", "2026-11-21T01:23:00-05:00", "2026-11-21 06:23:00Z",
      "2026-11-21T06:23:00.000000000Z",
    ] {
      #expect(Instant.microseconds(parsing: text) == expected, "\(text)")
    }
    #expect(Instant.microseconds(parsing: "2026-11-21") == 1_795_219_200_000_000)
    #expect(Instant.microseconds(parsing: "2026-11-21T06:23:00.1234567Z") == expected + 123_456)
    #expect(Instant.microseconds(parsing: "2026-11-21T06:23:00.5Z") == expected + 500_000)
  }

  @Test func whatIsNoTimeIsRefused() {
    for text in [
      "", "now", "1795242180", "2026-11-21T06:23:00", "2026-11-21T06:23Z", "2026-11-31",
      "2026-02-29", "2026-13-01", "2026-11-21T24:00:00Z", "2026-11-21T06:60:00Z",
      "2026-11-21T06:23:60Z", "2026-11-21T06:23:00.Z", "2026-11-21T06:23:00+0530",
      "2026-11-21T06:23:00 00:00", "2026-11-21T06:23:00Zx", "2026-1-1", "20261121", "+026-11-21",
      "2026-11-21T", "\u{662}026-11-21",
    ] {
      #expect(Instant.microseconds(parsing: text) == nil, "\(text)")
    }
  }

  /// Whatever the document calls a date-time is taken, also where Postgres has no such time.
  @Test func everyYearOfFourDigitsIsTaken() {
    #expect(Instant.microseconds(parsing: "0000-01-01T00:00:00Z") == Instant.range.lowerBound)
    #expect(Instant.microseconds(parsing: "0001-01-01T00:00:00Z") == Instant.range.lowerBound)
    #expect(
      Instant.microseconds(parsing: "9999-12-31T23:59:59.999999Z") == Instant.range.upperBound)
    #expect(Instant.microseconds(parsing: "9999-12-31T23:59:59-23:59") == Instant.range.upperBound)
  }

  @Test func aTimeIsWrittenInUTC() {
    #expect(Instant.text(1_795_242_180_000_000) == "2026-11-21T06:23:00Z")
    #expect(Instant.text(1_795_242_180_123_456) == "2026-11-21T06:23:00.123456Z")
    #expect(Instant.text(.max) == "2262-04-11T23:47:16.854775Z")
  }
}
