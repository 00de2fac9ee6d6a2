-- One row for each account and interval, whoever's job wrote it.
CREATE TABLE equity_history (
  account_id uuid NOT NULL REFERENCES accounts,
  at timestamptz NOT NULL CONSTRAINT equity_history_is_aligned
    CHECK (date_bin('1 minute', at, timestamptz '1970-01-01 00:00:00+00') = at),
  equity amount NOT NULL,
  cash amount NOT NULL,
  -- At least one position had no live price and was taken at an older one.
  stale boolean NOT NULL DEFAULT false,
  PRIMARY KEY (account_id, at)
);
CREATE INDEX equity_history_by_time ON equity_history (at);
