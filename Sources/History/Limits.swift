/// The bounds of this target, each with the arithmetic that chose it.
package enum HistoryLimits {
  /// Entries of one batch. An ingester cuts entries at 256 KiB of bars and of trades each: 16 are at the
  /// most 8 MiB, half of what a reply may have.
  package static let batchEntries = 16

  /// Entries of one read of small ones: 64 flushes are a third of a second.
  package static let readMilliseconds: UInt64 = 500

  /// Bytes of one COPY; several follow each other in one transaction.
  package static let copyBytes = 4 << 20

  /// One batch is at most 160,000 trades: some 5 s of a small server's time. For each of its statements.
  package static let statementMilliseconds: UInt64 = 30_000

  /// What another consumer was given and left alone for this long is taken over: four times as long as
  /// a batch takes at the worst.
  package static let claimIdleMilliseconds: UInt64 = 60_000
  package static let claimEveryMilliseconds: UInt64 = 10_000

  /// The wait after a failure is drawn from half of this to this, doubling from the first.
  package static let retryFirstMilliseconds: UInt64 = 50
  package static let retryMaxMilliseconds: UInt64 = 2_000

  /// Days of trades in the database: a year, and what replays bring. Trades of further days are left
  /// out and counted: so many days at once are broken timestamps.
  package static let partitionsMax = 400

  /// How long trades stay, by default.
  package static let keepDays: Int64 = 30

  /// Partitions are made so many days ahead, and looked after this often.
  package static let daysAhead: Int64 = 2
  package static let housekeepingMilliseconds: UInt64 = 600_000

  /// Waiting for a lock on the table of trades: readers of it wait as long behind whoever waits.
  package static let lockMilliseconds = 2_000

  /// What is kept of entries that could not be written.
  package static let poisonRows = 1_000
  package static let poisonBytes = 65_536
}
