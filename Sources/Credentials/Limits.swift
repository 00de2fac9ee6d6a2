/// The bounds of this target, each with the arithmetic that chose it.
package enum CredentialsLimits {
  /// A key's id: it becomes a part of a Redis key and of a log line. Anything longer, or with another
  /// character than `[A-Za-z0-9_-]`, is nobody's and is refused without a look-up.
  package static let keyIDBytesMax = 64

  /// A secret of ours is 43 characters; the gateway takes no longer credential than this.
  package static let secretBytesMax = 512

  /// An `Authorization` header: 64 + 1 + 512 bytes in base64 are 772, with the scheme's name below.
  package static let headerBytesMax = 1_024

  /// 128 random bits: not a secret (it stands in the URL of DELETE), only never used twice.
  package static let sessionIDBytes = 16

  /// 256 random bits.
  package static let secretBytes = 32

  /// Addresses and keys whose failures are counted: 16 bytes an entry, 2.5 MiB a table when full with
  /// the dictionary's slack. Over it, newcomers share `sharedBuckets` by a hash that nobody outside
  /// can aim: the limit then also hits the innocent of the same bucket, but never stops working.
  package static let failureEntriesMax = 65_536
  package static let sharedBuckets = 4_096

  /// Proxies whose word on addresses is taken: a machine's nginx and some balancers before it. A list
  /// that is longer is refused at the start.
  package static let proxiesMax = 64

  /// Look-ups under way in one authority: each waits for Redis or Postgres for some milliseconds, 5 s
  /// at the worst. A gateway that 65,536 clients return to sends them all at once; what is above this
  /// is refused as `unavailable`, and the client's own backoff spreads it.
  package static let pendingMax = 16_384

  /// Open streams that one authority watches: the connections of four gateway loops. Over it a
  /// stream is refused as `unavailable`, since a stream that cannot be ended may not begin.
  package static let watchesMax = 262_144

  /// Keys in one question to Postgres when all open streams are checked again: 100,000 keys are 100
  /// questions of about 2 ms.
  package static let recheckBatch = 1_000

  /// A session's row moves at most once in this time; also what a session may outlive its 1,800 s
  /// when Redis has lost it, for its last use is known no better.
  package static let lastSeenMilliseconds: UInt64 = 60_000

  /// Sessions whose last write is remembered, 40 bytes each. Over it all are forgotten: the statement
  /// itself moves no row twice in a minute, so forgetting costs statements, not writes.
  package static let lastSeenEntriesMax = 65_536

  /// Sessions of one user that are open at once; opening another ends the one seen longest ago.
  package static let sessionsPerUserMax = 100

  /// Entries of the invalidation log that one look reads; when there are more, everything watched is
  /// checked instead.
  package static let logEntriesMax = 1_000

  /// A session ends after so long, however much it is used: 30 days.
  package static let sessionLifetimeSeconds: Int64 = 30 * 86_400

  /// Rows of sessions that have been over for so long are deleted when their user opens another: a
  /// user has at most 100 open ones and those of one day, which failed attempts cannot add to.
  package static let sessionKeptSeconds: Int64 = 86_400
}
