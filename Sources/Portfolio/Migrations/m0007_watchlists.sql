CREATE TABLE watchlists (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL REFERENCES accounts,
  name text NOT NULL CONSTRAINT watchlists_name_has_length CHECK (char_length(name) BETWEEN 1 AND 64),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT watchlists_name_is_unique UNIQUE (account_id, name),
  CONSTRAINT watchlists_times_are_in_order CHECK (updated_at >= created_at)
);

-- Positions count from 0 without holes, which bounds a list's length too.
CREATE TABLE watchlist_items (
  watchlist_id uuid NOT NULL REFERENCES watchlists ON DELETE CASCADE,
  asset_id uuid NOT NULL REFERENCES assets,
  position integer NOT NULL CONSTRAINT watchlist_items_are_bounded CHECK (position BETWEEN 0 AND 499),
  PRIMARY KEY (watchlist_id, asset_id),
  -- Deferrable: a removal moves the rest up in one statement.
  CONSTRAINT watchlist_items_have_a_place UNIQUE (watchlist_id, position) DEFERRABLE
);
CREATE INDEX watchlist_items_by_asset ON watchlist_items (asset_id);
