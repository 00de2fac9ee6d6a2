// Assets, profile, market hours, equity history and pruning.
import EventLoops
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Portfolio

@Suite(.serialized) struct StoreMarketTests {
  private typealias S = StoreScene

  /// 2026-11-20, a Friday, at so many minutes after midnight UTC.
  private static func friday(_ minutes: Int64) -> Int64 {
    (1_795_132_800 + minutes * 60) * 1_000_000
  }

  @Test func theClockKnowsNewYork() async throws {
    try await withStore { store, scene in
      try scene.server.psql(
        """
        INSERT INTO market_calendar VALUES ('2026-11-23', '09:30', '16:00'),
          ('2026-11-27', '09:30', '13:00'), ('2027-03-15', '09:30', '16:00')
        """)
      let before = try await store.clock(at: Self.friday(14 * 60 + 30) - 1)
      #expect(!before.isOpen && before.nextOpen == Self.friday(14 * 60 + 30))
      #expect(before.nextClose == Self.friday(21 * 60) && before.offsetSeconds == -5 * 3_600)
      let open = try await store.clock(at: Self.friday(14 * 60 + 30))
      #expect(open.isOpen && open.nextOpen == Self.friday(3 * 1_440 + 14 * 60 + 30))
      let last = try await store.clock(at: Self.friday(21 * 60) - 1)
      #expect(last.isOpen && last.nextClose == Self.friday(21 * 60))
      let after = try await store.clock(at: Self.friday(21 * 60))
      #expect(!after.isOpen && after.nextClose == Self.friday(3 * 1_440 + 21 * 60))
      // After the half day comes one in summer time.
      let half = try await store.clock(at: Self.friday(7 * 1_440 + 18 * 60))
      #expect(!half.isOpen && half.nextOpenOffsetSeconds == -4 * 3_600)
      #expect(half.offsetSeconds == -5 * 3_600)
      let end = try await store.clock(at: Self.friday(1_000 * 1_440))
      #expect(!end.isOpen && end.nextOpen == nil && end.nextCloseOffsetSeconds == nil)
    }
  }

  @Test func assetsAndProfilesAreFound() async throws {
    try await withStore { store, _ in
      #expect(try await store.assets().map(\.symbol) == ["AAPL", "BTC/USD", "MSFT"])
      #expect(try await store.asset(symbol: "BTCUSD")?.symbol == "BTC/USD")
      #expect(try await store.asset(symbol: "BTC/USD")?.id == S.asset(3))
      #expect(try await store.asset(symbol: "AAP") == nil)
      #expect(try await store.asset(id: S.asset(2))?.symbol == "MSFT")
      #expect(try await store.assets(symbols: ["MSFT", "NONE"]).map(\.symbol) == ["MSFT"])
      let profile = try #require(try await store.profile(S.user(1)))
      #expect(profile.email == "one@example.com" && profile.preferences == "{}")
      var change = ProfileChange()
      change.displayName = "Uno \"x\""
      change.preferences = #"{"theme": "dark"}"#
      let changed = try #require(try await store.changeProfile(S.user(1), change))
      #expect(changed.displayName == "Uno \"x\"" && changed.locale == profile.locale)
      #expect(changed.preferences == #"{"theme": "dark"}"#)
      #expect(changed.version > profile.version)
      #expect(try await store.profileVersion(S.user(1)) == changed.version)
      #expect(try await store.changeProfile(S.account(1), change) == nil)
    }
  }

  private final class Asked: Sendable {
    let count = Atomic<Int>(0)
  }

  @Test func equityIsWrittenOnceWhoeverComputesIt() async throws {
    try await withStore { store, scene in
      let url = scene.server.url
      let moment = EquityHistoryJob.moment(Self.friday(900) + 123_456_789)
      #expect(moment == Self.friday(900))
      #expect(EquityHistoryJob.moment(-1, intervalSeconds: 60) == -60_000_000)
      // AAPL live, MSFT not, and nothing else has a price. Each asks for prices when it has found the
      // rows missing; they get them when all have, so all three write.
      let asked = Asked()
      let written = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<3 {
          group.addTask {
            try await withLoop("equity-\(number)") { loop in
              try await withPool(loop, url) { pool in
                try await EquityHistoryJob(pool: pool) { _ in
                  asked.count.add(1, ordering: .relaxed)
                  while asked.count.load(ordering: .relaxed) < 3 {
                    await loop.sleep(milliseconds: 1)
                  }
                  return [
                    "AAPL": .init(price: ExactDecimal("101.5")!, isStale: false),
                    "MSFT": .init(price: ExactDecimal("400.25")!, isStale: true),
                  ]
                }.write(at: moment)
              }
            }
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(written == 2)
      let points = try await store.equityHistory(
        S.account(1), after: moment - 1, until: moment, interval: .seconds(60))
      // 10,000 - 2 x 99.5 - 5 x 400.123456789 + 2 x 101.5 + 5 x 400.25
      #expect(points.map(\.equity.description) == ["10004.632716055"])
      #expect(points.map(\.cash.description) == ["7800.382716055"])
      #expect(points.map(\.isStale) == [true])
      let other = try await store.equityHistory(
        S.account(2), after: moment - 1, until: moment, interval: .seconds(60))
      #expect(other.map(\.equity.description) == ["10000"] && other.map(\.isStale) == [false])

      // Without any price a position counts at its cost; with an absurd one its account has no row.
      let job = EquityHistoryJob(pool: store.pool) { _ in [:] }
      #expect(try await job.write(at: moment) == 0)
      #expect(try await job.write(at: moment + 300_000_000) == 2)
      let costs = try await store.equityHistory(
        S.account(1), after: moment, until: moment + 300_000_000, interval: .seconds(60))
      #expect(costs.map(\.equity.description) == ["10000"] && costs.map(\.isStale) == [true])
      let absurd = EquityHistoryJob(pool: store.pool) { _ in
        ["AAPL": .init(price: ExactDecimal("1000000000000000")!, isStale: false)]
      }
      #expect(try await absurd.write(at: moment + 600_000_000) == 1)
    }
  }

  @Test func equityHistoryIsThinnedToItsInterval() async throws {
    try await withStore { store, scene in
      try scene.server.psql(
        """
        DELETE FROM equity_history;
        INSERT INTO equity_history
        SELECT '\(S.account(1))', timestamptz '2026-11-18 23:00Z' + n * interval '5 minutes', n, 0
        FROM generate_series(0, 599) AS n
        """)
      let (start, end) = (Self.friday(-2_880), Self.friday(2_880))
      let all = try await store.equityHistory(
        S.account(1), after: start, until: end, interval: .seconds(300))
      let everyPoint = (0..<600).map { String($0) }
      #expect(all.map(\.equity.description) == everyPoint)
      let hourly = try await store.equityHistory(
        S.account(1), after: start, until: end, interval: .seconds(3_600))
      let lastOfEachHour = stride(from: 11, to: 600, by: 12).map { String($0) }
      #expect(hourly.map(\.equity.description) == lastOfEachHour)
      // New York's days begin at 5:00 UTC.
      let daily = try await store.equityHistory(
        S.account(1), after: start, until: end, interval: .daily)
      #expect(daily.map(\.equity.description) == ["71", "359", "599"])
      #expect(
        try await store.equityHistory(
          S.account(2), after: start, until: end, interval: .daily
        ).isEmpty)
      let account = try #require(try await store.account(S.account(1)))
      #expect(account.lastEquity != nil)
    }
  }

  @Test func whatIsOverIsPrunedInSmallSteps() async throws {
    try await withStore { store, scene in
      try scene.server.psql(
        """
        INSERT INTO invalidation_log (key, at)
        SELECT 'k' || n, now() - n * interval '1 hour' FROM generate_series(1, 100) AS n;
        INSERT INTO sessions (id, user_id, account_id, secret_sha256, created_at, last_seen, expires_at)
        VALUES ('old', '\(S.user(1))', '\(S.account(1))', sha256('1'), now() - interval '20 days',
          now() - interval '9 days', now() - interval '8 days')
        """)
      #expect(
        try await Pruning.run(
          Pruning.invalidationLog, olderThanSeconds: 90 * 3_600 - 60, store.pool, rows: 4) == 11)
      #expect(
        try scene.server.psql("SELECT count(*), max(key) FROM invalidation_log WHERE key = 'k89'")
          == "1|k89")
      #expect(try await Pruning.all(store.pool) == 19)
      #expect(
        try scene.server.psql(
          "SELECT count(*) FILTER (WHERE key LIKE 'k%'), count(*) FILTER (WHERE key = 'session:old') FROM invalidation_log"
        )
          == "71|1")
      #expect(try scene.server.psql("SELECT count(*) FROM sessions") == "2")

      // Ten days of New York a hundred days ago, a point an hour: the last of each stays.
      try scene.server.psql(
        """
        INSERT INTO equity_history
        SELECT '\(S.account(2))', at, 1, 1 FROM generate_series(
          date_trunc('day', now() - interval '110 days', 'America/New_York'),
          date_trunc('day', now() - interval '100 days', 'America/New_York') - interval '1 hour',
          interval '1 hour') AS at
        """)
      try await Pruning.all(store.pool)
      let days = """
        SELECT count(*), count(DISTINCT (at AT TIME ZONE 'America/New_York')::date),
          min(extract(hour FROM at AT TIME ZONE 'America/New_York'))
        FROM equity_history WHERE account_id = '\(S.account(2))'
        """
      #expect(try scene.server.psql(days) == "10|10|23")
      #expect(try await Pruning.all(store.pool) == 0)
    }
  }
}
