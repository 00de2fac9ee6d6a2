/// The bounds of this target, each with the arithmetic that chose it.
public enum ServiceSupportLimits {
  // MARK: Logs

  /// A longer log line is cut. It equals PIPE_BUF: a pipe that polls writable takes this much
  /// without blocking (pipe(7)).
  public static let logLineBytesMax = 4_096
  /// Kinds a `RateLimitedLog` tells apart; further ones share one allowance. A service has about a
  /// dozen.
  public static let logKindsMax = 64

  // MARK: Settings

  /// A file of keys: 10,000 keys of 64 + 128 bytes would be 2 MB; nobody keeps so many in a file.
  public static let keysFileBytesMax = 1 << 20
  public static let keysMax = 4_096
  /// Longest key id and secret, in bytes. Real ones have 20 and 40.
  public static let keyIDBytesMax = 64
  public static let secretBytesMax = 256

  // MARK: Metrics

  /// Series (name and labels) of the registry; 300 bytes each make 1.2 MB of text, 20 ms to render.
  /// Further ones are counted in `tapedeck_metrics_series_dropped` and left out.
  public static let seriesMax = 4_096
  public static let bucketsMax = 64
  /// How long a scrape waits for a loop. A loop that needs longer is stuck: its numbers are left out
  /// and `tapedeck_metrics_loops_missing` says so. Prometheus itself gives up after 10 s.
  public static let scrapeMilliseconds: UInt64 = 1_000
  public static let readinessChecksMax = 64

  // MARK: Process

  /// Promise of the process: stopped within 5 s of the first signal. What has not stopped by 4.5 s is
  /// left to the kernel: the process exits and its children end with it.
  public static let stopMilliseconds: UInt64 = 4_500
  /// A Redis without persistence ends within some milliseconds of SIGTERM; one that writes its AOF
  /// within a second. After this it is killed, which leaves 2.5 s for everything else.
  public static let serverStopMilliseconds: UInt64 = 2_000

  /// A fast shutdown of PostgreSQL takes 50 ms and as long as the disk needs for a checkpoint of at
  /// most 64 MB; after the first bound it is told to leave the rest to the recovery of the next start,
  /// after the second it is killed. Together less than what the other servers leave of 4.5 s.
  public static let postgresFastStopMilliseconds: UInt64 = 1_500
  public static let postgresImmediateStopMilliseconds: UInt64 = 500

  // MARK: Private servers

  /// sockaddr_un.sun_path has 108 bytes, the last of them a zero (unix(7)).
  public static let socketPathBytesMax = 107
  /// From spawn to the first PONG. Measured: 20 ms idle; an AOF of 1 GB loads in about 10 s.
  public static let serverStartMilliseconds: UInt64 = 30_000
  public static let probeIntervalMilliseconds: UInt64 = 10
  /// How long processes of a server that was killed may take to notice; then they are killed too. A
  /// PostgreSQL backend looks between the steps of a query, so at once unless it computes.
  public static let predecessorMilliseconds: UInt64 = 3_000
  public static let predecessorProbeMilliseconds: UInt64 = 50
  /// How long a start waits for a word from a Redis that should not be there.
  public static let occupiedProbeMilliseconds: UInt64 = 500
  /// The pause before a restart doubles from the first to the second...
  public static let restartDelayMilliseconds: UInt64 = 50
  public static let restartDelayMaxMilliseconds: UInt64 = 5_000
  /// ...and starts anew for a server that has lived this long.
  public static let restartResetMilliseconds: UInt64 = 30_000
  /// initdb: measured 0.8 s, of which much is fsync; a slow disk takes twenty times that.
  public static let postgresMakeMilliseconds: UInt64 = 60_000
  /// What a database that was not finished left is removed in at most so many goes (2 s), since its
  /// maker may have outlived the process that started it by a moment.
  static let postgresRemoveAttempts = 20
  static let postgresRemoveAgainMilliseconds: UInt64 = 100
  /// A larger log of a server is renamed to `.1` before the next start.
  public static let serverLogBytesMax = 8 << 20
  /// What a private Redis may hold. 65,536 symbols x 8 keys x about 700 B = 370 MB, five times that
  /// for books of ten levels and buffers of subscribers.
  public static let redisMemoryBytesMax = 2 << 30
}
