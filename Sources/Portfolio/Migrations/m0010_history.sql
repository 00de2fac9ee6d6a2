-- What the feeds brought: bars of a minute, and every trade. Written by the history worker alone, from
-- the stream `history`; read by the endpoints of bars and trades. (epoch, number) is a row's place in
-- its feed: of two bars of one minute the later place counts.
CREATE TABLE history_bars (
  feed text COLLATE "C" NOT NULL,
  symbol text COLLATE "C" NOT NULL,
  start timestamptz NOT NULL,
  epoch bigint NOT NULL,
  number bigint NOT NULL,
  open numeric NOT NULL,
  high numeric NOT NULL,
  low numeric NOT NULL,
  close numeric NOT NULL,
  volume numeric NOT NULL CONSTRAINT history_bars_volume_is_not_negative CHECK (volume >= 0),
  -- The exact sum of price times size: larger bars add it up and divide once.
  notional numeric NOT NULL,
  trade_count bigint,
  PRIMARY KEY (feed, symbol, start)
);

-- One partition a day (UTC), made and dropped by the worker. A trade's key is (feed, symbol, epoch,
-- number); PostgreSQL wants the partition's column in it, and with the time in front it is the index
-- for reading. The time of one place never changes, so the key says the same.
CREATE TABLE history_trades (
  feed text COLLATE "C" NOT NULL,
  symbol text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  -- Beyond the microsecond: 0 to 999.
  nanos smallint NOT NULL,
  epoch bigint NOT NULL,
  number bigint NOT NULL,
  price numeric NOT NULL,
  size numeric NOT NULL,
  id bigint,
  exchange text,
  -- A JSON array of strings, or one string.
  conditions json,
  tape text,
  taker_side text,
  PRIMARY KEY (feed, symbol, at, nanos, epoch, number)
) PARTITION BY RANGE (at);

-- The partitions, and when each was written to last: they are dropped by that, so that a tape of long
-- ago stays as long as a trade of today.
CREATE TABLE history_partitions (
  day date PRIMARY KEY,
  written_at timestamptz NOT NULL DEFAULT now()
);

-- When each epoch of a replay begins. A later one hides what earlier ones had from there on: the second
-- pass of a tape with its own times is not a second set of trades.
CREATE TABLE history_epochs (
  feed text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  first_at timestamptz NOT NULL,
  PRIMARY KEY (feed, epoch)
);

-- Entries of the stream that could not be written, with their reason; the newest thousand.
CREATE TABLE history_poison (
  entry text PRIMARY KEY,
  reason text NOT NULL,
  content bytea NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX history_poison_by_time ON history_poison (at);

-- Attached, not created in its place: that would lock readers out of the whole table.
CREATE FUNCTION history_make_partition(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := 'history_trades_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF to_regclass(name) IS NULL THEN
    EXECUTE format('CREATE TABLE %I (LIKE history_trades INCLUDING ALL)', name);
    EXECUTE format(
      'ALTER TABLE history_trades ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
      day || ' 00:00:00+00', (day + 1) || ' 00:00:00+00');
  END IF;
  INSERT INTO history_partitions VALUES (day) ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION history_drop_partition(gone date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DROP TABLE IF EXISTS %I', 'history_trades_' || to_char(gone, 'YYYYMMDD'));
  DELETE FROM history_partitions WHERE day = gone;
END $$;
