-- Secrets are 256 random bits made by the server; only their SHA-256 is here, so a copy of this table
-- lets nobody in.
CREATE TABLE api_keys (
  id token_id PRIMARY KEY,
  user_id uuid NOT NULL,
  account_id uuid NOT NULL,
  secret_sha256 secret_hash NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  FOREIGN KEY (account_id, user_id) REFERENCES accounts (id, user_id),
  CONSTRAINT api_keys_are_revoked_later CHECK (revoked_at >= created_at)
);
CREATE INDEX api_keys_by_account ON api_keys (account_id);

-- A session slides: it lives while last_seen (moved at most once a minute) is near, and never beyond
-- expires_at. The version grows with every write: who writes through to Redis sets only what is newer.
CREATE TABLE sessions (
  id token_id PRIMARY KEY,
  user_id uuid NOT NULL,
  account_id uuid NOT NULL,
  secret_sha256 secret_hash NOT NULL,
  key_id token_id REFERENCES api_keys ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  version bigint NOT NULL DEFAULT 1,
  FOREIGN KEY (account_id, user_id) REFERENCES accounts (id, user_id),
  CONSTRAINT sessions_times_are_in_order
    CHECK (last_seen >= created_at AND expires_at > created_at AND revoked_at >= created_at),
  CONSTRAINT sessions_version_is_positive CHECK (version > 0)
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_user ON sessions (user_id, last_seen);
CREATE INDEX sessions_by_key ON sessions (key_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE FUNCTION sessions_take_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER sessions_version BEFORE UPDATE ON sessions
  FOR EACH ROW EXECUTE FUNCTION sessions_take_version();

-- A key that is revoked takes the sessions along that were opened with it: who stole the key may have
-- opened some. Opening one locks the key's row FOR SHARE, so none is committed unseen by this.
CREATE FUNCTION api_keys_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sessions SET revoked_at = greatest(now(), created_at)
    WHERE key_id = NEW.id AND revoked_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER api_keys_revoked AFTER UPDATE OF revoked_at ON api_keys
  FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
  EXECUTE FUNCTION api_keys_end_sessions();
