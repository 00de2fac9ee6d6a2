import Bars
import MarketData
import Testing

@Suite struct NewYorkTimeTests {
  /// The moments at which clocks change, of every year, as the time zone database (2025) has them: the
  /// hash is of all 142, made by `h = (h * 31 + t) mod (2^61 - 1)`.
  @Test func clocksChangeWhenTheTimeZoneDatabaseSays() {
    var changes: [Int64] = []
    var hash: Int128 = 0
    // From 1967-01-01T00:00Z to 2038-01-01, by days, and by hours where something changed.
    let day: Int64 = 86_400
    for start in stride(from: Int64(-94_694_400), to: 2_145_916_800, by: Int(day)) {
      let before = NewYorkTime.offset(at: start)
      guard NewYorkTime.offset(at: start + day) != before else { continue }
      let hours = stride(from: start, through: start + day, by: 3_600)
      guard let hour = hours.first(where: { NewYorkTime.offset(at: $0) != before }) else {
        continue
      }
      changes.append(hour)
      hash = (hash * 31 + Int128(hour)) % ((1 << 61) - 1)
      if hash < 0 { hash += (1 << 61) - 1 }
    }
    #expect(changes.count == 142)
    #expect(changes.prefix(2) == [-84_387_600, -68_666_400])
    #expect(hash == 2_301_746_275_332_756_479)
  }

  @Test(arguments: [
    // Moment, day there, its beginning.
    ("2026-03-08T04:59:59.999999999Z", "2026-03-07", "2026-03-07T05:00:00Z"),
    ("2026-03-08T05:00:00Z", "2026-03-08", "2026-03-08T05:00:00Z"),
    ("2026-03-09T03:59:59Z", "2026-03-08", "2026-03-08T05:00:00Z"),
    ("2026-03-09T04:00:00Z", "2026-03-09", "2026-03-09T04:00:00Z"),
    ("2026-11-01T04:00:00Z", "2026-11-01", "2026-11-01T04:00:00Z"),
    ("2026-11-02T04:59:59Z", "2026-11-01", "2026-11-01T04:00:00Z"),
    ("2026-11-02T05:00:00Z", "2026-11-02", "2026-11-02T05:00:00Z"),
    ("1969-12-31T23:00:00Z", "1969-12-31", "1969-12-31T05:00:00Z"),
    ("1700-06-01T04:59:59Z", "1700-05-31", "1700-05-31T05:00:00Z"),
  ])
  func dayBeginsAtMidnightThere(moment: String, day: String, start: String) throws {
    let number = NewYorkTime.day(of: try #require(Timestamp(parsing: moment)))
    let noon = Timestamp(nanoseconds: number * 86_400_000_000_000)
    #expect(noon.description.hasPrefix(day))
    let begins = Timestamp(nanoseconds: NewYorkTime.start(ofDay: number) * 1_000_000_000)
    #expect(begins.description == start)
  }

  @Test func theEndsOfTimeDoNotTrap() {
    for nanoseconds in [Int64.min, .max] {
      let time = Timestamp(nanoseconds: nanoseconds)
      _ = NewYorkTime.start(ofDay: NewYorkTime.day(of: time))
      #expect((0..<86_400).contains(NewYorkTime.clockSeconds(of: time)))
    }
  }
}
