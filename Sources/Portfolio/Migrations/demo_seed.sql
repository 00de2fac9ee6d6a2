-- The demo: three users, the assets of the recorded session, 200 orders in most states with their
-- fills, what these leave of positions and cash, watchlists, equity of the last sixty trading days.
-- Nothing is random: what looks so is a hash of the row's number. Times are relative to now.
--
-- The secrets are `demo`, `demo2` and `demo3`: for a demo alone, which is why this is no migration.
-- It runs after the market calendar is there, whole or not at all.
CREATE FUNCTION pg_temp.demo_id(label text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT overlay(overlay(md5('tapedeck ' || label) PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid
$$;

-- 0 to n - 1.
CREATE FUNCTION pg_temp.demo_number(label text, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT ('x' || left(md5(label), 7))::bit(28)::integer % n
$$;

INSERT INTO users (id, email, name, created_at) VALUES
  (pg_temp.demo_id('user 1'), 'ada@example.com', 'Ada Marsh', now() - interval '400 days'),
  (pg_temp.demo_id('user 2'), 'ben@example.com', 'Ben Okafor', now() - interval '300 days'),
  (pg_temp.demo_id('user 3'), 'chitra@example.com', 'Chitra Rao', now() - interval '200 days');

INSERT INTO profiles (user_id, display_name, locale, time_zone, preferences) VALUES
  (pg_temp.demo_id('user 1'), 'Ada', 'en-US', 'America/New_York', '{"theme": "dark"}'),
  (pg_temp.demo_id('user 2'), 'Ben', 'en-GB', 'Europe/London', '{}'),
  (pg_temp.demo_id('user 3'), 'Chitra', 'en-IN', 'Asia/Kolkata', '{"theme": "light"}');

INSERT INTO accounts (id, user_id, account_number, cash, multiplier, shorting_enabled, created_at)
VALUES
  (pg_temp.demo_id('account 1'), pg_temp.demo_id('user 1'), 'PA1', 1000000, 1, false,
    now() - interval '400 days'),
  (pg_temp.demo_id('account 2'), pg_temp.demo_id('user 2'), 'PA2', 250000, 2, true,
    now() - interval '300 days'),
  (pg_temp.demo_id('account 3'), pg_temp.demo_id('user 3'), 'PA3', 50000, 1, false,
    now() - interval '200 days');

INSERT INTO api_keys (id, user_id, account_id, secret_sha256)
SELECT key, pg_temp.demo_id('user ' || n), pg_temp.demo_id('account ' || n), sha256(key::bytea)
FROM (VALUES ('demo', 1), ('demo2', 2), ('demo3', 3)) AS keys (key, n);

-- `base` is the price at which the recorded session opens.
CREATE TEMPORARY TABLE demo_assets ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY symbol) - 1 AS n, *,
  CASE WHEN exchange = 'CRYPTO' THEN 4 ELSE 0 END AS qty_scale
FROM (VALUES
  ('AAPL', 'NASDAQ', 'Apple Inc.', 189.97), ('AMD', 'NASDAQ', 'Advanced Micro Devices', 138.48),
  ('AMZN', 'NASDAQ', 'Amazon.com', 184.05), ('BA', 'NYSE', 'Boeing', 168.30),
  ('BAC', 'NYSE', 'Bank of America', 39.12), ('BTC/USD', 'CRYPTO', 'Bitcoin', 61837.50),
  ('CSCO', 'NASDAQ', 'Cisco Systems', 46.89), ('DIS', 'NYSE', 'Walt Disney', 91.47),
  ('ETH/USD', 'CRYPTO', 'Ethereum', 2690.60), ('GOOGL', 'NASDAQ', 'Alphabet Class A', 167.22),
  ('INFY', '', 'Infosys', 1756.90), ('INTC', 'NASDAQ', 'Intel', 20.94),
  ('JPM', 'NYSE', 'JPMorgan Chase', 205.12), ('KO', 'NYSE', 'Coca-Cola', 68.54),
  ('META', 'NASDAQ', 'Meta Platforms', 509.69), ('MSFT', 'NASDAQ', 'Microsoft', 418.61),
  ('NFLX', 'NASDAQ', 'Netflix', 633.77), ('NVDA', 'NASDAQ', 'NVIDIA', 124.31),
  ('PFE', 'NYSE', 'Pfizer', 28.81), ('PYPL', 'NASDAQ', 'PayPal', 65.18),
  ('QQQ', 'NASDAQ', 'Invesco QQQ Trust', 450.20), ('RELIANCE', '', 'Reliance Industries', 2923.40),
  ('SPY', 'ARCA', 'SPDR S&P 500 ETF', 531.06), ('TCS', '', 'Tata Consultancy Services', 4175.20),
  ('TSLA', 'NASDAQ', 'Tesla', 243.10), ('UBER', 'NYSE', 'Uber Technologies', 71.13),
  ('V', 'NYSE', 'Visa Class A', 264.18), ('WMT', 'NYSE', 'Walmart', 69.03),
  ('XOM', 'NYSE', 'Exxon Mobil', 115.88)
) AS listed (symbol, exchange, name, base);

INSERT INTO assets (id, symbol, class, exchange, name, marginable, shortable, easy_to_borrow,
  fractionable, min_order_size, min_trade_increment, price_increment,
  maintenance_margin_requirement, attributes)
SELECT pg_temp.demo_id('asset ' || symbol), symbol,
  CASE WHEN exchange = 'CRYPTO' THEN 'crypto' ELSE 'us_equity' END, exchange, name,
  exchange NOT IN ('CRYPTO', ''), exchange NOT IN ('CRYPTO', ''), exchange NOT IN ('CRYPTO', ''),
  exchange <> '',
  CASE WHEN exchange = 'CRYPTO' THEN 0.0001 END, CASE WHEN exchange = 'CRYPTO' THEN 0.0001 END,
  CASE WHEN exchange = '' THEN 0.05 ELSE 0.01 END,
  CASE WHEN exchange NOT IN ('CRYPTO', '') THEN 30 END,
  CASE WHEN exchange NOT IN ('CRYPTO', '')
    THEN '{fractional_eh_enabled,has_options}'::text[] ELSE '{}' END
FROM demo_assets
ON CONFLICT (symbol) DO NOTHING;

UPDATE demo_assets SET name = assets.id::text FROM assets WHERE assets.symbol = demo_assets.symbol;

-- The last sixty trading days that are over, oldest first.
CREATE TEMPORARY TABLE demo_days ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY day) - 1 AS n, day, opens_at, closes_at
FROM (SELECT * FROM market_calendar WHERE closes_at < now() ORDER BY day DESC LIMIT 60) AS last;

-- A price some days before today: the base, with a slope and a wave of the symbol's own.
CREATE FUNCTION pg_temp.demo_price(symbol text, base numeric, ago numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
  SELECT round(base * (1
    + ago * (pg_temp.demo_number('slope ' || symbol, 41) - 20) / 10000
    + abs(ago % 14 - 7) * (pg_temp.demo_number('wave ' || symbol, 11) - 5) / 2000), 2)
$$;

DO $$
DECLARE
  days bigint := (SELECT count(*) FROM demo_days);
  asset record;
  held numeric;
  owner uuid;
  this uuid;
  owner_n integer;
  state text;
  buys boolean;
  kind text;
  price numeric;
  size numeric;
  cash_total numeric;
  at timestamptz;
  pieces integer;
  done numeric;
  part numeric;
BEGIN
  IF days < 60 THEN
    RAISE EXCEPTION 'the market calendar has % of the last sixty trading days', days;
  END IF;
  FOR i IN 0..199 LOOP
    owner_n := 1 + (i / 2) % 3;
    owner := pg_temp.demo_id('account ' || owner_n);
    this := pg_temp.demo_id('order ' || i);
    -- The second of a pair shares its asset: replacements and legs are pairs.
    SELECT * INTO asset FROM demo_assets
      WHERE n = pg_temp.demo_number('asset of ' || i / 2, 29);
    SELECT opens_at + make_interval(mins => 1 + pg_temp.demo_number('minute ' || i / 2, 120) + i % 2 * 30)
      INTO at FROM demo_days WHERE n = i * days / 200;
    price := pg_temp.demo_price(asset.symbol, asset.base, 60 - i * 60 / 200);
    cash_total := (ARRAY[1000000, 250000, 50000])[owner_n];
    -- Each order is worth about a hundredth of the account.
    size := greatest(round(cash_total / 100 / price, asset.qty_scale), 10.0 ^ -asset.qty_scale);

    state := CASE
      WHEN i IN (190, 191, 196, 197) THEN CASE i % 2 WHEN 0 THEN 'new' ELSE 'held' END
      WHEN i >= 160 THEN (ARRAY['new', 'partially_filled', 'accepted', 'new', 'partially_filled',
        'pending_new', 'new', 'pending_cancel', 'new', 'done_for_day'])[1 + i % 10]
      WHEN i % 40 = 10 THEN 'replaced'
      WHEN i % 16 = 5 THEN 'canceled'
      WHEN i % 16 = 13 THEN 'expired'
      WHEN i % 32 = 7 THEN 'rejected'
      ELSE 'filled' END;
    SELECT qty INTO held FROM positions WHERE account_id = owner AND asset_id = asset.name::uuid;
    held := coalesce(held, 0);
    -- Every third sells what is there; a leg sells what its order will have bought. The account with
    -- margin ends with one stock sold short.
    buys := NOT (i % 3 = 2 AND held >= size) AND state <> 'held' AND i NOT IN (158, 159);
    IF i = 158 THEN
      size := size + held;
    END IF;
    kind := CASE
      WHEN state = 'held' THEN 'limit'
      WHEN state IN ('replaced', 'expired', 'partially_filled') OR i % 40 = 11 THEN 'limit'
      WHEN i >= 160 THEN (ARRAY['limit', 'stop', 'stop_limit', 'trailing_stop', 'limit'])[1 + i % 5]
      WHEN i % 40 = 7 THEN 'market'
      ELSE (ARRAY['market', 'limit', 'market', 'limit', 'stop'])[1 + i % 5] END;

    INSERT INTO orders (id, account_id, client_order_id, asset_id, side, type, time_in_force,
      order_class, position_intent, qty, notional, limit_price, stop_price, trail_percent, hwm,
      extended_hours, status, created_at, updated_at, submitted_at, expires_at, replaces, parent_id)
    VALUES (this, owner, 'demo-' || i, asset.name::uuid,
      CASE WHEN buys THEN 'buy' ELSE 'sell' END, kind,
      CASE WHEN state = 'expired' THEN 'day' WHEN i >= 160 OR asset.exchange = 'CRYPTO' THEN 'gtc'
        ELSE 'day' END,
      CASE WHEN i IN (190, 196) THEN 'oto' ELSE 'simple' END,
      CASE WHEN buys THEN 'buy_to_open' WHEN held > 0 THEN 'sell_to_close' WHEN state = 'held'
        THEN 'sell_to_close' ELSE 'sell_to_open' END,
      CASE WHEN i % 40 <> 27 THEN size END,
      CASE WHEN i % 40 = 27 THEN round(cash_total / 200, 2) END,
      CASE WHEN kind IN ('limit', 'stop_limit')
        THEN round(price * CASE WHEN buys THEN 0.97 ELSE 1.03 END, 2) END,
      CASE WHEN kind IN ('stop', 'stop_limit')
        THEN round(price * CASE WHEN buys THEN 1.02 ELSE 0.98 END, 2) END,
      CASE WHEN kind = 'trailing_stop' THEN 1.5 END, CASE WHEN kind = 'trailing_stop' THEN price END,
      kind = 'limit' AND i % 4 = 0,
      CASE WHEN state IN ('held', 'accepted', 'pending_new') THEN state ELSE 'new' END,
      at, at, at + interval '1 millisecond',
      CASE WHEN state = 'expired' THEN at + interval '3 hours' END,
      CASE WHEN i % 40 = 11 AND i < 160 THEN pg_temp.demo_id('order ' || i - 1) END,
      CASE WHEN state = 'held' THEN pg_temp.demo_id('order ' || i - 1) END);

    IF state = 'filled' AND i % 40 = 27 THEN
      PERFORM book_fill(this, round(cash_total / 200 / price, 9), price, at + interval '2 seconds',
        pg_temp.demo_id('fill ' || i));
    ELSIF state IN ('filled', 'partially_filled')
      OR (state = 'canceled' AND i % 32 = 5) OR state = 'done_for_day' THEN
      pieces := CASE WHEN size < 4 THEN 1 ELSE 1 + pg_temp.demo_number('pieces ' || i, 3) END;
      done := 0;
      FOR piece IN 1..pieces LOOP
        part := CASE WHEN piece = pieces THEN size - done
          ELSE trunc(size / pieces, asset.qty_scale) END;
        -- Whoever is not filled keeps a part open.
        IF state <> 'filled' AND piece = pieces THEN
          part := round(part / 2, 4);
        END IF;
        PERFORM book_fill(this, part,
          least(coalesce(CASE WHEN buys AND kind = 'limit' THEN round(price * 0.97, 2) END, 1e8),
            price + (pg_temp.demo_number('tick ' || i || ' ' || piece, 21) - 10) * 0.01),
          at + make_interval(secs => piece * 1.25), pg_temp.demo_id('fill ' || i || ' ' || piece));
        done := done + part;
      END LOOP;
    END IF;

    CASE state
      WHEN 'canceled' THEN UPDATE orders SET status = 'canceled',
        canceled_at = at + interval '40 minutes', updated_at = at + interval '40 minutes' WHERE id = this;
      WHEN 'expired' THEN UPDATE orders SET status = 'expired',
        expired_at = at + interval '3 hours', updated_at = at + interval '3 hours' WHERE id = this;
      WHEN 'rejected' THEN UPDATE orders SET status = 'rejected',
        failed_at = at + interval '5 milliseconds', updated_at = at + interval '5 milliseconds'
        WHERE id = this;
      WHEN 'replaced' THEN UPDATE orders SET status = 'replaced',
        replaced_by = pg_temp.demo_id('order ' || i + 1), replaced_at = at + interval '30 minutes',
        updated_at = at + interval '30 minutes' WHERE id = this;
      WHEN 'pending_cancel', 'done_for_day' THEN UPDATE orders SET status = state,
        updated_at = at + interval '1 hour' WHERE id = this;
      ELSE NULL;
    END CASE;
  END LOOP;
END $$;

INSERT INTO watchlists (id, account_id, name, created_at, updated_at)
SELECT pg_temp.demo_id('watchlist ' || name || owner), pg_temp.demo_id('account ' || owner), name,
  now() - interval '90 days', now() - interval '90 days'
FROM (VALUES (1, 'Primary'), (1, 'Technology'), (2, 'Primary'), (3, 'Primary'), (3, 'India'))
  AS lists (owner, name);

INSERT INTO watchlist_items (watchlist_id, asset_id, position)
SELECT pg_temp.demo_id('watchlist ' || list || owner), assets.id, place - 1
FROM (VALUES
  (1, 'Primary', '{AAPL,MSFT,BTC/USD,SPY}'), (1, 'Technology', '{NVDA,AMD,INTC,META,GOOGL,AMZN,CSCO}'),
  (2, 'Primary', '{JPM,BAC,V,PYPL}'), (3, 'Primary', '{ETH/USD,BTC/USD}'), (3, 'India', '{RELIANCE,TCS,INFY}')
) AS lists (owner, list, symbols),
  unnest(symbols::text[]) WITH ORDINALITY AS wanted (symbol, place)
  JOIN assets ON assets.symbol = wanted.symbol;

-- At each close: what cash the fills until then had left, and the holdings at that day's prices.
INSERT INTO equity_history (account_id, at, equity, cash)
SELECT account.id, day.closes_at,
  cash.left_over + coalesce(sum(held.qty * pg_temp.demo_price(listed.symbol, listed.base, 60 - day.n)), 0),
  cash.left_over
FROM demo_days AS day
  CROSS JOIN (SELECT pg_temp.demo_id('account ' || n) AS id, start
    FROM (VALUES (1, 1000000), (2, 250000), (3, 50000)) AS demo (n, start)) AS account
  CROSS JOIN LATERAL (
    SELECT account.start - coalesce(sum(
      CASE side WHEN 'buy' THEN fills.qty ELSE -fills.qty END * fills.price), 0) AS left_over
    FROM fills JOIN orders ON orders.id = fills.order_id
    WHERE fills.account_id = account.id AND fills.at <= day.closes_at) AS cash
  LEFT JOIN LATERAL (
    SELECT orders.asset_id, sum(CASE side WHEN 'buy' THEN fills.qty ELSE -fills.qty END) AS qty
    FROM fills JOIN orders ON orders.id = fills.order_id
    WHERE fills.account_id = account.id AND fills.at <= day.closes_at
    GROUP BY orders.asset_id) AS held ON true
  LEFT JOIN demo_assets AS listed ON listed.name = held.asset_id::text
GROUP BY account.id, day.closes_at, cash.left_over;
