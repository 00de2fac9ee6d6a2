import RedisClient

/// The bounds of this target, each with the arithmetic that chose it.
package enum IngestLimits {
  /// State is conflated for this long, then written. 5 ms is 200 pipelines a second, each large
  /// enough that Redis takes 300,000 pairs a second (depth 64 and more), and invisible to a person.
  package static let flushMilliseconds: UInt64 = 5

  /// Items taken from the feed before the loop looks at its sockets again: about 1 ms of work.
  package static let itemsPerTurnMax = 1_000

  /// Commands that Redis has not answered yet at which a feed that may run ahead (speed `max`) waits.
  /// 20,000 pairs are about 40 ms of Redis' time and 10 MB of its buffers.
  package static let unansweredMax = 40_000

  /// The same for bytes that the kernel has not taken yet. The link refuses trades above 8 MiB; a turn
  /// of 1,000 items adds 4 MB at the very most (SET and SPUBLISH of depths of 2 KB).
  package static let unsentBytesMax = RedisLimits.outputBytesLow

  /// Quiet symbols are looked through in slices: 8 slices of 50 ms each see every symbol in 400 ms.
  package static let refreshMilliseconds: UInt64 = 50
  package static let refreshSlices = 8

  /// A key is written again once this much of its TTL is over. It is looked at each 400 ms, so a
  /// depth (1,000 ms) is rewritten at 200 to 600 ms of age, a price (2,000 ms) at 400 to 800.
  package static let refreshAgeFraction: UInt64 = 5

  /// A last price that changed is written again after this: 12,000 symbols are 1,200 SETs a second, a
  /// hundredth of what Redis takes, and a stale mark is at most this much older than it had to be.
  package static let lastPriceMilliseconds: UInt64 = 10_000

  /// One that did not change: each hour, long before its day is over.
  package static let lastPriceRenewalMilliseconds: UInt64 = 3_600_000

  /// The heartbeat's period; a gateway misses six before it calls the feed stale.
  package static let heartbeatMilliseconds: UInt64 = 250

  /// A link on which Redis answers this late is ended, though it answers: what waits on it would be
  /// shown when it is old. With the 1,500 ms of a gateway nothing older gets through.
  package static let redisLagMaxMilliseconds: UInt64 = 1_000

  /// After so long without a turn of this loop everything is written again: keys of 1,000 ms, written
  /// up to 600 ms ago, have expired.
  package static let standstillMilliseconds: UInt64 = 400

  /// What is owed before the feed is called live: 12,000 symbols x 4 values are 50,000 pairs, 0.2 s of
  /// Redis' time. A feed that never comes to rest is called live after this.
  package static let owedMilliseconds: UInt64 = 1_000

  /// The symbol list is written again when it changed, and this often before its 60 s are over.
  package static let symbolListMilliseconds: UInt64 = 15_000

  // MARK: - History

  /// Memory of the stream `history`: see `HistoryWriter`.
  package static let historyBytesMax: Int64 = 256 << 20

  /// How often Redis is asked for it; at 100,000 trades/s 1.3 MB come in between.
  package static let historySizeMilliseconds: UInt64 = 500

  /// Entries that Redis has not answered: 0.3 s of one a flush.
  package static let historyUnansweredMax = 64

  /// Packed rows that wait while Redis is away or full.
  package static let historyTradeBytesMax = 16 << 20
  package static let historyBarBytesMax = 64 << 20

  /// As much waiting makes a feed at full speed wait, too.
  package static let historyAheadBytes = 4 << 20

  /// After an error reply nothing is sent for this long.
  package static let historyRefusedMilliseconds: UInt64 = 500

  /// At the end the last entries are waited for this long.
  package static let historyDrainMilliseconds: UInt64 = 1_000

  // MARK: - Bars of an upstream

  /// An upstream's minute without a further event ends so long after it by our clock: what is on its
  /// way for longer is late.
  package static let upstreamPatienceNanoseconds: Int64 = 1_000_000_000

  /// Our clock is believed to be the upstream's as long as its last event is no further from it: a
  /// gateway that plays an old tape has another.
  package static let upstreamClockNanoseconds: UInt64 = 300_000_000_000

  /// An upstream whose time goes back by more has begun again: late trades are minutes late.
  package static let upstreamBackMinutes: Int64 = 30

  /// On the way to a place for longer than this the feed is said to be paused: keys are not renewed
  /// meanwhile, and the shortest-lived has 1,000 ms.
  package static let journeyLiveMilliseconds: UInt64 = 800

  /// Doubling and halving a play's speed stays within these, in nano-feed-seconds: 1/64 is a minute for
  /// a second, 1,024 a trading day in 23 s.
  package static let speedMin: Int64 = 1_000_000_000 / 64
  package static let speedMax: Int64 = 1_000_000_000 * 1_024

  /// A command of a replay has 70 bytes at most; this leaves room for spaces.
  package static let replayBodyBytesMax = 1_024
}
