/// The bounds of this target, each with the arithmetic that chose it.
package enum PortfolioLimits {
  // MARK: - Schema

  /// For one statement of a migration, and for waiting until another runner is done.
  package static let migrationMilliseconds: UInt64 = 600_000

  /// The market calendar reaches from five years before this one (what a chart looks back) to two after
  /// (the exchange publishes about as far ahead): 8 x 252 rows.
  static let calendarYearsBefore: Int64 = 5
  static let calendarYearsAfter: Int64 = 2

  // MARK: - Answers

  /// Orders in one answer: what the SDK's documentation allows, and its default.
  static let ordersMax = 500
  static let ordersDefault = 50

  /// Fills on one page.
  static let fillsMax = 100

  /// Days of market calendar in one answer: all that `migrate` enters.
  static let calendarDaysMax = 2_100

  /// Points of equity history in one answer: a week of minutes of trading, or 8 years of days. More is
  /// refused rather than cut.
  static let equityPointsMax = 10_000

  /// Assets in one answer: all US listings and crypto pairs several times over.
  static let assetsMax = 65_536

  // MARK: - Bars and trades

  /// Rows of one page: the SDK's own bound, and what the service that it follows answers by default.
  /// 10,000 trades are 1.5 MB.
  static let recordedMax = 10_000
  static let recordedDefault = 1_000

  /// Minutes that one symbol's larger bars are made of in one go: four months of a market that never
  /// closes (44,640 each). Further bars come on the next page.
  static let barMinutesMax = 200_000

  // MARK: - Live values

  /// Symbols in one question for live values. 1,000 of four letters, with commas as `%2C`, are 7 KB of
  /// the 8 KiB that a request's head may have; lists of longer names are 431 before.
  static let liveSymbolsMax = 1_000

  /// Keys of one MGET. A value is at most 64 KiB, so a reply is at most 8 MiB, half of what a link
  /// takes; usual values are 200 bytes, and 128 of them keep a Redis for 50 us.
  static let liveBatchKeys = 128

  /// A heartbeat older than this vouches for nothing: the bound of a gateway, six heartbeats.
  static let heartbeatAgeMaxMilliseconds: Int64 = 1_500

  /// Bytes of names in `x-tapedeck-stale`: an nginx in front takes 4 KiB for a whole head by default.
  /// Names that do not fit are left out; `x-tapedeck-stale-count` counts all.
  static let staleNamesBytesMax = 2_048

  /// Symbols whose day before is read by one statement: 100 days of a market that never closes are
  /// 144,000 minutes, about 100 ms.
  static let previousDaysPerRead = 100

  /// How long an answer waits for days before; without them by then it goes without.
  static let previousDaysMilliseconds: UInt64 = 500

  /// A day that is over changes only when a late trade comes in. After a minute it is read again, and
  /// after a failure no sooner than in a second.
  static let previousDaysKeptMilliseconds: UInt64 = 60_000
  static let previousDaysRetryMilliseconds: UInt64 = 1_000

  /// Days kept, 300 bytes each: 20 MB. More: all of them are forgotten.
  static let previousDaysMax = 65_536

  // MARK: - Watchlists

  /// Of one account. 100 lists of 500 symbols of 32 bytes are more than the cache takes (64 KiB), and
  /// far more than a person keeps; over it creating is refused.
  static let watchlistsMax = 100

  /// Symbols in one list; m0007 has the same bound.
  static let watchlistSymbolsMax = 500

  // MARK: - Housekeeping

  /// One row of equity history an account each five minutes of the day: 288 a day.
  static let equityIntervalSeconds: Int64 = 300

  /// Accounts whose equity is computed in one go. 500 accounts of 50 positions are 25,000 rows, about
  /// 3 MB.
  static let equityBatchAccounts: Int64 = 500

  /// Twice the longest TTL of anything in the cache (assets, 86,400 s) is what a service that was not
  /// listening looks back; a day more, since a key is stamped when it is written and seen at commit.
  static let invalidationLogSeconds: Int64 = 3 * 86_400

  /// Sessions stay for a week after their end, for whoever asks what happened.
  static let endedSessionSeconds: Int64 = 7 * 86_400

  /// Points within a day stay for 90 days (26,000 rows an account); of older days the last stays, 252
  /// a year.
  static let equityPointsSeconds: Int64 = 90 * 86_400

  /// Rows deleted by one statement: some 50 ms of a server's work, so that nobody waits long behind it.
  static let pruneRows: Int64 = 10_000

  /// Statements of one run of pruning; the rest waits for the next run.
  static let pruneBatches = 100

  static let pruneMilliseconds: UInt64 = 600_000
}
