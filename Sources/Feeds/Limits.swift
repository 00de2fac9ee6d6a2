import OrderBooks

/// What this target allows, each with its reason.
enum Limits {
  /// One line of a tape. The longest real one, a futures snapshot of 1,000 levels a side, has 40
  /// KB; 1 MiB is also the largest message that a client takes. A longer line is reported and
  /// skipped.
  static let lineBytesMax = 1 << 20

  /// Bytes asked of a file at once: 128 KiB is where larger reads stop paying on Linux.
  static let fileChunkBytes = 128 << 10

  /// Inflated bytes taken at once: a chunk of a tape inflates 5 to 15 times, and 256 KiB fit a
  /// core's second cache.
  static let textChunkBytes = 256 << 10

  /// Problems reported in one second; more are only counted. A person can read ten.
  static let reportsPerSecondMax = 10

  /// Levels on one side of a native tape's book: real streams carry up to about 1,000.
  static let nativeLevelsMax = 1_024

  /// Levels on one side of a Binance book: a snapshot has at most 5,000, differences add some
  /// hundred in an hour. 8,192 levels of 16 bytes are 128 KiB a side.
  static let binanceLevelsMax = 8_192

  /// Differences kept for one symbol while its snapshot is awaited: at ten a second (the fastest
  /// spot stream) 100 s. When full all are dropped and counted: the snapshot will be newer.
  static let waitingDifferencesMax = 1_000

  /// Their levels in sum: 65,536 levels of 16 bytes are 1 MiB a symbol.
  static let waitingLevelsMax = 65_536

  /// Symbols of one Binance recording that have books. 256 x 2 sides x 128 KiB are 64 MiB at most;
  /// symbols beyond have trades and quotes, and their differences are skipped and counted.
  static let binanceBooksMax = 256

  /// Symbols of one native tape that have books, of 2 x 16 KiB at most: 128 MiB. Order books of
  /// symbols beyond are skipped and counted.
  static let nativeBooksMax = 4_096

  /// Bytes of one ITCH frame: a length of 16 bits and what it counts. Messages have 12 to 50.
  static let itchFrameBytesMax = 2 + 65_535

  /// Trades that a broken one is looked for among: at 24 to 32 bytes 8 MiB, and on a whole market's
  /// day of 10 million trades some ten minutes. A trade broken later is reported, not cancelled.
  static let recentTradesMax = 262_144

  /// Resting orders of one feed: see `OrderBooksLimits.ordersMax`.
  static let bookOrdersMax = OrderBooksLimits.ordersMax

  /// Simulated symbols: below the 65,536 that a `SymbolTable` takes, with room for others.
  static let simulatedSymbolsMax = 50_000

  /// Simulated events per second: at 1,000,000 an event has 1 us, about what making one takes.
  static let simulatedRateMax = 1_000_000

  /// A day, the longest simulated session with an end.
  static let simulatedSecondsMax = 86_400

  /// Bytes collected by the tape writer before they are deflated and written.
  static let writerChunkBytes = 256 << 10

  /// A puller that was away for longer than this after something was due does not make up for it:
  /// gateways call a feed stale after 1,500 ms without a heartbeat, and a price that old must not
  /// come as a live one afterwards. One second is what a leader's lease allows its writer too.
  static let absenceNanosecondsMax: UInt64 = 1_000_000_000

  /// Of gzip, for a recording: level 6 deflates some 30 MB of text a second here, level 9 half of it for
  /// 2 % less.
  static let recordingCompressionLevel: Int32 = 6

  /// Files of one recording's name: at one a minute a week.
  static let recordingFilesMax = 10_000

  /// Problems that a report lists: a screen of them.
  static let problemsShownMax = 10

  /// Tapes that are played as one: each costs some 1.4 MiB of buffers, and a look at its next time for
  /// each event.
  static let mergedFeedsMax = 32
}
