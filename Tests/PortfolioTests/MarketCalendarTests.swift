import MarketData
import Testing

@testable import Portfolio

// The exchange's own notices (nyse.com, Holidays and Trading Hours), copied by hand: what it closed
// for on weekdays, and what it shortened.
@Suite struct MarketCalendarTests {
  private static let closed: [Int64: [String]] = [
    2018: [
      "01-01", "01-15", "02-19", "03-30", "05-28", "07-04", "09-03", "11-22", "12-05", "12-25",
    ],
    2019: ["01-01", "01-21", "02-18", "04-19", "05-27", "07-04", "09-02", "11-28", "12-25"],
    2020: ["01-01", "01-20", "02-17", "04-10", "05-25", "07-03", "09-07", "11-26", "12-25"],
    2021: ["01-01", "01-18", "02-15", "04-02", "05-31", "07-05", "09-06", "11-25", "12-24"],
    2022: ["01-17", "02-21", "04-15", "05-30", "06-20", "07-04", "09-05", "11-24", "12-26"],
    2023: [
      "01-02", "01-16", "02-20", "04-07", "05-29", "06-19", "07-04", "09-04", "11-23", "12-25",
    ],
    2024: [
      "01-01", "01-15", "02-19", "03-29", "05-27", "06-19", "07-04", "09-02", "11-28", "12-25",
    ],
    2025: [
      "01-01", "01-09", "01-20", "02-17", "04-18", "05-26", "06-19", "07-04", "09-01", "11-27",
      "12-25",
    ],
    2026: [
      "01-01", "01-19", "02-16", "04-03", "05-25", "06-19", "07-03", "09-07", "11-26", "12-25",
    ],
    2027: [
      "01-01", "01-18", "02-15", "03-26", "05-31", "06-18", "07-05", "09-06", "11-25", "12-24",
    ],
    2028: ["01-17", "02-21", "04-14", "05-29", "06-19", "07-04", "09-04", "11-23", "12-25"],
  ]

  private static let half: [Int64: [String]] = [
    2018: ["07-03", "11-23", "12-24"], 2019: ["07-03", "11-29", "12-24"], 2020: ["11-27", "12-24"],
    2021: ["11-26"], 2022: ["11-25"], 2023: ["07-03", "11-24"],
    2024: ["07-03", "11-29", "12-24"], 2025: ["07-03", "11-28", "12-24"], 2026: ["11-27", "12-24"],
    2027: ["11-26"], 2028: ["07-03", "11-24"],
  ]

  @Test(arguments: closed.keys.sorted()) func everyDayIsAsTheExchangeAnnouncedIt(year: Int64) throws
  {
    let start = try #require(CivilDate(year: year, month: 1, day: 1)).daysSinceEpoch
    let end = try #require(CivilDate(year: year, month: 12, day: 31)).daysSinceEpoch
    var closed: [String] = []
    var half: [String] = []
    for number in start...end {
      let date = CivilDate(daysSinceEpoch: number)
      let text = String(MarketCalendar.text(date).dropFirst(5))
      switch MarketCalendar.kind(of: date) {
      case .closed: if MarketCalendar.weekday(date) <= 5 { closed.append(text) }
      case .half: half.append(text)
      case .full: #expect(MarketCalendar.weekday(date) <= 5)
      }
    }
    #expect(closed == Self.closed[year])
    #expect(half == Self.half[year])
  }
}
