// The market's hours, by the feed's time where a tape is played with its own clock.
import MarketData
import WebTransport

extension RouteTable {
  static let marketRoutes: [Route] = [
    Route(
      method: .get, pattern: "/v2/clock", operation: "get_clock",
      summary: "The market's time, and when it opens and closes next.",
      success: .ok(Answers.clock.reference, "The clock, with New York's offset.")
    ) { call in
      let now = await call.service.marketTime()
      let market = try await call.service.store.clock(at: now)
      guard let open = market.nextOpen, let close = market.nextClose else {
        throw HTTPError.unavailable("the market calendar does not reach so far")
      }
      return try .json(
        Answers.clock, ShownClock(now: now, market: market, nextOpen: open, nextClose: close))
    },
    Route(
      method: .get, pattern: "/v2/calendar", operation: "get_calendar",
      summary: "Trading days and their hours in New York.",
      parameters: [
        Parameters.calendarStart, Parameters.calendarEnd, Parameters.calendarDateType,
      ],
      success: .ok(.array(Answers.day.reference), "The days.")
    ) { call in
      let days = try await call.service.store.calendar(
        start: call[Parameters.calendarStart], end: call[Parameters.calendarEnd])
      return try .json(Answers.day, days)
    },
  ]
}

extension PortfolioService {
  /// The feed's time, else the wall's; microseconds since 1970.
  func marketTime() async -> Int64 {
    await prices.feedTime().map { $0.nanoseconds / 1_000 } ?? Housekeeping.wallClock()
  }
}
