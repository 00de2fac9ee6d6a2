import PostgresClient

enum HistoryStatements {
  // The tables of a session into which rows are copied before they are merged; empty at each COMMIT.
  static let incomingBars = PostgresStatement<Void>(
    "history_incoming_bars",
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_bars (LIKE history_bars) ON COMMIT DELETE ROWS")

  static let incomingTrades = PostgresStatement<Void>(
    "history_incoming_trades",
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS incoming_trades (LIKE history_trades)
    ON COMMIT DELETE ROWS
    """)

  static let copyBars = "COPY incoming_bars FROM STDIN"
  static let copyTrades = "COPY incoming_trades FROM STDIN"

  // Rows go in by the order of their key: two workers cannot wait for each other in a circle.

  /// Forward only: a batch that comes again, or late, changes nothing.
  static let mergeBars = PostgresStatement<Void>(
    "history_merge_bars",
    """
    INSERT INTO history_bars
    SELECT DISTINCT ON (feed, symbol, start) * FROM incoming_bars
    ORDER BY feed, symbol, start, epoch DESC, number DESC
    ON CONFLICT (feed, symbol, start) DO UPDATE SET
      epoch = excluded.epoch, number = excluded.number, open = excluded.open,
      high = excluded.high, low = excluded.low, close = excluded.close,
      volume = excluded.volume, notional = excluded.notional,
      trade_count = excluded.trade_count
    WHERE (excluded.epoch, excluded.number) > (history_bars.epoch, history_bars.number)
    """)

  static let mergeTrades = PostgresStatement<Void>(
    "history_merge_trades",
    """
    INSERT INTO history_trades SELECT * FROM incoming_trades
    ORDER BY feed, symbol, at, nanos, epoch, number
    ON CONFLICT DO NOTHING
    """)

  static let mergeEpochs = PostgresStatement<Void>(
    "history_merge_epochs",
    """
    INSERT INTO history_epochs
    SELECT feed, epoch, min(at) FROM incoming_trades WHERE feed = 'replay'
    GROUP BY feed, epoch ORDER BY feed, epoch
    ON CONFLICT (feed, epoch) DO UPDATE SET first_at = excluded.first_at
    WHERE excluded.first_at < history_epochs.first_at
    """)

  // MARK: - Partitions

  /// Until the transaction's end: one worker at a time changes partitions.
  static let lock = PostgresStatement<Void>(
    "history_lock", "SELECT pg_advisory_xact_lock(7276543219872)")

  static let lockTimeout = PostgresStatement<Void>(
    "history_lock_timeout", "SET LOCAL lock_timeout = \(HistoryLimits.lockMilliseconds)")

  static let days = PostgresStatement(
    "history_days", "SELECT day::text FROM history_partitions ORDER BY day"
  ) { row throws(PostgresError) in try row.string(0) }

  static let daysWritten = PostgresStatement<Void>(
    "history_days_written",
    """
    INSERT INTO history_partitions (day) SELECT * FROM unnest($1)
    ON CONFLICT (day) DO UPDATE SET written_at = now()
    """, [.dates])

  static let daysOver = PostgresStatement(
    "history_days_over",
    """
    SELECT day::text FROM history_partitions
    WHERE day < current_date - $1::integer AND written_at < now() - $1 * interval '1 day'
    ORDER BY day
    """, [.integer]
  ) { row throws(PostgresError) in try row.string(0) }

  static let makePartition = PostgresStatement<Void>(
    "history_make_partition", "SELECT history_make_partition($1)", [.date])

  static let dropPartition = PostgresStatement<Void>(
    "history_drop_partition", "SELECT history_drop_partition($1)", [.date])

  // MARK: - Poison

  static let poison = PostgresStatement<Void>(
    "history_poison",
    """
    INSERT INTO history_poison (entry, reason, content) VALUES ($1, $2, $3)
    ON CONFLICT (entry) DO NOTHING
    """, [.text, .text, .bytes])

  static let prunePoison = PostgresStatement<Void>(
    "history_prune_poison",
    """
    DELETE FROM history_poison WHERE entry IN (
      SELECT entry FROM history_poison ORDER BY at DESC, entry DESC OFFSET $1)
    """, [.integer])
}
