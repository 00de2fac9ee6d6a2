-- Who writes a cached row, psql included, tells the caches: the key goes into a log and out by NOTIFY,
-- both at commit. A service that was not listening reads the log. Deleting too much is harmless, so
-- a statement that changes nothing may still log.
--
-- The triggers are per statement: one entry for each key, however many rows. TRUNCATE has no rows to
-- show, so it is met before it happens.
CREATE TABLE invalidation_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key text NOT NULL
    CONSTRAINT invalidation_log_key_has_length CHECK (char_length(key) BETWEEN 1 AND 512),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX invalidation_log_by_time ON invalidation_log (at);

-- On the log itself, so that a key which a service enters is announced too.
CREATE FUNCTION invalidation_log_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('cache_invalidation', NEW.key);
  RETURN NULL;
END $$;
CREATE TRIGGER invalidation_log_notifies AFTER INSERT ON invalidation_log
  FOR EACH ROW EXECUTE FUNCTION invalidation_log_notify();

CREATE FUNCTION invalidate_keys(keys text[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO invalidation_log (key)
    SELECT DISTINCT one FROM unnest(keys) AS one WHERE one IS NOT NULL ORDER BY one
$$;

-- asset:{symbol} and config:assets. A symbol that changes is in watchlists too.
CREATE FUNCTION assets_invalidate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM invalidate_keys(array_agg('asset:' || symbol) || 'config:assets'::text)
      FROM new_rows HAVING count(*) > 0;
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM invalidate_keys(array_agg('asset:' || symbol) || 'config:assets'::text)
      FROM (SELECT symbol FROM new_rows UNION SELECT symbol FROM old_rows) AS touched
      HAVING count(*) > 0;
    PERFORM invalidate_keys(array_agg('watchlist:' || account.user_id))
      FROM old_rows JOIN watchlist_items AS item ON item.asset_id = old_rows.id
        JOIN watchlists AS list ON list.id = item.watchlist_id
        JOIN accounts AS account ON account.id = list.account_id
      WHERE NOT EXISTS (
        SELECT FROM new_rows WHERE new_rows.id = old_rows.id AND new_rows.symbol = old_rows.symbol);
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM invalidate_keys(array_agg('asset:' || symbol) || 'config:assets'::text)
      FROM old_rows HAVING count(*) > 0;
  ELSE
    PERFORM invalidate_keys(array_agg('asset:' || symbol) || 'config:assets'::text)
      FROM assets HAVING count(*) > 0;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER assets_inserted AFTER INSERT ON assets REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION assets_invalidate();
CREATE TRIGGER assets_updated AFTER UPDATE ON assets
  REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION assets_invalidate();
CREATE TRIGGER assets_deleted AFTER DELETE ON assets REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION assets_invalidate();
CREATE TRIGGER assets_truncated BEFORE TRUNCATE ON assets
  FOR EACH STATEMENT EXECUTE FUNCTION assets_invalidate();

-- apikey:{id}, also for a new key: that it does not exist may be cached.
CREATE FUNCTION api_keys_invalidate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM invalidate_keys(array_agg('apikey:' || id)) FROM new_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM invalidate_keys(array_agg('apikey:' || id))
      FROM (SELECT id FROM new_rows UNION SELECT id FROM old_rows) AS touched;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM invalidate_keys(array_agg('apikey:' || id)) FROM old_rows;
  ELSE
    PERFORM invalidate_keys(array_agg('apikey:' || id)) FROM api_keys;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER api_keys_inserted AFTER INSERT ON api_keys REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION api_keys_invalidate();
CREATE TRIGGER api_keys_updated AFTER UPDATE ON api_keys
  REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION api_keys_invalidate();
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION api_keys_invalidate();
CREATE TRIGGER api_keys_truncated BEFORE TRUNCATE ON api_keys
  FOR EACH STATEMENT EXECUTE FUNCTION api_keys_invalidate();

-- session:{id}. Not for a new one: its id is random, so nobody asked for it before, and its creator
-- writes it through to Redis right after the commit, which a late notification would undo. Not for
-- sliding either (last_seen), which happens once a minute for each session in use.
CREATE FUNCTION sessions_invalidate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM invalidate_keys(array_agg('session:' || id)) FROM (
      SELECT id, user_id, account_id, secret_sha256, expires_at, revoked_at FROM old_rows
      EXCEPT SELECT id, user_id, account_id, secret_sha256, expires_at, revoked_at FROM new_rows
    ) AS touched;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM invalidate_keys(array_agg('session:' || id)) FROM old_rows;
  ELSE
    PERFORM invalidate_keys(array_agg('session:' || id)) FROM sessions;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER sessions_updated AFTER UPDATE ON sessions
  REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION sessions_invalidate();
CREATE TRIGGER sessions_deleted AFTER DELETE ON sessions REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION sessions_invalidate();
CREATE TRIGGER sessions_truncated BEFORE TRUNCATE ON sessions
  FOR EACH STATEMENT EXECUTE FUNCTION sessions_invalidate();

-- user:{user_id}:version, the pointer to the profile's newest version.
CREATE FUNCTION profiles_invalidate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM invalidate_keys(array_agg('user:' || user_id || ':version')) FROM new_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM invalidate_keys(array_agg('user:' || user_id || ':version'))
      FROM (SELECT user_id FROM new_rows UNION SELECT user_id FROM old_rows) AS touched;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM invalidate_keys(array_agg('user:' || user_id || ':version')) FROM old_rows;
  ELSE
    PERFORM invalidate_keys(array_agg('user:' || user_id || ':version')) FROM profiles;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER profiles_inserted AFTER INSERT ON profiles REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION profiles_invalidate();
CREATE TRIGGER profiles_updated AFTER UPDATE ON profiles
  REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION profiles_invalidate();
CREATE TRIGGER profiles_deleted AFTER DELETE ON profiles REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION profiles_invalidate();
CREATE TRIGGER profiles_truncated BEFORE TRUNCATE ON profiles
  FOR EACH STATEMENT EXECUTE FUNCTION profiles_invalidate();

-- watchlist:{user_id}
CREATE FUNCTION watchlists_invalidate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM invalidate_keys(array_agg('watchlist:' || user_id))
      FROM new_rows JOIN accounts ON accounts.id = new_rows.account_id;
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM invalidate_keys(array_agg('watchlist:' || user_id))
      FROM (SELECT account_id FROM new_rows UNION SELECT account_id FROM old_rows) AS touched
        JOIN accounts ON accounts.id = touched.account_id;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM invalidate_keys(array_agg('watchlist:' || user_id))
      FROM old_rows JOIN accounts ON accounts.id = old_rows.account_id;
  ELSE
    PERFORM invalidate_keys(array_agg('watchlist:' || user_id))
      FROM watchlists JOIN accounts ON accounts.id = watchlists.account_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER watchlists_inserted AFTER INSERT ON watchlists REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION watchlists_invalidate();
CREATE TRIGGER watchlists_updated AFTER UPDATE ON watchlists
  REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION watchlists_invalidate();
CREATE TRIGGER watchlists_deleted AFTER DELETE ON watchlists REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION watchlists_invalidate();
CREATE TRIGGER watchlists_truncated BEFORE TRUNCATE ON watchlists
  FOR EACH STATEMENT EXECUTE FUNCTION watchlists_invalidate();

-- Items that go with their list find it gone; the list's own trigger has spoken for them.
CREATE FUNCTION watchlist_items_invalidate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM invalidate_keys(array_agg('watchlist:' || user_id))
      FROM new_rows JOIN watchlists ON watchlists.id = new_rows.watchlist_id
        JOIN accounts ON accounts.id = watchlists.account_id;
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM invalidate_keys(array_agg('watchlist:' || user_id))
      FROM (SELECT watchlist_id FROM new_rows UNION SELECT watchlist_id FROM old_rows) AS touched
        JOIN watchlists ON watchlists.id = touched.watchlist_id
        JOIN accounts ON accounts.id = watchlists.account_id;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM invalidate_keys(array_agg('watchlist:' || user_id))
      FROM old_rows JOIN watchlists ON watchlists.id = old_rows.watchlist_id
        JOIN accounts ON accounts.id = watchlists.account_id;
  ELSE
    PERFORM invalidate_keys(array_agg('watchlist:' || user_id))
      FROM watchlist_items JOIN watchlists ON watchlists.id = watchlist_items.watchlist_id
        JOIN accounts ON accounts.id = watchlists.account_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER watchlist_items_inserted AFTER INSERT ON watchlist_items
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION watchlist_items_invalidate();
CREATE TRIGGER watchlist_items_updated AFTER UPDATE ON watchlist_items
  REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION watchlist_items_invalidate();
CREATE TRIGGER watchlist_items_deleted AFTER DELETE ON watchlist_items
  REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION watchlist_items_invalidate();
CREATE TRIGGER watchlist_items_truncated BEFORE TRUNCATE ON watchlist_items
  FOR EACH STATEMENT EXECUTE FUNCTION watchlist_items_invalidate();

-- An account that changes hands takes its watchlists along. When list and account are deleted by one
-- statement, the lists' triggers find no account any more.
CREATE FUNCTION accounts_invalidate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM invalidate_keys(ARRAY['watchlist:' || OLD.user_id]);
  ELSE
    PERFORM invalidate_keys(ARRAY['watchlist:' || OLD.user_id, 'watchlist:' || NEW.user_id]);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_handed_over AFTER UPDATE OF id, user_id ON accounts
  FOR EACH ROW EXECUTE FUNCTION accounts_invalidate();
CREATE TRIGGER accounts_deleted AFTER DELETE ON accounts
  FOR EACH ROW EXECUTE FUNCTION accounts_invalidate();
